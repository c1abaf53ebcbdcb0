//! Connections to one endpoint. Of the idle ones the most recently used goes first, so that the rest can age out.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};

use crate::Body;
use crate::upstream::endpoint::Endpoint;
use crate::upstream::http1::{Http1, Http1Error};
use crate::upstream::http2::{Stream, was_not_processed};
use crate::upstream::shop_body::ShopBody;

/// Idle connections kept to one endpoint; one more is closed.
const IDLE_MAX: usize = 256;

/// What carries one request to an endpoint.
pub(crate) struct Connection {
    kind: Kind,
    /// Whether it carried a request before: the other side may close it at any moment.
    pub(crate) reused: bool,
}

enum Kind {
    /// A connection of its own, with at most one request in flight.
    Http1(Http1, SocketAddr),
    /// A place on a connection with others.
    Http2(Stream),
}

impl Connection {
    pub(crate) const fn http1(connection: Http1, address: SocketAddr) -> Self {
        Self { kind: Kind::Http1(connection, address), reused: false }
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
    pub(crate) fn fit(&self, request: &mut Request<Body>, https: bool) {
        if matches!(self.kind, Kind::Http1(..)) {
            return;
        }
        let headers = request.headers_mut();
        headers.remove(CONNECTION);
        let host = headers.remove(HOST);
        *request.uri_mut() = absolute(request.uri(), host.as_ref(), https);
        *request.version_mut() = Version::HTTP_2;
    }

    /// Sends a request. The error gives it back when it provably was not sent.
    pub(crate) async fn send(
        self,
        request: Box<Request<Body>>,
    ) -> Result<(Response<ShopBody>, Carrier), Unanswered<SendError>> {
        match self.kind {
            Kind::Http1(connection, address) => match connection.send(request).await {
                Ok(response) => Ok((response.map(ShopBody::Http1), Carrier::Http1(address))),
                Err(Unanswered { error, request }) => Err(Unanswered { error: error.into(), request }),
            },
            Kind::Http2(stream) => match stream.sender().try_send_request(*request).await {
                Ok(response) => Ok((response.map(ShopBody::Http2), Carrier::Http2 { _place: stream })),
                Err(mut error) => {
                    let unsent = error.take_message().map(unfit).map(Box::new);
                    let request = unsent.map_or(Fate::Sent(None), Fate::Unsent);
                    Err(Unanswered { error: error.into_error().into(), request })
                }
            },
        }
    }
}

/// A request without an answer.
pub(crate) struct Unanswered<E> {
    pub(crate) error: E,
    pub(crate) request: Fate,
}

/// What is left of a request without an answer.
pub(crate) enum Fate {
    /// It provably was not sent, and is here again.
    Unsent(Box<Request<Body>>),
    /// The endpoint may have seen it. It is still here, without its body, where nobody else needed it.
    Sent(Option<Box<Request<Body>>>),
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Http1(#[from] Http1Error),
    #[error(transparent)]
    Http2(#[from] hyper::Error),
}

impl SendError {
    /// Whether the endpoint says that it has not begun with the request.
    pub(crate) fn was_not_processed(&self) -> bool {
        matches!(self, Self::Http2(error) if was_not_processed(error))
    }
}

/// What carried a request, while its answer is read.
pub(crate) enum Carrier {
    /// A connection of its own to this address; the body of the answer has it.
    Http1(SocketAddr),
    /// A place on a connection with others.
    Http2 { _place: Stream },
}

impl Carrier {
    /// Whether others use the same connection.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Http2 { .. })
    }

    /// Keeps the connection of an answer that was read to its end.
    pub(crate) fn give_back(self, endpoint: &Endpoint, body: &mut ShopBody) {
        let Self::Http1(address) = self else { return };
        if let Some(connection) = body.connection()
            && endpoint.addresses.contains(address)
        {
            endpoint.pool.push(connection, address);
        }
    }
}

/// The contrary of [`Connection::fit`] for a shared connection.
fn unfit(mut request: Request<Body>) -> Request<Body> {
    let authority = request.uri().authority().map(|authority| HeaderValue::try_from(authority.as_str()));
    if let Some(Ok(host)) = authority {
        request.headers_mut().insert(HOST, host);
    }
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = target.map(Uri::from).unwrap_or_default();
    *request.version_mut() = Version::HTTP_11;
    request
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
    connection: Http1,
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
        while let Some(Idle { mut connection, address, since }) = idle.pop() {
            if since.elapsed() >= idle_timeout {
                // The ones below are older still.
                idle.clear();
                return None;
            }
            if connection.is_open() {
                return Some(Connection { kind: Kind::Http1(connection, address), reused: true });
            }
        }
        None
    }

    fn push(&self, connection: Http1, address: SocketAddr) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() == IDLE_MAX {
            idle.remove(0);
        }
        idle.push(Idle { connection, address, since: Instant::now() });
    }

    /// Closes connections idle for longer than `idle_timeout`, and those to addresses that are not `wanted`.
    pub(crate) fn prune(&self, idle_timeout: Duration, wanted: impl Fn(SocketAddr) -> bool) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain_mut(|one| {
            one.since.elapsed() < idle_timeout && one.connection.is_open() && wanted(one.address)
        });
    }

    /// Idle connections now.
    pub(crate) fn len(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
