//! Public sockets: accepting, TLS, HTTP/1.1 and HTTP/2, draining.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::downstream::{Downstream, WRITE_STALL_MAX};
use crate::error::ReloadError;
use crate::layer::Connection;
use crate::metrics::Gauge;
use crate::{Edge, stack};

/// Connections the system holds before we accept them.
const BACKLOG: i32 = 4096;
/// A TLS handshake that takes longer is broken off.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one HTTP/1 request head, and headers in it; above them 431. RFC 6585 section 5.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// Bytes of one HTTP/2 header list.
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
/// Streams of one HTTP/2 connection at a time.
const STREAMS_MAX: u32 = 100;
/// Streams a client may open and reset before we have seen them (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 20;
/// Streams we may have to reset because of a client's errors (CVE-2025-8671).
const ERROR_STREAMS_MAX: usize = 64;
/// Silence on an HTTP/2 connection before a PING, and the time the client has to answer it.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause after an error of `accept` such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// TLS.
    Https,
    /// Plain HTTP/1.1.
    Http,
}

/// The open listeners.
#[derive(Default)]
pub(crate) struct Listeners {
    open: HashMap<(Plane, SocketAddr), Open>,
}

struct Open {
    local: SocketAddr,
    stop: CancellationToken,
}

impl Listeners {
    /// Opens what is missing, then closes what is no longer wanted. On an error nothing changes. Connections of a
    /// closed listener go on.
    pub(crate) fn reconcile(
        &mut self,
        edge: &Edge,
        wanted: &[(Plane, SocketAddr)],
    ) -> Result<(), ReloadError> {
        let mut new = Vec::new();
        for key in wanted.iter().filter(|key| !self.open.contains_key(*key)) {
            let listener = bind(key.1).map_err(|source| ReloadError::Bind { address: key.1, source })?;
            new.push((*key, listener));
        }
        self.open.retain(|key, open| {
            let keep = wanted.contains(key);
            if !keep {
                open.stop.cancel();
            }
            keep
        });
        for (key, listener) in new {
            let local =
                listener.local_addr().map_err(|source| ReloadError::Bind { address: key.1, source })?;
            let stop = edge.stop().child_token();
            tokio::spawn(accept_forever(edge.clone(), listener, key.0, stop.clone()));
            tracing::info!(address = %local, plane = ?key.0, "Listening on {local}");
            self.open.insert(key, Open { local, stop });
        }
        Ok(())
    }

    /// The addresses really listened on: where port 0 was asked for, the one the system chose.
    pub(crate) fn addresses(&self) -> Vec<(Plane, SocketAddr)> {
        let mut all: Vec<_> = self.open.iter().map(|((plane, _), open)| (*plane, open.local)).collect();
        all.sort_by_key(|(plane, address)| (*plane == Plane::Http, *address));
        all
    }
}

/// Opens a TCP listener. An IPv6 wildcard takes IPv4 as well.
///
/// # Errors
/// What the system says: in use, not permitted, no such address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept_forever(edge: Edge, listener: TcpListener, plane: Plane, stop: CancellationToken) {
    loop {
        // At the limit the next connection waits in the system's backlog.
        let Some(Ok(place)) = stop.run_until_cancelled(edge.places().acquire_owned()).await else { return };
        let (stream, peer) = match stop.run_until_cancelled(listener.accept()).await {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                tracing::warn!(%error, "Connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let edge = edge.clone();
        edge.metrics().connections_accepted.fetch_add(1, Ordering::Relaxed);
        edge.tasks().clone().spawn(async move {
            let _open = Gauge::raise(edge.metrics(), |metrics| &metrics.connections);
            if let Some(Err(error)) = edge.cut().run_until_cancelled(serve(&edge, stream, peer, plane)).await
            {
                tracing::debug!(%peer, %error, "Connection from {peer} ended with an error");
            }
            drop(place);
        });
    }
}

type ServeError = Box<dyn std::error::Error + Send + Sync>;

async fn serve(edge: &Edge, stream: TcpStream, peer: SocketAddr, plane: Plane) -> Result<(), ServeError> {
    stream.set_nodelay(true)?;
    let stream = Downstream::new(stream, WRITE_STALL_MAX, edge.goodbyes());
    if plane == Plane::Http {
        return http1(edge, stream, Arc::new(Connection { peer, https: false })).await;
    }
    let accept = TlsAcceptor::from(edge.server_tls()).accept(stream);
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, accept).await {
        Ok(Ok(stream)) => stream,
        failed => {
            edge.metrics().handshakes_failed.fetch_add(1, Ordering::Relaxed);
            failed??;
            return Ok(());
        }
    };
    let connection = Arc::new(Connection { peer, https: true });
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2(edge, stream, connection).await,
        _ => http1(edge, stream, connection).await,
    }
}

async fn http1(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let service = service_fn(|request| stack::answer(edge, &connection, request));
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(edge.state().limits.head_timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        () = edge.stop().cancelled() => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}

async fn http2(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let service = service_fn(|request| stack::answer(edge, &connection, request));
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(ERROR_STREAMS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        () = edge.stop().cancelled() => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}
