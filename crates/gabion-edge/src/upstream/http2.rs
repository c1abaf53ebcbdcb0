//! HTTP/2 toward endpoints: a few connections, each with many requests at a time.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;

use crate::Body;
use crate::upstream::io::Io;
use crate::upstream::moment::now_ms;

/// Connections to one endpoint. At the limit further requests wait on the one with the fewest.
const LINES_MAX: usize = 4;
/// Requests on one connection before another is opened; fewer where the endpoint allows fewer.
const LINE_STREAMS_MAX: usize = 100;
/// Bytes of a response head.
const HEADER_LIST_BYTES_MAX: u32 = 256 * 1024;
/// Bytes of a response, and of all on one connection, that may wait for a slow customer.
const STREAM_BYTES_MAX: u32 = 256 * 1024;
const LINE_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// Silence on a connection in use before a PING, and the time to answer it.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an endpoint's settings are waited for when a WebSocket wants to know them.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(1);
/// How often they are looked for in this time.
const SETTINGS_LOOK: Duration = Duration::from_millis(10);

/// One connection.
struct Line {
    sender: SendRequest<Body>,
    address: SocketAddr,
    streams: AtomicUsize,
    /// As many as the endpoint allows, and [`LINE_STREAMS_MAX`] at most.
    streams_max: Arc<AtomicUsize>,
    /// Whether the endpoint takes extended CONNECT (RFC 8441).
    extended: watch::Receiver<bool>,
    used_ms: AtomicU64,
}

/// A request's place on a connection.
pub(crate) struct Stream(Arc<Line>);

impl Stream {
    /// The sender of its connection.
    pub(crate) fn sender(&self) -> SendRequest<Body> {
        self.0.sender.clone()
    }

    /// Whether the endpoint takes WebSockets by extended CONNECT. Waits a moment for its settings.
    pub(crate) async fn takes_websockets(&self) -> bool {
        let mut extended = self.0.extended.clone();
        let taken = extended.wait_for(|extended| *extended);
        matches!(tokio::time::timeout(SETTINGS_TIMEOUT, taken).await, Ok(Ok(_)))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.used_ms.store(now_ms(), Ordering::Relaxed);
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connections to one endpoint.
#[derive(Default)]
pub(crate) struct Lines {
    open: Mutex<Vec<Arc<Line>>>,
    /// Held by who opens one, so that a burst does not open many.
    pub(crate) opening: tokio::sync::Mutex<()>,
}

impl Lines {
    /// A place on an open connection that has room, or on any when there are as many as there may be.
    pub(crate) fn take(&self) -> Option<Stream> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|line| !line.sender.is_closed());
        let streams = |line: &Arc<Line>| line.streams.load(Ordering::Relaxed);
        let line = open.iter().min_by_key(|line| streams(line))?;
        let room = streams(line) < line.streams_max.load(Ordering::Relaxed);
        (room || open.len() >= LINES_MAX).then(|| place(line))
    }

    /// Keeps a new connection, and takes the first place on it.
    pub(crate) fn add(&self, line: NewLine) -> Stream {
        let line = Arc::new(line.0);
        let stream = place(&line);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        stream
    }

    /// Takes no new requests to addresses that are not `wanted`, nor on connections unused for `idle_timeout`. What
    /// is under way there finishes.
    pub(crate) fn prune(&self, idle_timeout: Duration, wanted: impl Fn(SocketAddr) -> bool) {
        let idle_ms = u64::try_from(idle_timeout.as_millis()).unwrap_or(u64::MAX);
        let now = now_ms();
        let fresh = |line: &Arc<Line>| {
            line.streams.load(Ordering::Relaxed) > 0
                || now.saturating_sub(line.used_ms.load(Ordering::Relaxed)) < idle_ms
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|line| !line.sender.is_closed() && wanted(line.address) && fresh(line));
    }

    /// Open connections.
    pub(crate) fn len(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn place(line: &Arc<Line>) -> Stream {
    line.streams.fetch_add(1, Ordering::Relaxed);
    Stream(Arc::clone(line))
}

/// A connection that nobody uses yet.
pub(crate) struct NewLine(Line);

/// Begins to speak HTTP/2.
pub(crate) async fn handshake(io: Io, address: SocketAddr) -> hyper::Result<NewLine> {
    let (sender, mut connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_BYTES_MAX)
        .initial_connection_window_size(LINE_BYTES_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .handshake(TokioIo::new(io))
        .await?;
    let streams_max = Arc::new(AtomicUsize::new(LINE_STREAMS_MAX));
    let (tell, extended) = watch::channel(false);
    let most = Arc::clone(&streams_max);
    tokio::spawn(async move {
        // The settings come without waking this task.
        let mut look = tokio::time::interval(SETTINGS_LOOK);
        let since = Instant::now();
        let end = poll_fn(|cx| {
            while since.elapsed() < SETTINGS_TIMEOUT && look.poll_tick(cx).is_ready() {}
            let end = Pin::new(&mut connection).poll(cx);
            most.store(connection.current_max_send_streams().min(LINE_STREAMS_MAX), Ordering::Relaxed);
            if connection.is_extended_connect_protocol_enabled() {
                tell.send_if_modified(|known| !std::mem::replace(known, true));
            }
            end
        });
        if let Err(error) = end.await {
            tracing::debug!(endpoint = %address, %error, "Connection to {address} ended with an error");
        }
    });
    Ok(NewLine(Line {
        sender,
        address,
        streams: AtomicUsize::new(0),
        streams_max,
        extended,
        used_ms: AtomicU64::new(now_ms()),
    }))
}

/// Whether an error says that the endpoint has not begun with the request: its stream was refused, or is above the
/// last one of a GOAWAY (RFC 9113 section 8.7).
pub(crate) fn was_not_processed(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return error.is_remote() && (refused || error.is_go_away());
        }
        cause = error.source();
    }
    false
}
