//! The innermost service: asks the shop.
//!
//! A request is sent to one endpoint at a time. It is tried again on another one only when it provably was not sent,
//! or when repeating it is safe (RFC 9110 section 9.2.2) and it has no body.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gabion_core::blame::chain;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::client_addr::Client;
use crate::config::UpstreamConfig;
use crate::forward::{self, Origination};
use crate::layer::{Next, Outcome, context};
use crate::metrics::Metrics;
use crate::module::Module;
use crate::route::Matched;
use crate::transfer::{Lease, Upload, download};
use crate::tunnel::Tunnels;
use crate::upstream::endpoint::{Endpoint, InFlight};
use crate::upstream::pool::Connection;
use crate::{Body, Refusal, hop};

/// Times one request is sent at most.
const ATTEMPTS_MAX: usize = 3;

/// Put into a response's extensions: how long the shop took and which upstream it was.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) shop: Duration,
}

/// Asks the shop.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tunnels: Tunnels,
}

impl Next for Proxy {
    fn call(self, request: Request<Body>) -> impl Future<Output = Outcome> + Send {
        self.forward(request)
    }
}

impl Proxy {
    async fn forward(self, request: Request<Body>) -> Outcome {
        let context = context(&request);
        let unlimited = context.state.bypass.contains(&Module::Limits);
        let (mut parts, body) = request.into_parts();
        let matched = parts.extensions.remove::<Matched>().expect("routes are looked up before");
        let client = *parts.extensions.get::<Client>().expect("the client is known before");
        let upstream = &matched.route.upstream;
        if upstream.config.maintenance {
            return Err(Refusal::Maintenance { upstream: upstream.config.name.clone() });
        }
        if !hop::framing_is_plain(&parts.headers) {
            return Err(Refusal::BadRequest("a transfer coding other than chunked"));
        }
        let bytes_max = if unlimited { u64::MAX } else { matched.route.body_bytes_max };
        if body.size_hint().lower() > bytes_max {
            return Err(Refusal::BodyTooLarge { bytes_max });
        }
        let place = if unlimited { None } else { Some(upstream.admit().await?) };
        let from = Origination {
            id: context.id,
            client,
            authority: forward::authority(&parts.uri, &parts.headers),
            host: upstream.config.host.clone(),
        };
        let websocket = hop::wants_websocket(&parts.headers) && parts.method == Method::GET;
        let customer = if websocket { parts.extensions.remove::<OnUpgrade>() } else { None };
        forward::request_head(&mut parts, &from);
        let upload = Upload::new(&self.metrics);
        let body = upload.watch(body, bytes_max, context.state.limits.body_idle);
        let started = Instant::now();
        let attempt = Attempts {
            proxy: &self,
            matched: &matched,
            upload: &upload,
            bytes_max,
            idle: context.state.limits.body_idle,
        };
        let (response, sent) = attempt.run(&parts, body).await?;
        let shop = started.elapsed();
        let (mut head, incoming) = response.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let both = customer.zip(head.extensions.remove::<OnUpgrade>());
            let upgraded = both.filter(|_| hop::wants_websocket(&head.headers));
            let upgraded = upgraded.ok_or_else(|| Refusal::Unreachable {
                upstream: upstream.config.name.clone(),
                reason: "switched protocols without being asked".into(),
            })?;
            return Ok(self.switch(head, &from, sent, upgraded, place, shop));
        }
        let idle = (!is_event_stream(&head.headers)).then_some(upstream.config.read_timeout);
        forward::response_head(&mut head, &from, &sent.endpoint.url);
        head.extensions.insert(Served { shop });
        let Sent { connection, endpoint, in_flight } = sent;
        let lease = Lease { connection, endpoint, upload, _places: (in_flight, place) };
        Ok(Response::from_parts(head, download(incoming, lease, idle)))
    }

    /// Answers 101 and lets both sides talk until one of them ends.
    fn switch(
        &self,
        mut head: http::response::Parts,
        from: &Origination,
        sent: Sent,
        (customer, endpoint): (OnUpgrade, OnUpgrade),
        place: Option<OwnedSemaphorePermit>,
        shop: Duration,
    ) -> Response<Body> {
        let websocket: [_; 2] = [http::header::CONNECTION, http::header::UPGRADE];
        let kept = websocket.map(|name| head.headers.get(&name).cloned().map(|value| (name, value)));
        forward::response_head(&mut head, from, &sent.endpoint.url);
        head.headers.extend(kept.into_iter().flatten());
        head.extensions.insert(Served { shop });
        self.tunnels.open(customer, endpoint, (sent.in_flight, place));
        Response::from_parts(head, Body::empty())
    }
}

/// Whether a response is a stream of events that may be silent for long (WHATWG HTML section 9.2.5).
fn is_event_stream(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

/// A request that an endpoint has answered.
struct Sent {
    connection: Connection,
    endpoint: Arc<Endpoint>,
    in_flight: InFlight,
}

/// The tries of one request.
struct Attempts<'a> {
    proxy: &'a Proxy,
    matched: &'a Matched,
    upload: &'a Arc<Upload>,
    bytes_max: u64,
    idle: Duration,
}

/// How one try ended without a response.
enum Failed {
    /// The request was not sent and is here again.
    NotSent(Body, String),
    /// It may have been seen by the shop.
    Sent(String),
    /// Nobody wants the answer any more.
    Final(Refusal),
}

impl Attempts<'_> {
    async fn run(&self, parts: &request::Parts, body: Body) -> Result<(Response<Incoming>, Sent), Refusal> {
        let upstream = &self.matched.route.upstream;
        let repeatable = parts.method.is_idempotent() && body.is_end_stream();
        let mut body = body;
        let mut tried = Vec::new();
        let mut fresh = false;
        let mut reason = String::from("every endpoint is drained");
        for attempt in 0..ATTEMPTS_MAX {
            let Some((index, endpoint)) = upstream.pick(&tried) else { break };
            if attempt > 0 {
                self.proxy.metrics.retries.fetch_add(1, Ordering::Relaxed);
            }
            let idle = upstream.config.idle_timeout;
            let pooled = if fresh { None } else { endpoint.pool.pop(idle) };
            let connection = match pooled {
                Some(connection) => connection,
                None => match endpoint.connect(upstream.config.connect_timeout).await {
                    Ok(connection) => connection,
                    Err(error) => {
                        reason = error.to_string();
                        endpoint.failed(reason.clone());
                        tried.push(index);
                        continue;
                    }
                },
            };
            let reused = connection.reused;
            body = match self.send(parts, body, connection, endpoint).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Final(refusal)) => return Err(refusal),
                Err(Failed::NotSent(body, error)) => {
                    reason = error;
                    body
                }
                Err(Failed::Sent(error)) => {
                    reason = error;
                    if !repeatable {
                        break;
                    }
                    Body::empty()
                }
            };
            if reused {
                // The endpoint closed an idle connection, as it may: that says nothing about its health.
                fresh = true;
            } else {
                endpoint.failed(reason.clone());
                tried.push(index);
            }
        }
        Err(Refusal::Unreachable { upstream: upstream.config.name.clone(), reason })
    }

    async fn send(
        &self,
        parts: &request::Parts,
        body: Body,
        mut connection: Connection,
        endpoint: &Arc<Endpoint>,
    ) -> Result<(Response<Incoming>, Sent), Failed> {
        let mut request = Request::new(body);
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        let in_flight = endpoint.enter();
        let config = &self.matched.route.upstream.config;
        let answer = match self.in_time(connection.send(request), config).await {
            Ok(answer) => answer,
            Err(refusal) => {
                endpoint.failed(refusal.to_string());
                return Err(Failed::Final(refusal));
            }
        };
        match answer {
            Ok(response) => Ok((response, Sent { connection, endpoint: Arc::clone(endpoint), in_flight })),
            Err(mut error) => {
                let unsent = error.take_message();
                let reason = format!("{}: {}", endpoint.url, chain(error.error()));
                match (self.upload.refusal(self.bytes_max, self.idle), unsent) {
                    (Some(refusal), _) => Err(Failed::Final(refusal)),
                    (None, Some(request)) => Err(Failed::NotSent(request.into_body(), reason)),
                    (None, None) => Err(Failed::Sent(reason)),
                }
            }
        }
    }

    /// Waits for the response head; the time starts over while the request body still moves.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = T>,
        config: &UpstreamConfig,
    ) -> Result<T, Refusal> {
        let mut answer = std::pin::pin!(answer);
        let started = Instant::now();
        loop {
            let deadline = self.upload.last().max(started) + config.response_timeout;
            if let Ok(answer) = tokio::time::timeout_at(deadline, &mut answer).await {
                return Ok(answer);
            }
            if self.upload.last() + config.response_timeout <= Instant::now() {
                return Err(Refusal::Timeout { upstream: config.name.clone(), waited: started.elapsed() });
            }
        }
    }
}
