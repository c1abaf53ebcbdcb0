//! A control plane around any router, with principals named in a header instead of sessions and keys.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{Html, IntoResponse, Response};
use gabion_core::{Secret, Timestamp};
use gabion_crypto::{KeyRing, Seal, SystemEntropy};
use gabion_test::{SeededEntropy, TestClock};
use gabion_web::auth::{self, Authenticate, Authentication};
use gabion_web::{
    AllowedHosts, ApiKey, ApiKeyId, Csrf, Plane, Principal, Problem, SessionId, Staff, StaffId,
};
use http::request::{Builder, Parts};
use http::{HeaderValue, Request};
use tower::ServiceExt;

/// Takes `x-role: owner` for a session of that role and `authorization: scope scope` for an API key.
struct ByHeader;

impl Authenticate for ByHeader {
    fn authenticate<'a>(
        &'a self,
        parts: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Authentication> + Send + 'a>> {
        let header = |name| parts.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap());
        let principal = match (header("x-role"), header("authorization")) {
            (_, Some("revoked")) => Err(Problem::unauthenticated()),
            (_, Some(scopes)) => Ok(Some(Principal::ApiKey(ApiKey {
                id: ApiKeyId::from_bits(1),
                name: "key".into(),
                scopes: scopes.parse().unwrap(),
            }))),
            (Some(role), None) => Ok(Some(Principal::Staff(Staff {
                id: StaffId::from_bits(1),
                name: "Ann".into(),
                role: role.parse().unwrap(),
                session: session(),
            }))),
            (None, None) => Ok(None),
        };
        Box::pin(std::future::ready(principal))
    }
}

pub(crate) fn session() -> SessionId {
    SessionId::from_bits(1)
}

pub(crate) fn csrf() -> Csrf {
    let mut ring = KeyRing::open(Seal::File(Secret::new([1; 32])), []).unwrap();
    for row in ring.new_rows_needed(Timestamp::default(), &SeededEntropy::new(1)) {
        ring.add(&row).unwrap();
    }
    let ring = Arc::new(ring);
    Csrf::new(move || Arc::clone(&ring))
}

pub(crate) fn plane(router: Router, csrf: Csrf) -> Router {
    let plane = Plane {
        hosts: AllowedHosts::new(["console.test"]),
        csp: HeaderValue::from_static("default-src 'self'"),
        error_page: Arc::new(|problem, id| {
            Html(format!("<h1>{}</h1><p>{}</p>{id}", problem.status(), problem.detail())).into_response()
        }),
        clock: Arc::new(TestClock::new()),
        entropy: Arc::new(SystemEntropy::new()),
    };
    plane.finish(auth::layer(router, Arc::new(ByHeader), csrf))
}

pub(crate) fn get(path: &str) -> Builder {
    Request::get(path).header("host", "console.test:9443")
}

pub(crate) fn post(path: &str) -> Builder {
    Request::post(path).header("host", "console.test:9443")
}

pub(crate) struct Answer {
    pub(crate) response: Response<()>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }
}

pub(crate) async fn send(router: &Router, request: Builder, body: impl Into<Body>) -> Answer {
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { response: Response::from_parts(parts, ()), text: String::from_utf8(bytes.to_vec()).unwrap() }
}
