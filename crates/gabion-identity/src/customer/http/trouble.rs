//! What a customer reads, or a script of ours gets, when something did not happen.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gabion_core::Blame;
use gabion_page::text::Language;
use gabion_web::Problem;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::json;

use super::view::Frame;
use super::{ACCOUNT_PATH, Caller, SIGN_IN_PATH, STEP_UP_PATH};
use crate::customer::words::Words;
use crate::customer::{CustomerError, Customers};

/// What did not happen, and why.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    status: StatusCode,
    code: &'static str,
    text: &'static str,
    wait_seconds: Option<u64>,
    /// Where to go instead.
    location: Option<HeaderValue>,
}

impl Trouble {
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "error.internal")
    }

    pub(super) fn foreign() -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign_origin", "error.foreign")
    }

    /// Whoever wants this has to sign in first.
    pub(super) fn sign_in(method: &Method, uri: &Uri) -> Self {
        // What was posted is gone; the page it was posted from is there.
        let page = uri.path_and_query().filter(|_| method == Method::GET);
        let here = page.map_or(ACCOUNT_PATH, |path| path.as_str());
        let next: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
        let location = HeaderValue::try_from(format!("{SIGN_IN_PATH}?next={next}")).ok();
        Self { location, ..Self::new(StatusCode::UNAUTHORIZED, "signed_out", "error.signed-out") }
    }

    /// These pages exist over TLS only.
    pub(super) fn plain(origin: &str, uri: &Uri) -> Self {
        let location = HeaderValue::try_from(format!("{origin}{}", uri.path())).ok();
        Self { location, ..Self::new(StatusCode::FORBIDDEN, "plain_http", "error.foreign") }
    }

    /// Whoever wants this has to show again who they are.
    pub(super) fn step_up(next: &'static str) -> Self {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let location = HeaderValue::try_from(format!("{STEP_UP_PATH}?next={next}")).ok();
        Self { location, ..Self::from(CustomerError::NotFresh) }
    }

    fn new(status: StatusCode, code: &'static str, text: &'static str) -> Self {
        Self { status, code, text, wait_seconds: None, location: None }
    }

    /// The key of the sentence about it.
    pub(super) fn text(&self) -> &'static str {
        self.text
    }

    /// Whether a person can do something about it where they are.
    pub(super) fn is_tellable(&self) -> bool {
        self.status.is_client_error() && self.location.is_none()
            || self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Puts status and waiting time on a page that tells of it.
    pub(super) fn on(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        self.put_wait(response.headers_mut());
        response
    }

    fn put_wait(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.wait_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
    }
}

impl From<CustomerError> for Trouble {
    fn from(error: CustomerError) -> Self {
        if error.blame() != Blame::Client {
            tracing::error!(%error, "A customer was not served: {}", gabion_core::blame::chain(&error));
        }
        let wait_seconds = error.wait().map(|wait| wait.as_secs().max(1));
        Self { wait_seconds, ..Self::new(error.status(), error.code(), error.text_key()) }
    }
}

/// A form that cannot be read.
impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::new(problem.status(), "invalid_body", "error.field")
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

pub(super) async fn nothing_here() -> Trouble {
    Trouble::new(StatusCode::NOT_FOUND, "not_found", "error.not-found")
}

#[derive(Template)]
#[template(path = "customer/trouble.html")]
struct TroublePage<'a> {
    frame: &'a Frame,
    text: &'a str,
    wait_seconds: Option<u64>,
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Writes troubles as pages or JSON, in the customer's language.
pub(super) async fn show(State(customers): State<Customers>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let languages = text_of(request.headers(), ACCEPT_LANGUAGE);
    let is_navigation = text_of(request.headers(), ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    let mut response = next.run(request).await;
    let Some(trouble) = response.extensions().get::<Arc<Trouble>>().cloned() else { return response };
    if let Some(location) = trouble.location.clone().filter(|_| is_navigation) {
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(LOCATION, location);
        return response;
    }
    let site = caller.and_then(|caller| customers.site(&caller.site).ok());
    let site_language = site.as_ref().map_or(Language::En, |site| site.language);
    let words = Words::new(Language::negotiate(site_language, languages.as_deref()));
    trouble.put_wait(response.headers_mut());
    let text = words.text(trouble.text);
    let (kind, body) = if is_navigation {
        let name = site.map(|site| site.name.clone()).unwrap_or_default();
        let frame = Frame::new(words, &name, "error.title");
        let page = TroublePage { frame: &frame, text, wait_seconds: trouble.wait_seconds }.render();
        ("text/html; charset=utf-8", page.unwrap_or_else(|_| text.to_owned()))
    } else {
        let document = json!({ "status": trouble.status.as_u16(), "code": trouble.code, "detail": text });
        ("application/problem+json", document.to_string())
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *response.body_mut() = body.into();
    response
}
