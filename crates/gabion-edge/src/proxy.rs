//! The innermost service: asks the shop.

pub(crate) mod attempts;
pub(crate) mod websocket;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, Request, Response, request, response};
use http_body::Body as HttpBody;
use hyper::upgrade::OnUpgrade;

use crate::config::EncodedBodies;
use crate::forward::{self, Origination, Said};
use crate::layer::{Next, Outcome, Visit};
use crate::module::Module;
use crate::notes::{Notes, waited};
use crate::proxy::attempts::{Attempts, Sent};
use crate::proxy::websocket::Asked;
use crate::transfer::{Lease, Pace, Upload, download};
use crate::tunnel::ShopSide;
use crate::upstream::places::Place;
use crate::upstream::shop_body::ShopBody;
use crate::upstream::{Upstream, Wish};
use crate::{Body, Edge, Refusal, guard};

/// Asks the shop.
#[derive(Clone)]
pub(crate) struct Proxy;

impl Next for Proxy {
    /// Boxed, as the one large future of the stack: every layer around it would move it on its way in.
    fn call(self, visit: Box<Visit>) -> impl Future<Output = Outcome> + Send {
        Box::pin(forward(visit))
    }
}

/// What the answer to a request needs to know of it.
struct Journey<'a> {
    edge: &'a Edge,
    upstream: &'a Upstream,
    notes: &'a Notes,
    from: Origination,
    wish: Wish,
    upload: Arc<Upload>,
    place: Option<Place>,
}

async fn forward(visit: Box<Visit>) -> Outcome {
    let route = Arc::clone(&visit.matched().route);
    let Visit { request, id_value, edge, state, facts, statement, .. } = *visit;
    let unlimited = state.bypass.contains(&Module::Limits);
    let (mut parts, body) = request.into_parts();
    let (client, notes) = (facts.client, &facts.notes);
    let upstream = route.upstream(&client, &parts.headers);
    notes.chosen(upstream);
    if upstream.config.maintenance {
        return Err(Refusal::Maintenance { upstream: upstream.config.name.clone() });
    }
    if route.encoded_bodies == EncodedBodies::Refuse && guard::encoded(&parts.headers) {
        return Err(Refusal::EncodedBody);
    }
    let bytes_max = if unlimited { u64::MAX } else { route.body_bytes_max };
    if body.size_hint().lower() > bytes_max {
        return Err(Refusal::BodyTooLarge { bytes_max });
    }
    let pass = if unlimited { None } else { Some(upstream.pass()?) };
    let place = if unlimited {
        None
    } else {
        let (place, time) = waited(pin!(upstream.admit())).await;
        notes.queued(time);
        Some(place?)
    };
    let wish = upstream.wish(&client, &parts.headers);
    let asked = websocket::ask(&mut parts, facts.id);
    let from = Origination {
        id: id_value,
        said: Said::of(client, forward::authority(&parts.uri, &parts.headers), &facts.connection.said),
        host: upstream.config.host.clone(),
    };
    forward::request_head(&mut parts, &from);
    let upload = Upload::new(edge.metrics());
    let pace = Pace::of(&state.limits, unlimited);
    let body = upload.watch(body, bytes_max, pace);
    notes.uploads(&upload);
    let mut request = ahead(parts, body);
    if asked.is_none() {
        route.mirror(&request, &from, edge.metrics());
    }
    // After the mirror has its copy: statement and secret are this upstream's alone.
    if let Some(statement) = statement {
        request.headers_mut().insert(forward::X_GABION_IDENTITY, statement);
    }
    if let Some(secret) = &upstream.secret {
        secret.put(request.headers_mut());
    }
    let journey = Journey { edge: &edge, upstream, notes, from, wish, upload, place };
    let answer = journey.attempts(asked.is_some(), bytes_max, pace).run(request).await;
    if let (Some(pass), Some(failed)) = (pass, verdict(upstream, &answer)) {
        upstream.passed(pass, failed);
    }
    let (response, sent) = answer?;
    journey.answer(response, sent, asked)
}

impl Journey<'_> {
    fn attempts(&self, websocket: bool, bytes_max: u64, pace: Pace) -> Attempts<'_> {
        Attempts {
            metrics: self.edge.metrics(),
            upstream: self.upstream,
            notes: self.notes,
            upload: &self.upload,
            wish: self.wish,
            websocket,
            bytes_max,
            pace,
        }
    }

    fn answer(self, response: Response<ShopBody>, sent: Sent, asked: Option<Asked>) -> Outcome {
        let (head, incoming) = response.into_parts();
        let over_http2 = sent.carrier.is_shared();
        self.notes.answered(&sent.endpoint, self.upload.started().elapsed());
        let switched = websocket::switched(&head, over_http2 && asked.is_some());
        match asked.filter(|_| switched) {
            Some(asked) => self.switch(head, incoming, sent, asked),
            None if switched && !over_http2 && head.status.is_informational() => {
                Err(unreachable(self.upstream, "switched protocols without being asked"))
            }
            None => Ok(self.pass_on(head, incoming, sent)),
        }
    }

    /// Answers that the protocol is switched, and lets both sides talk until one of them ends.
    fn switch(self, mut head: response::Parts, incoming: ShopBody, sent: Sent, asked: Asked) -> Outcome {
        let Journey { edge, upstream, from, place, .. } = self;
        let over_http2 = sent.carrier.is_shared();
        let endpoint = match incoming {
            ShopBody::Http1(body) => body.switched().map(ShopSide::Http1),
            ShopBody::Http2(_) => head.extensions.remove::<OnUpgrade>().map(ShopSide::Http2),
        };
        let endpoint = endpoint.ok_or_else(|| unreachable(upstream, "switched without a connection"))?;
        let answer = asked.answer(&mut head, over_http2);
        let (customer, headers) = answer.map_err(|reason| unreachable(upstream, reason))?;
        forward::response_head(&mut head, &from, &sent.endpoint.url);
        head.headers.extend(headers);
        // Over HTTP/2 the tunnel is one of many streams, so that it keeps its place on the connection.
        let guard = (sent.in_flight, place, over_http2.then_some(sent.carrier));
        edge.tunnels().open(customer, endpoint, guard);
        Ok(Response::from_parts(head, Body::empty()))
    }

    /// The answer with its body still to come.
    fn pass_on(self, mut head: response::Parts, incoming: ShopBody, sent: Sent) -> Response<Body> {
        let Journey { upstream, from, wish, upload, place, .. } = self;
        let Sent { carrier, index, endpoint, in_flight } = sent;
        let idle = (!is_event_stream(&head.headers)).then_some(upstream.config.read_timeout);
        forward::response_head(&mut head, &from, &endpoint.url);
        if let Some(cookie) = upstream.cookie(&from.said.client, wish, index, &head.headers) {
            head.headers.append(SET_COOKIE, cookie);
        }
        let lease = Lease { carrier, endpoint, upload, _places: (in_flight, place) };
        Response::from_parts(head, download(incoming, lease, idle))
    }
}

/// The request as it goes to the shop: its head without what only concerns us.
fn ahead(parts: request::Parts, body: Body) -> Box<Request<Body>> {
    let mut request = Box::new(Request::new(body));
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    *request.headers_mut() = parts.headers;
    request
}

/// Whether a request failed as the breaker sees it; `None` where the customer is to blame.
fn verdict(upstream: &Upstream, answer: &Result<(Response<ShopBody>, Sent), Refusal>) -> Option<bool> {
    match answer {
        Ok((response, _)) => Some(upstream.is_failure(response.status())),
        Err(Refusal::Unreachable { .. } | Refusal::Timeout { .. }) => Some(true),
        Err(_) => None,
    }
}

fn unreachable(upstream: &Upstream, reason: &str) -> Refusal {
    Refusal::Unreachable { upstream: upstream.config.name.clone(), reason: reason.to_owned() }
}

/// Whether a response is a stream of events that may be silent for long (WHATWG HTML section 9.2.5).
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}
