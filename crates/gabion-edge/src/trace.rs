//! Around all defences: gives the request its id, times and counts it, and turns refusals into calm pages.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gabion_core::{Actor, Event, card};
use gabion_page::error_page::{ErrorPage, PROBLEM_CONTENT_TYPE, error_page, problem_json};
use gabion_page::text::Language;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Request, Response, StatusCode, Version};

use crate::client_addr::client;
use crate::forward::X_REQUEST_ID;
use crate::guard::Arrival;
use crate::layer::{Connection, Outcome, Visit};
use crate::notes::{Notes, micros};
use crate::passage::Passage;
use crate::state::State;
use crate::trace_context::TraceContext;
use crate::transfer::counted;
use crate::{Body, Edge, Refusal, RequestId};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Begins with a request that has arrived: gives it its id, finds out who the client is, and starts its clock. Every
/// request comes to its [`end`], whatever way it goes, or its customer leaves.
pub(crate) fn begin(
    edge: &Edge,
    state: Arc<State>,
    connection: &Arc<Connection>,
    arrival: Option<Arrival>,
    mut request: Request<Body>,
) -> (Box<Visit>, Passage) {
    let now = edge.now();
    let id = RequestId::new(now, edge.entropy());
    let client = client(connection.peer.ip(), connection.https, request.headers(), &state.trusted_proxies);
    let mut passage = Passage::begin(edge, &state, connection, &request, id, client, now);
    let raw_head = passage.arrived(arrival);
    TraceContext::pass_on(passage.trace.as_ref(), request.headers_mut());
    let facts = Arc::clone(&passage.facts);
    (Visit::new(request, raw_head, passage.id_value.clone(), edge.clone(), state, facts), passage)
}

/// Ends with the answer: turns a refusal into a calm page, times it, counts it, and says what its id is.
pub(crate) fn end(outcome: Outcome, mut passage: Passage) -> Response<Body> {
    let turned_away = matches!(
        &outcome,
        Err(Refusal::Limited { .. }
            | Refusal::Blocked
            | Refusal::Overloaded
            | Refusal::Stopped { .. }
            | Refusal::Script { .. })
    );
    passage.facts.connection.refusals.count(turned_away);
    let mut response = outcome.unwrap_or_else(|refusal| refuse(&refusal, &mut passage));
    let (total, shop) = passage.answered(response.status());
    tracing::debug!(
        request.id = %passage.facts.id, method = %passage.method(), path = %card::mask(&passage.path()),
        status = response.status().as_u16(), total_us = micros(total), "Request answered"
    );
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, unrepeated(passage.id_value.clone()));
    if passage.site().is_some_and(|site| site.server_timing) {
        let timing = server_timing(total, shop, &passage.facts.notes);
        headers.append(SERVER_TIMING, unrepeated(timing));
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        passage.switch();
    }
    response.map(|body| counted(body, passage))
}

fn refuse(refusal: &Refusal, passage: &mut Passage) -> Response<Body> {
    let metrics = passage.edge.metrics();
    metrics.refused.fetch_add(1, Ordering::Relaxed);
    if let Refusal::Malformed(_) = refusal {
        metrics.malformed.fetch_add(1, Ordering::Relaxed);
    }
    if let Some(kind) = refusal.event() {
        let recorder = passage.edge.recorder();
        recorder.record(kind, Actor::Visitor, |event| describe(event, refusal, passage));
    }
    passage.refused(refusal);
    let mut response = page(refusal, passage);
    // What is left of the request body is not read, or nobody knows what comes after a request like this: the
    // connection carries no other. Who is blocked or shed gives its place free.
    let cut = matches!(
        refusal,
        Refusal::Malformed(_)
            | Refusal::BadRequest(_)
            | Refusal::UnknownHost { .. }
            | Refusal::EncodedBody
            | Refusal::BodyTooLarge { .. }
            | Refusal::BodyStalled { .. }
            | Refusal::BodySlow { .. }
            | Refusal::BodyBroken
            | Refusal::Blocked
            | Refusal::Stopped { .. }
            | Refusal::Uninspectable { .. }
            | Refusal::Uninspected
            | Refusal::Upload { .. }
            | Refusal::Unscanned
            | Refusal::Script { .. }
            | Refusal::Overloaded
    );
    if passage.version < Version::HTTP_2 && cut {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn describe(event: Event, refusal: &Refusal, passage: &Passage) -> Event {
    let event = match passage.site() {
        Some(site) => event.site(&site.id),
        None => event,
    };
    let event = match refusal.upstream() {
        Some(upstream) => event.entity("upstream", upstream),
        None => event,
    };
    let event = match passage.facts.connection.ja4() {
        Some(ja4) => event.field("ja4", ja4),
        None => event,
    };
    let event = match &passage.trace {
        Some(trace) => event.entity("trace", format!("{:032x}", trace.trace_id)),
        None => event,
    };
    let event = match &passage.seen {
        Some(seen) => event.field("rules", seen.as_ref()),
        None => event,
    };
    event
        .entity("request", passage.facts.id)
        .field("status", i64::from(refusal.status().as_u16()))
        .field("reason", refusal.to_string())
        .field("method", passage.method().into_owned())
        .field("path", passage.path().into_owned())
        .personal("address", passage.facts.client.address.to_string())
}

/// The page or problem a customer sees instead of the shop's answer.
fn page(refusal: &Refusal, passage: &Passage) -> Response<Body> {
    let text =
        |value: &Option<HeaderValue>| value.as_ref().and_then(|value| value.to_str().ok().map(str::to_owned));
    let accept = text(&passage.accept).unwrap_or_default();
    let own = passage.site().map_or(Language::En, |site| site.language);
    let id = passage.facts.id.to_string();
    let page = ErrorPage {
        language: Language::negotiate(own, text(&passage.accept_language).as_deref()),
        status: refusal.status().as_u16(),
        kind: refusal.page(),
        site_name: passage.site().map(|site| site.name.as_str()),
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
    if let Some(challenge) = refusal.challenge() {
        put(headers, WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = refusal.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A value that comes once: HTTP/2 must not put it into the table of values that come again (RFC 7541 section 7.1.3),
/// where it would take the place of those that do.
fn unrepeated(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    headers.insert(name, HeaderValue::from_str(value).expect("our own values are header values"));
}

/// `Server-Timing` (W3C): what Gabion took and what the shop took, in milliseconds; and of that, what a place and a
/// connection took where the request had to wait for them.
fn server_timing(total: Duration, shop: Option<Duration>, notes: &Notes) -> HeaderValue {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let mut text = format!("gabion;dur={:.2}", ms(total.saturating_sub(shop.unwrap_or_default())));
    let phases =
        [("shop", shop), ("queue", micros_of(notes.queue_us())), ("connect", micros_of(notes.connect_us()))];
    for (name, duration) in phases {
        if let Some(duration) = duration {
            write!(text, ", {name};dur={:.2}", ms(duration)).expect("writing to a string cannot fail");
        }
    }
    HeaderValue::try_from(text).expect("numbers are a header value")
}

fn micros_of(us: Option<u64>) -> Option<Duration> {
    us.map(Duration::from_micros)
}
