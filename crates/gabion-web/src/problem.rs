//! Errors as RFC 9457 problem documents.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use gabion_core::Blame;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// Media type of problem documents, RFC 9457 section 3.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Places reported in one problem; further ones are left out.
pub const FAULTS_MAX: usize = 32;

/// Where in the request something is wrong, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The place.
    #[serde(flatten)]
    pub at: Place,
    /// One sentence.
    pub detail: String,
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// JSON pointer into the body (RFC 6901): `/name`; empty for the whole body.
    Pointer(String),
    /// Name of a query parameter.
    Parameter(&'static str),
    /// Name of a header.
    Header(&'static str),
}

/// An error answer. Under `/api` it is sent as `application/problem+json`; elsewhere [`crate::Plane`] may show
/// it as a page. `code` never changes its meaning; programs match on it, people read `detail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}

impl Problem {
    /// A problem with a stable code in snake case and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), faults: Vec::new(), retry_after: None }
    }

    /// 400 `invalid_request`.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// 401 `unauthenticated`: nobody is signed in and no key was sent.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in or send an API key")
    }

    /// 403 `forbidden`: known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404 `not_found`.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409 with a code that names the conflict.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 500 `internal`: what happened is in the log, under the request id.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the log has the details under the request id",
        )
    }

    /// 503 `unavailable`: try again after `wait`.
    pub fn unavailable(detail: impl Into<String>, wait: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(wait)
    }

    /// The problem an error becomes. A client's mistake is told in the error's own words; anything else is
    /// logged here, once, and answered without details.
    pub fn of(blame: Blame, code: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        match blame {
            Blame::Client => Self::new(StatusCode::BAD_REQUEST, code, error.to_string()),
            Blame::Upstream => {
                tracing::warn!(error = chain(error), code, "A request needed something that did not answer");
                Self::new(StatusCode::BAD_GATEWAY, code, "a system this depends on did not answer")
            }
            Blame::Operator => {
                tracing::error!(error = chain(error), code, "A request could not be served");
                Self::unavailable(
                    "not possible right now; the operator's log says why",
                    Duration::from_secs(10),
                )
            }
            Blame::Bug => {
                tracing::error!(error = chain(error), code, "A request met a broken invariant");
                Self::internal()
            }
        }
    }

    /// Points at a place in the request that is wrong.
    #[must_use]
    pub fn fault(mut self, at: Place, detail: impl Into<String>) -> Self {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { at, detail: detail.into() });
        }
        self
    }

    /// Says when to try again; sent in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whole seconds to wait before trying again, rounded up.
    pub fn wait_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// The places that are wrong.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The answer as a problem document, with the request id when one is known.
    pub fn document(&self, request_id: Option<&str>) -> Response {
        let document = Document {
            r#type: format!("urn:gabion:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            request_id,
            errors: &self.faults,
        };
        let body = serde_json::to_vec(&document).expect("problem documents serialize");
        self.answer((self.status, [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response())
    }

    /// Gives any response the headers this problem asks for, and the problem itself as an extension.
    pub fn answer(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.wait_seconds() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"gabion\"");
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.document(None)
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    async fn body(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a whole body");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[tokio::test]
    async fn a_problem_is_a_document_with_a_stable_code_and_places() {
        let response = Problem::invalid("two things are wrong")
            .fault(Place::Pointer("/name".into()), "empty")
            .fault(Place::Parameter("limit"), "too large")
            .document(Some("req_1"));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        let expected = json!({
            "type": "urn:gabion:problem:invalid_request",
            "title": "Bad Request",
            "status": 400,
            "code": "invalid_request",
            "detail": "two things are wrong",
            "request_id": "req_1",
            "errors": [
                { "pointer": "/name", "detail": "empty" },
                { "parameter": "limit", "detail": "too large" },
            ],
        });
        assert_eq!(body(response).await, expected);
    }

    #[test]
    fn waits_are_rounded_up_to_seconds() {
        let response = Problem::unavailable("busy", Duration::from_millis(1500)).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }

    #[test]
    fn only_the_clients_own_mistakes_are_told_in_detail() {
        let error = std::io::Error::other("/var/lib/gabion is full");
        assert_eq!(Problem::of(Blame::Client, "x", &error).detail(), "/var/lib/gabion is full");
        for (blame, status) in [(Blame::Upstream, 502), (Blame::Operator, 503), (Blame::Bug, 500)] {
            let problem = Problem::of(blame, "x", &error);
            assert_eq!(problem.status().as_u16(), status);
            assert!(!problem.detail().contains("/var"), "{problem:?}");
        }
    }
}
