//! From a request to a verified principal. The domain that knows sessions and keys implements [`Authenticate`];
//! only this module's layer can put what it found where the extractors of [`crate::access`] look.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{ACCEPT, AUTHORIZATION};
use http::request::Parts;
use http::{Method, StatusCode, Uri};

use crate::{Csrf, Principal, Problem, origin};

/// Where people sign in. Pages that need a session send them there with `?next=`.
pub const SIGN_IN_PATH: &str = "/sign-in";

/// Paths of the JSON API begin with this; everything else is a page.
pub const API_PREFIX: &str = "/api/";

/// What came of looking at a request.
pub type Authentication = Result<Option<Principal>, Problem>;

/// Turns a request's cookie or key into a principal. Implemented by identity.
///
/// `None` means: nothing was presented, or a session that is over. A key that is malformed, unknown, expired or
/// revoked is a [`Problem`] with status 401, so that a program never goes on as nobody.
pub trait Authenticate: Send + Sync + 'static {
    /// Looks at the request's headers; may read the database.
    fn authenticate<'a>(
        &'a self,
        parts: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Authentication> + Send + 'a>>;
}

/// What the layer verified. Private fields: no handler can make one.
#[derive(Clone)]
pub(crate) struct Verified {
    pub(crate) principal: Principal,
    pub(crate) csrf: Csrf,
}

#[derive(Clone)]
struct Layer {
    by: Arc<dyn Authenticate>,
    csrf: Csrf,
}

/// Puts a verified principal in front of every handler of `router`. Requests that change something and rely on
/// a cookie must come from our own pages. Pages without a session redirect to [`SIGN_IN_PATH`].
pub fn layer(router: Router, by: Arc<dyn Authenticate>, csrf: Csrf) -> Router {
    router.layer(from_fn_with_state(Layer { by, csrf }, authenticate))
}

async fn authenticate(State(layer): State<Layer>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let sign_in = sign_in_instead(&parts);
    if let Err(problem) = admit(&layer, &mut parts).await {
        return problem.into_response();
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    match sign_in {
        Some(redirect) if response.status() == StatusCode::UNAUTHORIZED => redirect.into_response(),
        _ => response,
    }
}

async fn admit(layer: &Layer, parts: &mut Parts) -> Result<(), Problem> {
    let bearer = parts.headers.contains_key(AUTHORIZATION);
    if !bearer && changes_something(&parts.method) {
        origin::check(parts)?; // before any database is asked: cookies come along from foreign pages too
    }
    if let Some(principal) = layer.by.authenticate(parts).await? {
        parts.extensions.insert(Verified { principal, csrf: layer.csrf.clone() });
    }
    Ok(())
}

/// Safe methods of RFC 9110 section 9.2.1 change nothing.
fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn sign_in_instead(parts: &Parts) -> Option<Redirect> {
    let page = parts.method == Method::GET && !is_api(&parts.uri) && accepts_html(parts);
    let here = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let next = form_urlencoded::byte_serialize(here.as_bytes());
    page.then(|| Redirect::to(&format!("{SIGN_IN_PATH}?next={}", next.collect::<String>())))
}

/// Says whether a path belongs to the JSON API.
pub fn is_api(uri: &Uri) -> bool {
    uri.path().starts_with(API_PREFIX)
}

pub(crate) fn accepts_html(parts: &Parts) -> bool {
    let accepts = parts.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.into_iter().any(|value| value.contains("text/html"))
}

pub(crate) fn verified(parts: &Parts) -> Result<&Verified, Problem> {
    parts.extensions.get::<Verified>().ok_or_else(Problem::unauthenticated)
}
