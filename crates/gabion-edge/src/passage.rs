//! One request from its head to the end of its answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gabion_core::Timestamp;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, HOST, HeaderValue, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, Version};

use crate::access_log::{End, Line, Texts};
use crate::client_addr::Client;
use crate::config::Site;
use crate::guard::{Arrival, RawHead, Refused, Turn};
use crate::layer::{Connection, Facts};
use crate::notes::micros;
use crate::state::State;
use crate::trace_context::TraceContext;
use crate::{Body, Edge, Refusal, RequestId};

/// The status of requests whose customer went before there was an answer, in records only. nginx made it known.
const LEFT: u16 = 499;

/// One request, counted as in flight until this is dropped. Whatever way it ends, it tells of itself then.
pub(crate) struct Passage {
    pub(crate) edge: Edge,
    pub(crate) facts: Arc<Facts>,
    pub(crate) id_value: HeaderValue,
    method: Method,
    uri: Uri,
    pub(crate) version: Version,
    pub(crate) accept: Option<HeaderValue>,
    pub(crate) accept_language: Option<HeaderValue>,
    pub(crate) trace: Option<TraceContext>,
    at: Timestamp,
    started: Instant,
    record: Option<Box<Record>>,
    answer: Option<(StatusCode, Duration)>,
    bytes_out: u64,
    end: End,
    /// Set where the guard refused the head: method and target are then of its stand-in.
    refused: Option<Refused>,
    /// What rules see in a head that was refused: their numbers and places.
    pub(crate) seen: Option<Box<str>>,
    /// The turn of its connection, given back when this ends.
    turn: Option<Turn>,
}

/// What only records need: kept where there may be one.
struct Record {
    state: Arc<State>,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
    refused: Option<Box<str>>,
}

impl Passage {
    /// Begins with the head of a request.
    pub(crate) fn begin(
        edge: &Edge,
        state: &Arc<State>,
        connection: &Arc<Connection>,
        request: &Request<Body>,
        id: RequestId,
        client: Client,
        at: Timestamp,
    ) -> Self {
        edge.metrics().in_flight.fetch_add(1, Ordering::Relaxed);
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
            edge: edge.clone(),
            facts: Arc::new(Facts::new(id, client, Arc::clone(connection), recorded)),
            id_value: id.header(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            accept: headers.get(ACCEPT).cloned(),
            accept_language: headers.get(ACCEPT_LANGUAGE).cloned(),
            trace,
            at,
            started: Instant::now(),
            record: recorded.then(|| Box::new(Record::of(headers, state))),
            answer: None,
            bytes_out: 0,
            end: End::Left,
            refused: None,
            seen: None,
            turn: None,
        }
    }

    /// Takes what the guard says of the head: the head itself, for who wants to see it as it came, or why not.
    pub(crate) fn arrived(&mut self, arrival: Option<Arrival>) -> Option<RawHead> {
        let Arrival { head, turn } = arrival?;
        self.turn = Some(turn);
        head.map_err(|refused| self.refused = Some(refused)).ok()
    }

    /// What came of a request whose head the guard refused.
    pub(crate) fn refused_bytes(&self) -> Option<&[u8]> {
        self.refused.as_ref().map(Refused::as_bytes)
    }

    /// The connection carries another protocol from here on.
    pub(crate) fn switch(&self) {
        if let Some(turn) = &self.turn {
            turn.switch();
        }
    }

    /// The method as the client sent it.
    pub(crate) fn method(&self) -> Cow<'_, str> {
        self.refused.as_ref().map_or_else(|| self.method.as_str().into(), |refused| refused.method().into())
    }

    /// The path as the client sent it.
    pub(crate) fn path(&self) -> Cow<'_, str> {
        self.refused.as_ref().map_or_else(|| self.uri.path().into(), |refused| refused.path().into())
    }

    /// The site, once it is known.
    pub(crate) fn site(&self) -> Option<&Arc<Site>> {
        self.facts.site.get()
    }

    /// It was refused.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        if let Some(record) = &mut self.record {
            record.refused = Some(refusal.to_string().into_boxed_str());
        }
    }

    /// The head of its answer is there. Returns how long that took, and the shop's part of it.
    pub(crate) fn answered(&mut self, status: StatusCode) -> (Duration, Option<Duration>) {
        let total = self.started.elapsed();
        let shop = self.facts.notes.shop_us().map(Duration::from_micros);
        self.edge.metrics().answered(status, total, shop);
        self.answer = Some((status, total));
        (total, shop)
    }

    /// Bytes of its answer went out.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.edge.metrics().bytes_out.fetch_add(bytes, Ordering::Relaxed);
        self.bytes_out += bytes;
    }

    /// Its answer came to an end.
    pub(crate) fn ended(&mut self, end: End) {
        self.end = end;
    }

    fn tell(&self, record: &Record, status: u16, head: Duration, total: Duration) {
        let line = || self.line(record, status, head, total);
        if let Some(log) =
            record.state.access_log.as_ref().filter(|log| log.wants(status, self.facts.id.bits()))
        {
            log.offer(line());
        }
        let sampled = self.trace.is_some_and(|trace| trace.sampled);
        if let Some(telemetry) = record.state.telemetry.as_ref().filter(|_| sampled) {
            telemetry.offer(line());
        }
    }

    fn line(&self, record: &Record, status: u16, head: Duration, total: Duration) -> Line {
        let authority = self.uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = authority.unwrap_or(bytes(record.host.as_ref()));
        // What leads to our own pages is told to nobody else: codes and links that sign in.
        let query = self.uri.query().filter(|_| !self.facts.notes.own());
        let query = query.unwrap_or_default().as_bytes();
        let path = self.path();
        Line {
            at: self.at,
            facts: Arc::clone(&self.facts),
            version: self.version,
            status,
            bytes_out: self.bytes_out,
            head_us: micros(head),
            total_us: micros(total),
            end: self.end,
            refused: record.refused.clone(),
            trace: self.trace,
            texts: Texts::new(
                path.as_bytes(),
                query,
                host,
                bytes(record.referer.as_ref()),
                bytes(record.agent.as_ref()),
            ),
            method: match &self.refused {
                Some(refused) => {
                    Method::from_bytes(refused.method().as_bytes()).unwrap_or_else(|_| no_method())
                }
                None => self.method.clone(),
            },
        }
    }
}

/// What stands in records for a method that is none.
fn no_method() -> Method {
    Method::from_bytes(b"-").expect("a hyphen is a token")
}

impl Record {
    fn of(headers: &HeaderMap, state: &Arc<State>) -> Self {
        let get = |name: HeaderName| headers.get(name).cloned();
        let (host, referer, agent) = (get(HOST), get(REFERER), get(USER_AGENT));
        Self { state: Arc::clone(state), host, referer, agent, refused: None }
    }
}

fn bytes(value: Option<&HeaderValue>) -> &[u8] {
    value.map_or(b"", HeaderValue::as_bytes)
}

impl Drop for Passage {
    fn drop(&mut self) {
        let metrics = self.edge.metrics();
        metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.facts.notes.count(metrics);
        let total = self.started.elapsed();
        let (status, head) = match self.answer {
            Some((status, head)) => {
                metrics.transfer.record(total.saturating_sub(head));
                (status.as_u16(), head)
            }
            None => {
                metrics.abandoned.fetch_add(1, Ordering::Relaxed);
                (LEFT, total)
            }
        };
        if let Some(record) = &self.record {
            self.tell(record, status, head, total);
        }
    }
}
