//! The innermost service: asks the shop.

pub(crate) mod attempts;
pub(crate) mod websocket;

use std::future::Future;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, Request, Response, request, response};
use http_body::Body as HttpBody;
use hyper::upgrade::OnUpgrade;

use crate::client_addr::Client;
use crate::config::EncodedBodies;
use crate::forward::{self, Origination, Said};
use crate::layer::{Next, Outcome, context};
use crate::metrics::Metrics;
use crate::module::Module;
use crate::notes::{Notes, waited};
use crate::proxy::attempts::{Attempts, Sent};
use crate::proxy::websocket::Asked;
use crate::route::Matched;
use crate::transfer::{Lease, Pace, Upload, download};
use crate::tunnel::{ShopSide, Tunnels};
use crate::upstream::places::Place;
use crate::upstream::shop_body::ShopBody;
use crate::upstream::{Upstream, Wish};
use crate::{Body, Refusal, guard};

/// Asks the shop.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tunnels: Tunnels,
}

impl Next for Proxy {
    /// Boxed, as the one large future of the stack: every layer around it would move it on its way in.
    fn call(self, request: Request<Body>) -> impl Future<Output = Outcome> + Send {
        Box::pin(self.forward(request))
    }
}

/// What the answer to a request needs to know of it.
struct Journey<'a> {
    upstream: &'a Upstream,
    notes: &'a Notes,
    from: Origination,
    wish: Wish,
    upload: Arc<Upload>,
    place: Option<Place>,
}

impl Proxy {
    async fn forward(self, request: Request<Body>) -> Outcome {
        let context = context(&request);
        let unlimited = context.state.bypass.contains(&Module::Limits);
        let (mut parts, body) = request.into_parts();
        let Matched { route, .. } =
            parts.extensions.remove::<Matched>().expect("routes are looked up before");
        let client = *parts.extensions.get::<Client>().expect("the client is known before");
        let upstream = route.upstream(&client, &parts.headers);
        let notes = &context.found.notes;
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
            let (place, time) = waited(upstream.admit()).await;
            notes.queued(time);
            Some(place?)
        };
        let wish = upstream.wish(&client, &parts.headers);
        let asked = websocket::ask(&mut parts, context.id);
        let from = Origination {
            id: context.id_value.clone(),
            said: Said::of(client, forward::authority(&parts.uri, &parts.headers), &context.connection.said),
            host: upstream.config.host.clone(),
        };
        forward::request_head(&mut parts, &from);
        let upload = Upload::new(&self.metrics);
        let pace = Pace::of(&context.state.limits, unlimited);
        let body = upload.watch(body, bytes_max, pace);
        notes.uploads(&upload);
        let mut request = ahead(parts, body);
        if asked.is_none() {
            route.mirror(&request, &from, &self.metrics);
        }
        // After the mirror has its copy: the secret is this upstream's alone.
        if let Some(secret) = &upstream.secret {
            secret.put(request.headers_mut());
        }
        let journey = Journey { upstream, notes, from, wish, upload, place };
        let attempts = self.attempts(&journey, asked.is_some(), bytes_max, pace);
        let answer = attempts.run(request).await;
        if let (Some(pass), Some(failed)) = (pass, verdict(upstream, &answer)) {
            upstream.passed(pass, failed);
        }
        let (response, sent) = answer?;
        self.answer(response, sent, journey, asked)
    }

    fn attempts<'a>(
        &'a self,
        journey: &'a Journey<'a>,
        websocket: bool,
        bytes_max: u64,
        pace: Pace,
    ) -> Attempts<'a> {
        Attempts {
            metrics: &self.metrics,
            upstream: journey.upstream,
            notes: journey.notes,
            upload: &journey.upload,
            wish: journey.wish,
            websocket,
            bytes_max,
            pace,
        }
    }

    fn answer(
        &self,
        response: Response<ShopBody>,
        sent: Sent,
        journey: Journey<'_>,
        asked: Option<Asked>,
    ) -> Outcome {
        let (head, incoming) = response.into_parts();
        let over_http2 = sent.carrier.is_shared();
        journey.notes.answered(&sent.endpoint, journey.upload.started().elapsed());
        let switched = websocket::switched(&head, over_http2 && asked.is_some());
        match asked.filter(|_| switched) {
            Some(asked) => self.switch(head, incoming, sent, journey, asked),
            None if switched && !over_http2 && head.status.is_informational() => {
                Err(unreachable(journey.upstream, "switched protocols without being asked"))
            }
            None => Ok(pass_on(head, incoming, sent, journey)),
        }
    }

    /// Answers that the protocol is switched, and lets both sides talk until one of them ends.
    fn switch(
        &self,
        mut head: response::Parts,
        incoming: ShopBody,
        sent: Sent,
        journey: Journey<'_>,
        asked: Asked,
    ) -> Outcome {
        let Journey { upstream, from, place, .. } = journey;
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
        self.tunnels.open(customer, endpoint, guard);
        Ok(Response::from_parts(head, Body::empty()))
    }
}

/// The request as it goes to the shop: its head without what only concerns us.
fn ahead(parts: request::Parts, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    *request.headers_mut() = parts.headers;
    request
}

/// The answer with its body still to come.
fn pass_on(
    mut head: response::Parts,
    incoming: ShopBody,
    sent: Sent,
    journey: Journey<'_>,
) -> Response<Body> {
    let Journey { upstream, from, wish, upload, place, .. } = journey;
    let Sent { carrier, index, endpoint, in_flight } = sent;
    let idle = (!is_event_stream(&head.headers)).then_some(upstream.config.read_timeout);
    forward::response_head(&mut head, &from, &endpoint.url);
    if let Some(cookie) = upstream.cookie(&from.said.client, wish, index, &head.headers) {
        head.headers.append(SET_COOKIE, cookie);
    }
    let lease = Lease { carrier, endpoint, upload, _places: (in_flight, place) };
    Response::from_parts(head, download(incoming, lease, idle))
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
fn is_event_stream(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}
