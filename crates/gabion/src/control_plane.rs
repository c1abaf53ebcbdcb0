//! The control plane's listener: console and API over TLS, on loopback unless the operator says otherwise.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use gabion_edge::Sockets;
use gabion_web::ClientAddr;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Connections at a time; more wait unaccepted. Staff and programs, not customers.
const CONNECTIONS_MAX: usize = 512;
/// A TLS handshake that takes longer is broken off.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A request head that takes longer is broken off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time running requests get when Gabion stops; live event streams end here.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The control plane at work.
pub(crate) struct ControlPlane {
    /// The address really listened on.
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl ControlPlane {
    /// Opens the listener and serves `router`.
    ///
    /// # Errors
    /// When the listener cannot be opened.
    pub(crate) fn start(
        sockets: &Sockets,
        address: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        router: Router,
    ) -> io::Result<Self> {
        let (listener, address) = sockets.open(address)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let acceptor = TlsAcceptor::from(tls);
        tokio::spawn(accept_forever(listener, acceptor, router, stop.clone(), tasks.clone()));
        Ok(Self { address, stop, tasks })
    }

    /// Stops accepting and lets running requests finish for a moment.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::debug!(connections = self.tasks.len(), "Connections of the console were cut");
        }
    }
}

async fn accept_forever(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    router: Router,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else {
            return;
        };
        let (stream, peer) = match stop.run_until_cancelled(listener.accept()).await {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                tracing::warn!(%error, "Connection to the console could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = serve(stream, peer, acceptor, router, stop).await {
                tracing::debug!(%peer, %error, "Connection to the console ended with an error");
            }
            drop(place);
        });
    }
}

type ServeError = Box<dyn std::error::Error + Send + Sync>;

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ClientAddr(peer.ip().to_canonical()));
        router.clone().oneshot(request)
    });
    if http2 {
        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            result = serving.as_mut() => return Ok(result?),
            () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        return Ok(serving.await?);
    }
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}
