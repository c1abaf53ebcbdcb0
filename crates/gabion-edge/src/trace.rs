//! The outermost layer: gives the request its id, times and counts it, and turns refusals into calm pages.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gabion_core::{Actor, Entropy, Event, card};
use gabion_page::error_page::{ErrorPage, PROBLEM_CONTENT_TYPE, error_page, problem_json};
use gabion_page::text::Language;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, Uri, Version};

use crate::config::Site;
use crate::event::Recorder;
use crate::forward::X_REQUEST_ID;
use crate::layer::{Connection, Context, Found};
use crate::metrics::{Gauge, Metrics};
use crate::proxy::Served;
use crate::state::State;
use crate::tls::Ja4;
use crate::transfer::counted;
use crate::{Body, Refusal, RequestId};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What the outermost layer works with.
#[derive(Clone)]
pub(crate) struct Trace {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recorder: Recorder,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// What is kept of a request for the case that it is refused.
struct Kept {
    method: Method,
    uri: Uri,
    accept: Option<HeaderValue>,
    accept_language: Option<HeaderValue>,
    peer: IpAddr,
    ja4: Option<Ja4>,
    found: Arc<Found>,
}

impl Kept {
    fn site(&self) -> Option<&Arc<Site>> {
        self.found.site.get()
    }

    /// The client, or the peer when the request did not come so far that anybody asked.
    fn address(&self) -> IpAddr {
        self.found.client.get().map_or(self.peer, |client| client.address)
    }
}

impl Trace {
    /// Answers a request by `inner`, whatever happens.
    pub(crate) async fn answer<F, Fut>(
        self,
        mut request: Request<Body>,
        state: Arc<State>,
        connection: Arc<Connection>,
        inner: F,
    ) -> Response<Body>
    where
        F: FnOnce(Request<Body>) -> Fut,
        Fut: Future<Output = Result<Response<Body>, Refusal>>,
    {
        let started = Instant::now();
        let in_flight = Gauge::raise(&self.metrics, |metrics| &metrics.in_flight);
        let id = RequestId::new(self.recorder.clock.now(), self.entropy.as_ref());
        let kept = Kept {
            method: request.method().clone(),
            uri: request.uri().clone(),
            accept: request.headers().get(ACCEPT).cloned(),
            accept_language: request.headers().get(ACCEPT_LANGUAGE).cloned(),
            peer: connection.peer.ip().to_canonical(),
            ja4: connection.ja4,
            found: Arc::default(),
        };
        let http1 = request.version() < Version::HTTP_2;
        request.extensions_mut().insert(Context { id, state, connection, found: Arc::clone(&kept.found) });
        let (mut response, shop) = match inner(request).await {
            Ok(response) => {
                let shop = response.extensions().get::<Served>().map(|served| served.shop);
                (response, shop)
            }
            Err(refusal) => (self.refuse(&refusal, id, &kept, http1), None),
        };
        let total = started.elapsed();
        self.metrics.answered(response.status(), total, shop);
        tracing::debug!(
            request.id = %id, method = %kept.method, path = %card::mask(kept.uri.path()), status = response.status().as_u16(),
            total_us = u64::try_from(total.as_micros()).unwrap_or(u64::MAX), "Request answered"
        );
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        response.headers_mut().append(SERVER_TIMING, server_timing(total, shop));
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, counted(body, &self.metrics, in_flight))
    }

    fn refuse(&self, refusal: &Refusal, id: RequestId, kept: &Kept, http1: bool) -> Response<Body> {
        self.metrics.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Some(kind) = refusal.event() {
            self.recorder.record(kind, Actor::Visitor, |event| describe(event, refusal, id, kept));
        }
        let mut response = page(refusal, id, kept);
        // What is left of the request body is not read: the connection cannot carry another request. Who is blocked or
        // shed gives its place free.
        let cut = matches!(
            refusal,
            Refusal::BodyTooLarge { .. }
                | Refusal::BodyStalled { .. }
                | Refusal::BodySlow { .. }
                | Refusal::BodyBroken
                | Refusal::Blocked
                | Refusal::Overloaded
        );
        if http1 && cut {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn describe(event: Event, refusal: &Refusal, id: RequestId, kept: &Kept) -> Event {
    let event = match kept.site() {
        Some(site) => event.site(&site.id),
        None => event,
    };
    let event = match refusal.upstream() {
        Some(upstream) => event.entity("upstream", upstream),
        None => event,
    };
    let event = match kept.ja4 {
        Some(ja4) => event.field("ja4", ja4.as_str()),
        None => event,
    };
    event
        .entity("request", id)
        .field("status", i64::from(refusal.status().as_u16()))
        .field("reason", refusal.to_string())
        .field("method", kept.method.as_str())
        .field("path", kept.uri.path())
        .personal("address", kept.address().to_string())
}

/// The page or problem a customer sees instead of the shop's answer.
fn page(refusal: &Refusal, id: RequestId, kept: &Kept) -> Response<Body> {
    let text =
        |value: &Option<HeaderValue>| value.as_ref().and_then(|value| value.to_str().ok().map(str::to_owned));
    let accept = text(&kept.accept).unwrap_or_default();
    let own = kept.site().map_or(Language::En, |site| site.language);
    let id = id.to_string();
    let page = ErrorPage {
        language: Language::negotiate(own, text(&kept.accept_language).as_deref()),
        status: refusal.status().as_u16(),
        kind: refusal.page(),
        site_name: kept.site().map(|site| site.name.as_str()),
        request_id: &id,
        retry_after_seconds: refusal.retry_after_seconds(),
    };
    let html = accept.contains("text/html") || !accept.contains("json");
    let mut response = if html {
        let page = error_page(page);
        let mut response = Response::new(Body::from(page.html));
        put(response.headers_mut(), CONTENT_TYPE, "text/html; charset=utf-8");
        put(response.headers_mut(), CONTENT_SECURITY_POLICY, &page.csp);
        response
    } else {
        let mut response = Response::new(Body::from(problem_json(page)));
        put(response.headers_mut(), CONTENT_TYPE, PROBLEM_CONTENT_TYPE);
        response
    };
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    put(headers, CACHE_CONTROL, "no-store");
    put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(headers, VARY, "Accept, Accept-Language");
    if let Refusal::Limited { limit, decision } = refusal {
        limit.tell(headers, *decision);
    }
    if let Some(seconds) = refusal.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    headers.insert(name, HeaderValue::from_str(value).expect("our own values are header values"));
}

/// `Server-Timing` (W3C): what Gabion took and what the shop took, in milliseconds.
fn server_timing(total: Duration, shop: Option<Duration>) -> HeaderValue {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let text = match shop {
        Some(shop) => format!("gabion;dur={:.2}, shop;dur={:.2}", ms(total.saturating_sub(shop)), ms(shop)),
        None => format!("gabion;dur={:.2}", ms(total)),
    };
    HeaderValue::try_from(text).expect("numbers are a header value")
}
