//! One request from its head to the end of its answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gabion_core::Timestamp;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, HOST, HeaderValue, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, Version};

use crate::access_log::{End, Line, Texts};
use crate::config::Site;
use crate::layer::{Connection, Found};
use crate::metrics::Metrics;
use crate::notes::micros;
use crate::state::State;
use crate::trace_context::TraceContext;
use crate::{Body, RequestId};

/// The status of requests whose customer went before there was an answer, in records only. nginx made it known.
const LEFT: u16 = 499;

/// One request, counted as in flight until this is dropped. Whatever way it ends, it tells of itself then.
pub(crate) struct Journey {
    pub(crate) id: RequestId,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) accept: Option<HeaderValue>,
    pub(crate) accept_language: Option<HeaderValue>,
    pub(crate) found: Arc<Found>,
    pub(crate) trace: Option<TraceContext>,
    metrics: Arc<Metrics>,
    state: Arc<State>,
    pub(crate) connection: Arc<Connection>,
    at: Timestamp,
    started: Instant,
    said: Said,
    answer: Option<(StatusCode, Duration)>,
    refused: Option<Box<str>>,
    bytes_out: u64,
    end: End,
}

/// Headers that only records need; empty where nothing is recorded.
#[derive(Default)]
struct Said {
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

impl Journey {
    /// Begins with the head of a request.
    pub(crate) fn begin(
        request: &Request<Body>,
        id: RequestId,
        at: Timestamp,
        state: &Arc<State>,
        connection: &Arc<Connection>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        let headers = request.headers();
        let trace = TraceContext::of(
            headers,
            || state.believes(connection.peer.ip()),
            id,
            state.telemetry.as_ref().map(|telemetry| telemetry.sample_percent),
        );
        let spans = state.telemetry.is_some() && trace.is_some_and(|trace| trace.sampled);
        let recorded = spans || state.access_log.is_some();
        Self {
            id,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            accept: headers.get(ACCEPT).cloned(),
            accept_language: headers.get(ACCEPT_LANGUAGE).cloned(),
            found: Arc::default(),
            trace,
            metrics: Arc::clone(metrics),
            state: Arc::clone(state),
            connection: Arc::clone(connection),
            at,
            started: Instant::now(),
            said: if recorded { Said::of(headers) } else { Said::default() },
            answer: None,
            refused: None,
            bytes_out: 0,
            end: End::Left,
        }
    }

    /// The site, once it is known.
    pub(crate) fn site(&self) -> Option<&Arc<Site>> {
        self.found.site.get()
    }

    /// The client, or the peer when the request did not come so far that anybody asked.
    pub(crate) fn address(&self) -> IpAddr {
        let peer = || self.connection.peer.ip().to_canonical();
        self.found.client.get().map_or_else(peer, |client| client.address)
    }

    /// It was refused.
    pub(crate) fn refused(&mut self, reason: String) {
        self.refused = Some(reason.into_boxed_str());
    }

    /// The head of its answer is there. Returns how long that took, and the shop's part of it.
    pub(crate) fn answered(&mut self, status: StatusCode) -> (Duration, Option<Duration>) {
        let total = self.started.elapsed();
        let shop = self.found.notes.shop_us().map(Duration::from_micros);
        self.metrics.answered(status, total, shop);
        self.answer = Some((status, total));
        (total, shop)
    }

    /// Bytes of its answer went out.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.metrics.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        self.bytes_out += bytes;
    }

    /// Its answer came to an end.
    pub(crate) fn ended(&mut self, end: End) {
        self.end = end;
    }

    fn line(&self, status: u16, head: Duration, total: Duration) -> Line {
        let bytes = |value: &'_ Option<HeaderValue>| value.clone().unwrap_or(HeaderValue::from_static(""));
        let (host, referer, agent) =
            (bytes(&self.said.host), bytes(&self.said.referer), bytes(&self.said.agent));
        let host = self.uri.authority().map_or(host.as_bytes(), |authority| authority.as_str().as_bytes());
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let path = self.uri.path().as_bytes();
        Line {
            at: self.at,
            id: self.id,
            client: self.address(),
            version: self.version,
            status,
            bytes_out: self.bytes_out,
            head_us: micros(head),
            total_us: micros(total),
            end: self.end,
            refused: self.refused.clone(),
            trace: self.trace,
            connection: Arc::clone(&self.connection),
            found: Arc::clone(&self.found),
            texts: Texts::new(path, query, host, referer.as_bytes(), agent.as_bytes()),
            method: self.method.clone(),
        }
    }
}

impl Said {
    fn of(headers: &HeaderMap) -> Self {
        let get = |name: HeaderName| headers.get(name).cloned();
        Self { host: get(HOST), referer: get(REFERER), agent: get(USER_AGENT) }
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.found.notes.count(&self.metrics);
        let total = self.started.elapsed();
        let (status, head) = match self.answer {
            Some((status, head)) => {
                self.metrics.transfer.record(total.saturating_sub(head));
                (status.as_u16(), head)
            }
            None => {
                self.metrics.abandoned.fetch_add(1, Ordering::Relaxed);
                (LEFT, total)
            }
        };
        let state = Arc::clone(&self.state);
        if let Some(log) = state.access_log.as_ref().filter(|log| log.wants(status, self.id.bits())) {
            log.offer(self.line(status, head, total));
        }
        let sampled = self.trace.is_some_and(|trace| trace.sampled);
        if let Some(telemetry) = state.telemetry.as_ref().filter(|_| sampled) {
            telemetry.offer(self.line(status, head, total));
        }
    }
}
