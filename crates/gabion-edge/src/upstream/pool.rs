//! Connections to one endpoint. Of the idle ones the most recently used goes first, so that the rest can age out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;

use crate::Body;
use crate::upstream::endpoint::Endpoint;
use crate::upstream::http2::Stream;

/// Idle connections kept to one endpoint; one more is closed.
const IDLE_MAX: usize = 256;
/// How long a connection may take to become ready after its response was read.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// What carries one request to an endpoint.
pub(crate) struct Connection {
    kind: Kind,
    /// Whether it carried a request before: the other side may close it at any moment.
    pub(crate) reused: bool,
}

enum Kind {
    /// A connection of its own, with at most one request in flight.
    Http1(SendRequest<Body>, SocketAddr),
    /// A place on a connection with others.
    Http2(Stream),
}

impl Connection {
    pub(crate) const fn http1(sender: SendRequest<Body>, address: SocketAddr) -> Self {
        Self { kind: Kind::Http1(sender, address), reused: false }
    }

    pub(crate) const fn http2(stream: Stream, reused: bool) -> Self {
        Self { kind: Kind::Http2(stream), reused }
    }

    /// The place on an HTTP/2 connection, where it is one.
    pub(crate) const fn stream(&self) -> Option<&Stream> {
        match &self.kind {
            Kind::Http2(stream) => Some(stream),
            Kind::Http1(..) => None,
        }
    }

    /// Puts a head made for HTTP/1.1 into the shape this connection needs (RFC 9113 section 8.3.1): the host becomes
    /// part of the target, and nothing names a single hop but `TE: trailers`.
    pub(crate) fn fit(&self, mut request: Request<Body>, https: bool) -> Request<Body> {
        if matches!(self.kind, Kind::Http1(..)) {
            return request;
        }
        let headers = request.headers_mut();
        headers.remove(CONNECTION);
        let host = headers.remove(HOST);
        *request.uri_mut() = absolute(request.uri(), host.as_ref(), https);
        *request.version_mut() = Version::HTTP_2;
        request
    }

    /// The contrary of [`Connection::fit`].
    pub(crate) fn unfit(&self, mut request: Request<Body>) -> Request<Body> {
        if matches!(self.kind, Kind::Http1(..)) {
            return request;
        }
        let authority = request.uri().authority().map(|authority| HeaderValue::try_from(authority.as_str()));
        if let Some(Ok(host)) = authority {
            request.headers_mut().insert(HOST, host);
        }
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = target.map(Uri::from).unwrap_or_default();
        *request.version_mut() = Version::HTTP_11;
        request
    }

    /// Sends a request. The error gives it back when it provably was not sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match &mut self.kind {
            Kind::Http1(sender, _) => sender.try_send_request(request).await,
            Kind::Http2(stream) => stream.sender().try_send_request(request).await,
        }
    }

    /// Gives the connection back once its response was read to the end.
    pub(crate) fn give_back(self, endpoint: &Arc<Endpoint>) {
        let Kind::Http1(mut sender, address) = self.kind else { return };
        if sender.is_closed() || !endpoint.addresses.contains(address) {
            return;
        }
        if sender.is_ready() {
            endpoint.pool.push(sender, address);
            return;
        }
        let endpoint = Arc::clone(endpoint);
        tokio::spawn(async move {
            if let Ok(Ok(())) = tokio::time::timeout(READY_TIMEOUT, sender.ready()).await {
                endpoint.pool.push(sender, address);
            }
        });
    }
}

/// A target with scheme and host; as it was where the host is no authority.
fn absolute(target: &Uri, host: Option<&HeaderValue>, https: bool) -> Uri {
    let scheme = if https { Scheme::HTTPS } else { Scheme::HTTP };
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = target.clone().into_parts();
    parts.scheme = authority.is_some().then_some(scheme);
    parts.authority = authority;
    Uri::from_parts(parts).unwrap_or_else(|_| target.clone())
}

struct Idle {
    sender: SendRequest<Body>,
    address: SocketAddr,
    since: Instant,
}

/// The idle HTTP/1.1 connections of one endpoint.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

impl Pool {
    /// An idle connection that is still open and not older than `idle_timeout`.
    pub(crate) fn pop(&self, idle_timeout: Duration) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Idle { sender, address, since }) = idle.pop() {
            if since.elapsed() >= idle_timeout {
                // The ones below are older still.
                idle.clear();
                return None;
            }
            if sender.is_ready() {
                return Some(Connection { kind: Kind::Http1(sender, address), reused: true });
            }
        }
        None
    }

    fn push(&self, sender: SendRequest<Body>, address: SocketAddr) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() == IDLE_MAX {
            idle.remove(0);
        }
        idle.push(Idle { sender, address, since: Instant::now() });
    }

    /// Closes connections idle for longer than `idle_timeout`, and those to addresses that are not `wanted`.
    pub(crate) fn prune(&self, idle_timeout: Duration, wanted: impl Fn(SocketAddr) -> bool) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| {
            one.since.elapsed() < idle_timeout && !one.sender.is_closed() && wanted(one.address)
        });
    }

    /// Idle connections now.
    pub(crate) fn len(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
