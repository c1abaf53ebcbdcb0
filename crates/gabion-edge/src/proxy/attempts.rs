//! The tries of one request.
//!
//! A request is sent to one endpoint at a time. It is tried again on another one only when it provably was not sent,
//! or has no body and either the endpoint says that it did not begin with it (RFC 9113 section 8.7) or repeating it
//! is safe (RFC 9110 section 9.2.2). All but what an idle connection cost comes out of the upstream's budget.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gabion_core::blame::chain;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tokio::time::Instant;

use crate::config::UpstreamConfig;
use crate::metrics::Metrics;
use crate::notes::{Notes, waited};
use crate::proxy::websocket;
use crate::transfer::{Pace, Upload};
use crate::upstream::endpoint::{Endpoint, How, InFlight};
use crate::upstream::moment::now_ms;
use crate::upstream::pool::{Carrier, Connection, Fate, Unanswered};
use crate::upstream::shop_body::ShopBody;
use crate::upstream::{Set, Upstream, Wish};
use crate::{Body, Refusal};

/// Times one request is sent at most.
const ATTEMPTS_MAX: usize = 3;

/// A request that an endpoint has answered.
pub(super) struct Sent {
    pub(super) carrier: Carrier,
    /// Its number in the upstream.
    pub(super) index: usize,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) in_flight: InFlight,
}

/// What the tries of one request have in common.
pub(super) struct Attempts<'a> {
    pub(super) metrics: &'a Metrics,
    pub(super) upstream: &'a Upstream,
    pub(super) notes: &'a Notes,
    pub(super) upload: &'a Arc<Upload>,
    pub(super) wish: Wish,
    pub(super) websocket: bool,
    pub(super) bytes_max: u64,
    pub(super) pace: Pace,
}

/// How one try ended without a response.
enum Failed {
    /// The request was not sent and is here again.
    NotSent(Box<Request<Body>>, String),
    /// The endpoint may have seen it, or says that it did not begin with it.
    Sent { processed: bool, reason: String, head: Option<Box<Request<Body>>> },
    /// Nobody wants the answer any more.
    Final(Refusal),
}

impl Attempts<'_> {
    pub(super) async fn run(
        &self,
        mut request: Box<Request<Body>>,
    ) -> Result<(Response<ShopBody>, Sent), Refusal> {
        let upstream = self.upstream;
        let mut tried = Set::default();
        let mut how = How { fresh: false, upgrade: self.websocket };
        let mut free = true;
        let mut reason = String::from("every endpoint is drained");
        upstream.earn();
        for attempt in 0..ATTEMPTS_MAX {
            let Some((index, endpoint)) = upstream.pick(tried, self.wish) else { break };
            if attempt > 0 {
                if !free && !upstream.may_retry() {
                    self.metrics.retries_refused.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                self.metrics.retries.fetch_add(1, Ordering::Relaxed);
            }
            let in_flight = endpoint.enter();
            let config = &upstream.config;
            let connecting = endpoint.connection(how, config.idle_timeout, config.connect_timeout);
            let (connected, time) = waited(pin!(connecting)).await;
            self.notes.connected(time);
            let connection = match connected {
                Ok(connection) => connection,
                Err(error) => {
                    reason = error.to_string();
                    self.failed(index, &reason);
                    tried.insert(index);
                    free = false;
                    continue;
                }
            };
            let reused = connection.reused;
            let bodiless = request.body().is_end_stream();
            let spare = spare(&request, &connection);
            let failed = match self.send(request, connection, index).await {
                Ok((response, carrier)) => {
                    let endpoint = Arc::clone(endpoint);
                    return Ok((response, Sent { carrier, index, endpoint, in_flight }));
                }
                Err(failed) => failed,
            };
            match failed {
                Failed::Final(refusal) => return Err(refusal),
                Failed::NotSent(unsent, error) => {
                    reason = error;
                    request = spare.unwrap_or(unsent);
                    free = reused;
                }
                Failed::Sent { processed, reason: error, head } => {
                    reason = error;
                    free = false;
                    match spare.or(head.filter(|_| bodiless)) {
                        Some(again) if !processed || again.method().is_idempotent() => request = again,
                        _ => {
                            self.note_unless(reused, index, &reason);
                            break;
                        }
                    }
                }
            }
            if reused {
                // The endpoint closed an idle connection, as it may: that says nothing about its health.
                how.fresh = true;
            } else {
                self.failed(index, &reason);
                tried.insert(index);
            }
        }
        Err(Refusal::Unreachable { upstream: upstream.config.name.clone(), reason })
    }

    fn note_unless(&self, reused: bool, index: usize, reason: &str) {
        if !reused {
            self.failed(index, reason);
        }
    }

    fn failed(&self, index: usize, reason: &str) {
        self.upstream.endpoints[index].failed(reason.to_owned());
        self.upstream.note(index, true);
    }

    async fn send(
        &self,
        mut request: Box<Request<Body>>,
        connection: Connection,
        index: usize,
    ) -> Result<(Response<ShopBody>, Carrier), Failed> {
        let endpoint = &self.upstream.endpoints[index];
        endpoint.requests.fetch_add(1, Ordering::Relaxed);
        self.fit(&mut request, &connection, endpoint).await?;
        let started = Instant::now();
        let quiet = self.upload.is_done();
        let answer = pin!(connection.send(request));
        let answer = match self.in_time(answer, &self.upstream.config).await {
            Ok(answer) => answer,
            Err(refusal) => {
                self.failed(index, &refusal.to_string());
                return Err(Failed::Final(refusal));
            }
        };
        match answer {
            Ok((response, carrier)) => {
                if quiet {
                    // What an upload takes says nothing about the endpoint.
                    endpoint.load.observe(started.elapsed(), now_ms());
                }
                self.upstream.note(index, self.upstream.is_failure(response.status()));
                Ok((response, carrier))
            }
            Err(Unanswered { error, request }) => {
                let reason = format!("{}: {}", endpoint.url, chain(&error));
                match (self.upload.refusal(self.bytes_max, self.pace), request) {
                    (Some(refusal), _) => Err(Failed::Final(refusal)),
                    (None, Fate::Unsent(request)) => Err(Failed::NotSent(request, reason)),
                    (None, Fate::Sent(head)) => {
                        Err(Failed::Sent { processed: !error.was_not_processed(), reason, head })
                    }
                }
            }
        }
    }

    /// Puts the request into the shape of the connection.
    async fn fit(
        &self,
        request: &mut Request<Body>,
        connection: &Connection,
        endpoint: &Endpoint,
    ) -> Result<(), Failed> {
        connection.fit(request, endpoint.url.https());
        let Some(stream) = connection.stream().filter(|_| self.websocket) else { return Ok(()) };
        if stream.takes_websockets().await {
            websocket::extended_connect(request);
            return Ok(());
        }
        let reason = format!("{}: takes no WebSocket over HTTP/2", endpoint.url);
        let upstream = self.upstream.config.name.clone();
        Err(Failed::Final(Refusal::Unreachable { upstream, reason }))
    }

    /// Waits for the response head; the time starts over while the request body still moves.
    async fn in_time<T>(
        &self,
        mut answer: Pin<&mut impl Future<Output = T>>,
        config: &UpstreamConfig,
    ) -> Result<T, Refusal> {
        let started = Instant::now();
        loop {
            let deadline = self.upload.last().max(started) + config.response_timeout;
            if let Ok(answer) = tokio::time::timeout_at(deadline, answer.as_mut()).await {
                return Ok(answer);
            }
            if self.upload.last() + config.response_timeout <= Instant::now() {
                return Err(Refusal::Timeout { upstream: config.name.clone(), waited: started.elapsed() });
            }
        }
    }
}

/// A copy of a request that could be sent again after it was sent: one without a body on a shared connection, which
/// tells what was not processed. Over HTTP/1.1 the head comes back by itself.
fn spare(request: &Request<Body>, connection: &Connection) -> Option<Box<Request<Body>>> {
    (connection.stream().is_some() && request.body().is_end_stream()).then(|| copy(request))
}

/// The head of a request once more, without a body.
pub(crate) fn copy(request: &Request<Body>) -> Box<Request<Body>> {
    let mut copy = Box::new(Request::new(Body::empty()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
