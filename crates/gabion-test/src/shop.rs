//! A fake shop on loopback: answers what a test tells it to, remembers what it was asked, and breaks on request.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::body::{Broken, TestBody};

/// Request heads remembered; later ones are only counted.
const SEEN_MAX: usize = 1000;

/// What a shop says: a response, or [`Broken`] to hang up without one.
pub type Answer = Result<Response<TestBody>, Broken>;

type Handler = Arc<dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// The head of a request as the shop got it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its target, as written.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Seen {
    /// The only value of a header; empty when it is missing.
    ///
    /// # Panics
    /// When there are several, or it is no text.
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name} is there {} times", values.len());
        values.first().map_or("", |value| value.to_str().expect("headers of tests are text"))
    }
}

/// A shop that speaks HTTP/1.1, and HTTP/2 to who begins with it. Stops when dropped.
pub struct Shop {
    shared: Arc<Shared>,
    address: SocketAddr,
    running: Mutex<Option<Running>>,
}

struct Shared {
    handler: Handler,
    tls: Option<TlsAcceptor>,
    seen: Mutex<Vec<Seen>>,
    requests: AtomicUsize,
    connections: AtomicUsize,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Shop {
    /// Starts a shop on a free port.
    pub async fn start<F, Fut>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        Self::start_with(None, answer).await
    }

    /// The same behind TLS.
    pub async fn start_tls<F, Fut>(tls: Arc<rustls::ServerConfig>, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        Self::start_with(Some(tls.into()), answer).await
    }

    async fn start_with<F, Fut>(tls: Option<TlsAcceptor>, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let shop = Self {
            shared: Arc::new(Shared {
                handler: Arc::new(move |request| Box::pin(answer(request))),
                tls,
                seen: Mutex::default(),
                requests: AtomicUsize::new(0),
                connections: AtomicUsize::new(0),
            }),
            address: listener.local_addr().expect("a bound socket has an address"),
            running: Mutex::new(None),
        };
        shop.run(listener);
        shop
    }

    fn run(&self, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(Arc::clone(&self.shared).serve(listener, stopped));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { stop, task });
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The first request heads it got, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The only request it got.
    ///
    /// # Panics
    /// When it got none or several.
    pub fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "the shop got {} requests: {seen:?}", seen.len());
        seen.remove(0)
    }

    /// Requests it got.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections it accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Stops listening and resets every connection, whatever is being answered. Returns when all is closed.
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { stop, task }) = running {
            drop(stop);
            task.await.expect("the shop's accept loop does not panic");
        }
    }

    /// Listens again on the same port after [`Shop::stop`].
    pub async fn resume(&self) {
        self.run(TcpListener::bind(self.address).await.expect("the port is still free"));
    }
}

impl Shared {
    /// Accepts until the other end of `stopped` is gone; then drops all connections.
    async fn serve(self: Arc<Self>, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = &mut stopped => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, _) = accepted.expect("loopback connections can be accepted");
            self.connections.fetch_add(1, Ordering::SeqCst);
            connections.spawn(Arc::clone(&self).connection(stream));
        }
        drop(listener);
        connections.shutdown().await;
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let Some(tls) = self.tls.clone() else { return self.http(stream).await };
        // A client that does not believe the certificate ends here; the test sees its side of it.
        if let Ok(stream) = tls.accept(stream).await {
            self.http(stream).await;
        }
    }

    async fn http(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request: Request<Incoming>| {
            self.note(&request);
            (self.handler)(request)
        });
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http2().enable_connect_protocol();
        let serving = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
        // Errors are part of the game: connections are broken off by both sides, and the test asserts on them there.
        drop(serving.await);
    }

    fn note(&self, request: &Request<Incoming>) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < SEEN_MAX {
            seen.push(Seen {
                method: request.method().clone(),
                target: request.uri().to_string(),
                headers: request.headers().clone(),
            });
        }
    }
}

/// A shop without HTTP: every connection is handed to `talk`, with its number counted from 0. Returns its address;
/// it lives as long as the runtime.
pub async fn raw<F, Fut>(talk: F) -> SocketAddr
where
    F: Fn(TcpStream, usize) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.expect("loopback connections can be accepted");
            tokio::spawn(talk(stream, number));
        }
    });
    address
}

/// Reads a message head up to and with its empty line, and nothing behind it. What was read before an early end
/// is returned as it is.
pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;
    use crate::client::Wire;

    #[tokio::test]
    async fn a_shop_answers_remembers_stops_and_comes_back() {
        let shop = Shop::start(|_| async { Ok(Response::new(body::whole("tea"))) }).await;
        let ask = "GET /leaf HTTP/1.1\r\nhost: shop\r\nx-a: 1\r\n\r\n";
        let mut wire = Wire::plain(shop.address()).await;
        assert_eq!(wire.ask(ask).await.text(), "tea");
        assert_eq!(shop.only().target, "/leaf");
        assert_eq!(shop.only().header("x-a"), "1");
        shop.stop().await;
        assert!(wire.rest().await.is_empty());
        assert!(TcpStream::connect(shop.address()).await.is_err());
        shop.resume().await;
        assert_eq!(Wire::plain(shop.address()).await.ask(ask).await.status, 200);
        assert_eq!((shop.requests(), shop.connections()), (2, 2));
    }

    #[tokio::test]
    async fn a_broken_answer_closes_without_a_response() {
        let shop = Shop::start(|_| async { Err(Broken) }).await;
        let mut wire = Wire::plain(shop.address()).await;
        wire.send("GET / HTTP/1.1\r\nhost: shop\r\n\r\n").await;
        assert!(wire.response().await.is_err());
    }
}
