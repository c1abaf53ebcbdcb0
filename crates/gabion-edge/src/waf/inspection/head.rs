//! Heads as the rules get them: over HTTP/1 as they came, over HTTP/2 as they were decoded.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use gabion_waf::{RequestHead, ResponseHead, Transaction};
use http::{Method, Version, response};

use crate::layer::{Facts, Visit};
use crate::proxy::websocket::is_extended;
use crate::state::State;

/// Where the client is. Its port is known only where it speaks to us itself.
pub(in crate::waf) fn client(facts: &Facts) -> (IpAddr, u16) {
    let (peer, address) = (facts.connection.peer, facts.client.address);
    (address, if peer.ip().to_canonical() == address { peer.port() } else { 0 })
}

/// Where the client came to: the first listener of its kind.
pub(in crate::waf) fn server(state: &State, https: bool) -> (IpAddr, u16) {
    let listeners = if https { &state.https } else { &state.http };
    let unknown = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let address = listeners.first().copied().unwrap_or(unknown);
    (address.ip(), address.port())
}

/// Runs the phase of the request's head.
pub(super) fn request(transaction: &mut Transaction, visit: &Visit) {
    if let Some(raw) = &visit.raw_head {
        let headers: Vec<_> = raw.fields().map(|(name, value)| (name.as_bytes(), value)).collect();
        let (method, target) = (raw.method().as_bytes(), raw.target().as_bytes());
        let version = raw.version().as_bytes();
        let _ = transaction.request_head(&RequestHead { method, target, version, headers: &headers });
        return;
    }
    let request = &visit.request;
    let uri = request.uri();
    // Over HTTP/2 the host is part of the target; rules look for it among the headers. RFC 9113 section 8.3.1.
    let host = uri.authority().filter(|_| !request.headers().contains_key(http::header::HOST));
    let host = host.map(|authority| (&b"host"[..], authority.as_str().as_bytes()));
    let fields = request.headers().iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let headers: Vec<_> = host.into_iter().chain(fields).collect();
    // A WebSocket reaches the shop as the GET that it is over HTTP/1.1. RFC 8441 section 4.
    let method =
        if is_extended(request.method(), request.extensions()) { &Method::GET } else { request.method() };
    let _ = transaction.request_head(&RequestHead {
        method: method.as_str().as_bytes(),
        target: uri.path_and_query().map_or("/", |target| target.as_str()).as_bytes(),
        version: version(request.version()),
        headers: &headers,
    });
}

/// Runs the phase of the answer's head.
pub(super) fn response(transaction: &mut Transaction, parts: &response::Parts) {
    let headers: Vec<_> =
        parts.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
    let (status, version) = (parts.status.as_u16(), version(parts.version));
    let _ = transaction.response_head(&ResponseHead { status, version, headers: &headers });
}

fn version(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_10 => b"HTTP/1.0",
        _ => b"HTTP/1.1",
    }
}
