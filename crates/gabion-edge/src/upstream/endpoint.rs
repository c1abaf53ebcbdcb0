//! One address of an upstream: its connections, health and counters.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::HealthSection;
use crate::origin::EndpointUrl;
use crate::upstream::health::Streak;
use crate::upstream::pool::{Connection, Pool};

/// Bytes hyper buffers of a response head; a longer one is an error of the shop.
const RESPONSE_HEAD_BYTES_MAX: usize = 256 * 1024;

/// One address of an upstream. Lives on over reloads while its URL and trust stay.
pub struct Endpoint {
    /// Where it is.
    pub url: EndpointUrl,
    tls: Option<EndpointTls>,
    pub(crate) pool: Pool,
    in_flight: AtomicUsize,
    up: AtomicBool,
    /// Results of its health checks, over reloads.
    streak: Mutex<Streak>,
    /// Requests sent to it.
    pub requests: AtomicU64,
    /// Requests it did not answer.
    pub failures: AtomicU64,
    last_error: Mutex<Option<String>>,
}

/// How an endpoint proves that it is the shop.
pub(crate) struct EndpointTls {
    pub(crate) client: Arc<rustls::ClientConfig>,
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
    /// It does not speak HTTP/1.1.
    #[error("{url}: {source}")]
    Http {
        /// Where to.
        url: EndpointUrl,
        /// What went wrong.
        #[source]
        source: hyper::Error,
    },
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Endpoint {
    pub(crate) fn new(url: EndpointUrl, tls: Option<EndpointTls>) -> Self {
        Self {
            url,
            tls,
            pool: Pool::default(),
            in_flight: AtomicUsize::new(0),
            up: AtomicBool::new(true),
            streak: Mutex::default(),
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

    /// Sets its health; says whether that is a change.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        self.up.swap(up, Ordering::Relaxed) != up
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
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Counts a request in flight until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Opens a connection: TCP, TLS where the URL says https, HTTP/1.1.
    pub(crate) async fn connect(&self, timeout: Duration) -> Result<Connection, ConnectError> {
        let url = || self.url.clone();
        let io = tokio::time::timeout(timeout, self.open())
            .await
            .map_err(|_| ConnectError::Timeout { url: url(), waited: timeout })?
            .map_err(|source| ConnectError::Io { url: url(), source })?;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(RESPONSE_HEAD_BYTES_MAX)
            .max_buf_size(RESPONSE_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|source| ConnectError::Http { url: url(), source })?;
        let url = url();
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(endpoint = %url, %error, "Connection to {url} ended with an error");
            }
        });
        Ok(Connection::new(sender))
    }

    async fn open(&self) -> std::io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect((self.url.host(), self.url.port())).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        Ok(Box::new(TlsConnector::from(Arc::clone(&tls.client)).connect(tls.name.clone(), stream).await?))
    }
}

/// A request an endpoint is answering.
pub(crate) struct InFlight(Arc<Endpoint>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
