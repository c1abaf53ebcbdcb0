//! One address of an upstream: its connections, health and counters.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::config::{HealthSection, Protocol};
use crate::origin::EndpointUrl;
use crate::upstream::balance;
use crate::upstream::ejection::Ejection;
use crate::upstream::health::Streak;
use crate::upstream::http1::Http1;
use crate::upstream::http2::{self, Lines};
use crate::upstream::io::Io;
use crate::upstream::load::PeakEwma;
use crate::upstream::moment::now_ms;
use crate::upstream::pool::{Connection, Pool};
use crate::upstream::resolve::{Addresses, look_up};

/// One address of an upstream. Lives on over reloads while its URL, trust and protocol stay.
pub struct Endpoint {
    /// Where it is.
    pub url: EndpointUrl,
    /// A number that stands for the URL in hashing.
    pub(crate) seed: u64,
    tls: Option<EndpointTls>,
    protocol: Protocol,
    pub(crate) addresses: Addresses,
    pub(crate) pool: Pool,
    pub(crate) lines: Lines,
    /// Whether the endpoint chose HTTP/2 the last time it had the choice.
    chose_http2: AtomicBool,
    in_flight: AtomicUsize,
    up: AtomicBool,
    /// Results of its health checks, over reloads.
    streak: Mutex<Streak>,
    pub(crate) load: PeakEwma,
    pub(crate) ejection: Ejection,
    /// Requests sent to it.
    pub requests: AtomicU64,
    /// Requests it did not answer.
    pub failures: AtomicU64,
    last_error: Mutex<Option<String>>,
}

/// How an endpoint proves that it is the shop.
pub(crate) struct EndpointTls {
    /// Offers the upstream's protocols.
    pub(crate) client: Arc<rustls::ClientConfig>,
    /// Offers HTTP/1.1 alone, for upgrades.
    pub(crate) http1: Arc<rustls::ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

/// Why no connection could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It took too long.
    #[error("{url}: no connection within {}ms", waited.as_millis())]
    Timeout {
        /// Where to.
        url: EndpointUrl,
        /// How long.
        waited: Duration,
    },
    /// The network or the endpoint refused.
    #[error("{url}: {source}")]
    Io {
        /// Where to.
        url: EndpointUrl,
        /// What the system or TLS said.
        #[source]
        source: std::io::Error,
    },
    /// It does not speak HTTP as it should.
    #[error("{url}: {source}")]
    Http {
        /// Where to.
        url: EndpointUrl,
        /// What went wrong.
        #[source]
        source: hyper::Error,
    },
    /// It was to speak HTTP/2 and chose something else.
    #[error("{url}: does not offer HTTP/2")]
    NoHttp2 {
        /// Where to.
        url: EndpointUrl,
    },
}

impl Endpoint {
    pub(crate) fn new(url: EndpointUrl, protocol: Protocol, tls: Option<EndpointTls>) -> Self {
        Self {
            seed: balance::hash(url.to_string().as_bytes()),
            addresses: Addresses::new(&url),
            url,
            tls,
            protocol,
            pool: Pool::default(),
            lines: Lines::default(),
            chose_http2: AtomicBool::new(true),
            in_flight: AtomicUsize::new(0),
            up: AtomicBool::new(true),
            streak: Mutex::default(),
            load: PeakEwma::default(),
            ejection: Ejection::default(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_error: Mutex::new(None),
        }
    }

    /// Whether its health checks pass. New endpoints count as healthy until checked.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Notes the result of a check; says what the endpoint is once enough in a row agree.
    pub(crate) fn checked(&self, good: bool, health: &HealthSection) -> Option<bool> {
        let mut streak = self.streak.lock().unwrap_or_else(PoisonError::into_inner);
        streak.add(good, health.failures, health.successes)
    }

    /// Sets its health; says whether that is a change. Who comes up gets its requests slowly.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        let changed = self.up.swap(up, Ordering::Relaxed) != up;
        if changed && up {
            self.load.clear();
            self.ejection.back(now_ms());
        }
        changed
    }

    /// Requests it is answering now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The last thing that went wrong.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a failed request or check.
    pub(crate) fn failed(&self, error: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.load.observe_failure(now_ms());
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Counts a request in flight until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// The version of HTTP it speaks as far as known, for people.
    pub(crate) fn speaks(&self) -> &'static str {
        let http2 = match self.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => self.lines.len() > 0,
        };
        if http2 { "HTTP/2" } else { "HTTP/1.1" }
    }

    /// Closes idle connections that are too old.
    pub(crate) fn prune(&self, idle_timeout: Duration) {
        let wanted = |address| self.addresses.contains(address);
        self.pool.prune(idle_timeout, wanted);
        self.lines.prune(idle_timeout, wanted);
    }

    /// Closes idle connections to addresses the name has no more; requests under way there finish.
    pub(crate) fn leave_vanished(&self) {
        self.prune(Duration::MAX);
    }

    /// A connection for a request: an idle one, a place on a shared one, or a new one.
    pub(crate) async fn connection(
        &self,
        how: How,
        idle: Duration,
        timeout: Duration,
    ) -> Result<Connection, ConnectError> {
        let many = match self.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => self.tls.is_some() && !how.upgrade && self.chose_http2.load(Ordering::Relaxed),
        };
        if !many {
            if !how.fresh
                && let Some(connection) = self.pool.pop(idle)
            {
                return Ok(connection);
            }
            // Boxed, here and below: it is large and seldom, and every request would carry it.
            return Box::pin(self.connect(how.upgrade, timeout)).await;
        }
        if let Some(stream) = self.lines.take() {
            return Ok(Connection::http2(stream, true));
        }
        let waiting = tokio::time::timeout(timeout, self.lines.opening.lock());
        let late = |_| ConnectError::Timeout { url: self.url.clone(), waited: timeout };
        let _opening = waiting.await.map_err(late)?;
        // Somebody else may have opened one meanwhile.
        match self.lines.take() {
            Some(stream) => Ok(Connection::http2(stream, true)),
            None => Box::pin(self.connect(false, timeout)).await,
        }
    }

    /// Opens a connection: TCP, TLS where the URL says https, HTTP. One for an upgrade is HTTP/1.1 where the endpoint
    /// has the choice.
    pub(crate) async fn connect(&self, upgrade: bool, timeout: Duration) -> Result<Connection, ConnectError> {
        let url = || self.url.clone();
        let deadline = Instant::now() + timeout;
        let (io, address) = tokio::time::timeout_at(deadline, self.open(upgrade, deadline))
            .await
            .map_err(|_| ConnectError::Timeout { url: url(), waited: timeout })?
            .map_err(|source| ConnectError::Io { url: url(), source })?;
        let http = |source| ConnectError::Http { url: url(), source };
        let http2 = io.chose_http2() || (self.tls.is_none() && self.protocol == Protocol::Http2);
        if !upgrade {
            self.chose_http2.store(http2, Ordering::Relaxed);
        }
        if http2 {
            let line = http2::handshake(io, address).await.map_err(http)?;
            return Ok(Connection::http2(self.lines.add(line), false));
        }
        if self.protocol == Protocol::Http2 {
            return Err(ConnectError::NoHttp2 { url: url() });
        }
        Ok(Connection::http1(Http1::new(io), address))
    }

    async fn open(&self, upgrade: bool, deadline: Instant) -> std::io::Result<(Io, SocketAddr)> {
        let (stream, address) = self.open_tcp(deadline).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok((Io::Plain(stream), address)) };
        let client = if upgrade && self.protocol == Protocol::Auto { &tls.http1 } else { &tls.client };
        let stream = TlsConnector::from(Arc::clone(client)).connect(tls.name.clone(), stream).await?;
        Ok((Io::Tls(Box::new(stream)), address))
    }

    /// Tries its addresses in turn, each with an equal part of the time that is left.
    async fn open_tcp(&self, deadline: Instant) -> std::io::Result<(TcpStream, SocketAddr)> {
        let mut addresses = self.addresses.in_turn();
        if addresses.is_empty() {
            self.addresses.replace(look_up(self.url.host(), self.url.port()).await?);
            addresses = self.addresses.in_turn();
        }
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let part = deadline.saturating_duration_since(Instant::now()) / left.max(1);
            left = left.saturating_sub(1);
            match tokio::time::timeout(part, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(error)) => last = error,
                Err(_) => last = std::io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

/// What kind of connection a request needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// One that carried no request before.
    pub(crate) fresh: bool,
    /// One that can become a WebSocket.
    pub(crate) upgrade: bool,
}

/// A request an endpoint is answering.
pub(crate) struct InFlight(Arc<Endpoint>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
