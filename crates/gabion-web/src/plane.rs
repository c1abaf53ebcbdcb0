//! The outside of the control plane: what every request and answer gets, whatever the handler does.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use gabion_core::{Clock, Entropy};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use tracing::Instrument;

use crate::auth::{accepts_html, is_api};
use crate::{AllowedHosts, Problem, host};

gabion_core::id!(
    /// One request to the control plane; in its answer, its problem and its log lines.
    pub RequestId, "req"
);

/// The header that tells a request's id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Shows a problem as a page to a browser.
pub type ErrorPage = Arc<dyn Fn(&Problem, RequestId) -> Response + Send + Sync>;

/// What the control plane's answers share.
#[derive(Clone)]
pub struct Plane {
    /// Names it answers to.
    pub hosts: AllowedHosts,
    /// The content security policy of its pages.
    pub csp: HeaderValue,
    /// How browsers see problems.
    pub error_page: ErrorPage,
    /// Time for request ids.
    pub clock: Arc<dyn Clock>,
    /// Randomness for request ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Plane {
    /// Wraps the merged routers of all domains. Call it once, last.
    pub fn finish(self, router: Router) -> Router {
        // Innermost first, as axum adds layers: problems are shown last, so that the ones made by inner layers
        // get an id and headers too.
        router
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(self.hosts.clone(), host::check))
            .layer(from_fn(panics_are_problems))
            .layer(from_fn_with_state(self.csp.clone(), response_headers))
            .layer(from_fn_with_state(self, show_problems))
    }
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", gabion_core::limits::cut(uri.path(), 200)))
}

async fn wrong_method(method: Method) -> Problem {
    let detail = format!("{method} is not possible here; the Allow header says what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

async fn panics_are_problems(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("A handler of the control plane panicked; standard error has the place");
            Problem::internal().into_response()
        }
    }
}

/// Headers no answer may lack. A handler's own `Cache-Control` and policy stay: static files are cached.
async fn response_headers(State(csp): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(csp);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    put_guards(headers, "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    response
}

/// Puts headers on an answer that no page of ours may lack, whatever it brings. `permissions` is its `Permissions-Policy`.
pub fn put_guards(headers: &mut HeaderMap, permissions: &'static str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", permissions),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

async fn show_problems(State(plane): State<Plane>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(plane.clock.now(), &*plane.entropy);
    request.extensions_mut().insert(id);
    let (parts, body) = request.into_parts();
    let as_page = !is_api(&parts.uri) && accepts_html(&parts);
    let path = loggable(parts.uri.path());
    let span = tracing::info_span!("request", request.id = %id, method = %parts.method, path = %path);
    let mut response = next.run(Request::from_parts(parts, body)).instrument(span).await;
    if let Some(problem) = response.extensions().get::<Problem>().cloned() {
        let shown =
            if as_page { (plane.error_page)(&problem, id) } else { problem.document(Some(&id.to_string())) };
        replace_body(&mut response, shown);
    }
    let id = HeaderValue::try_from(id.to_string()).expect("ids are ASCII");
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// The path without segments that may be secrets: one-time links carry a token longer than any id.
fn loggable(path: &str) -> String {
    const SEGMENT_BYTES_MAX: usize = 40;
    let shown =
        |segment: &'_ str| if segment.len() > SEGMENT_BYTES_MAX { "…".into() } else { segment.to_owned() };
    path.split('/').map(shown).collect::<Vec<String>>().join("/")
}

fn replace_body(response: &mut Response, shown: Response) {
    let (parts, body) = shown.into_parts();
    let content_type = |headers: &HeaderMap| headers.get(CONTENT_TYPE).cloned();
    if let Some(content_type) = content_type(&parts.headers) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = body;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_paths_are_not_logged() {
        assert_eq!(
            loggable("/api/v1/staff/stf_00000000000000000000000005"),
            "/api/v1/staff/stf_00000000000000000000000005"
        );
        assert_eq!(loggable(&format!("/setup/{}", "x".repeat(43))), "/setup/…");
    }
}
