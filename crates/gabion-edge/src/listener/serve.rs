//! One connection from its first byte to its last.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;

use super::Plane;
use super::handshake::handshake;
use super::http1::http1;
use super::http2::http2;
use super::places::{AddressPlace, Place, STREAMS_MAX};
use crate::config::Http2Section;
use crate::cut::{Cut, Ending};
use crate::downstream::Downstream;
use crate::h2_watch::H2Watch;
use crate::h2_watch::machine::{Machine, Times};
use crate::layer::{Connection, Refusals, Tls};
use crate::metrics::Gauge;
use crate::module::Module;
use crate::state::State;
use crate::tls::Ja4;
use crate::tls::acme::ACME_TLS;
use crate::{Edge, proxy_protocol};

/// Why a connection ended early.
pub(super) type ServeError = Box<dyn std::error::Error + Send + Sync>;

/// A connection that was let in.
pub(super) struct Arrival {
    /// Who speaks: the peer, or whom it speaks for.
    peer: SocketAddr,
    plane: Plane,
    state: Arc<State>,
    /// Whether the peer begins with a PROXY header.
    announced: bool,
    ja4: Option<Ja4>,
    tls: Option<Tls>,
    ending: Arc<Ending>,
    _place: Place,
    address: Option<AddressPlace>,
}

impl Arrival {
    /// Lets a connection in, or says which limit it would exceed.
    pub(super) fn admit(edge: &Edge, peer: SocketAddr, plane: Plane) -> Result<Self, Cut> {
        let state = edge.state();
        let place = edge.places().connection(&state)?;
        let announced = state.proxy_protocol.iter().any(|network| network.contains(peer.ip()));
        let address = if announced { None } else { edge.places().address(&state, peer.ip())? };
        Ok(Self {
            peer,
            plane,
            state,
            announced,
            ja4: None,
            tls: None,
            ending: Arc::default(),
            _place: place,
            address,
        })
    }

    /// Serves it until it ends, and tells why where a limit ended it.
    pub(super) async fn serve(mut self, edge: Edge, stream: TcpStream) {
        let _open = Gauge::raise(edge.metrics(), |metrics| &metrics.connections);
        let ended = edge.cut().run_until_cancelled(self.talk(&edge, stream)).await;
        if let Some(cut) = self.ending.cut() {
            edge.tell_cut(cut, self.peer.ip(), self.ja4);
        } else if let Some(Err(error)) = ended {
            let peer = self.peer;
            tracing::debug!(%peer, %error, "Connection from {peer} ended with an error");
        }
    }

    /// What differs from connection to connection is boxed: an idle one keeps only what it needs.
    async fn talk(&mut self, edge: &Edge, mut stream: TcpStream) -> Result<(), ServeError> {
        stream.set_nodelay(true)?;
        let begun_by = Instant::now() + self.state.limits.handshake_timeout;
        if self.announced {
            self.hear_announcement(edge, &mut stream, begun_by).await?;
        }
        let write_timeout = self.state.limits.write_timeout;
        let stream = Downstream::new(stream, write_timeout, Arc::clone(&self.ending), edge.goodbyes());
        if self.plane == Plane::Http {
            return Box::pin(http1(edge, stream, self.connection(u32::MAX))).await;
        }
        let stream = Box::pin(self.agree(edge, stream, begun_by)).await?;
        match stream.get_ref().1.alpn_protocol() {
            // The handshake was all that an ACME server wanted. RFC 8737 section 3.
            Some(ACME_TLS) => Ok(()),
            Some(b"h2") => {
                let counts = self.counts();
                let stream = self.watch(stream, &counts);
                let connection = self.connection(counts.refusals_max);
                let most = counts.streams_per_address_max;
                let streams = self.address.as_mut().map_or(STREAMS_MAX, |place| place.streams(most));
                tokio::select! {
                    ended = Box::pin(http2(edge, stream, &counts, streams, Arc::clone(&connection))) => ended,
                    () = connection.refusals.too_many() => Err(self.end(Cut::Http2Refusals)),
                }
            }
            _ => Box::pin(http1(edge, stream, self.connection(u32::MAX))).await,
        }
    }

    /// Learns from the peer whom it speaks for, and counts the connection as one of that address.
    async fn hear_announcement(
        &mut self,
        edge: &Edge,
        stream: &mut TcpStream,
        by: Instant,
    ) -> Result<(), ServeError> {
        let source = match timeout_at(by, proxy_protocol::read(stream)).await {
            Ok(Ok(source)) => source,
            Ok(Err(error)) => {
                let peer = self.peer;
                tracing::warn!(%peer, %error, "{peer} is in listen.proxy_protocol, but: {error}");
                return Err(self.end(Cut::ProxyHeader));
            }
            Err(_) => return Err(self.end(Cut::ProxyHeader)),
        };
        if let Some(source) = source {
            self.peer = source;
            let place = edge.places().address(&self.state, source.ip());
            self.address = place.map_err(|cut| self.end(cut))?;
        }
        Ok(())
    }

    /// Agrees on TLS.
    async fn agree(
        &mut self,
        edge: &Edge,
        stream: Downstream,
        by: Instant,
    ) -> Result<TlsStream<Downstream>, ServeError> {
        let _place = edge.places().handshake(&self.state).map_err(|cut| self.end(cut))?;
        let accepted = Instant::now();
        let error = match timeout_at(by, handshake(edge, stream)).await {
            Ok(Ok((stream, ja4))) => {
                edge.metrics().handshake.record(accepted.elapsed());
                self.tls = Some(agreed(stream.get_ref().1));
                self.ja4 = ja4;
                return Ok(stream);
            }
            Ok(Err(error)) => error.into(),
            Err(_) => self.end(Cut::HandshakeTimeout),
        };
        edge.metrics().handshakes_failed.fetch_add(1, Ordering::Relaxed);
        Err(error)
    }

    /// What an HTTP/2 connection may do beside requests.
    fn counts(&self) -> Http2Section {
        let bypassed = self.state.bypass.contains(&Module::Limits);
        if bypassed { Http2Section::UNLIMITED } else { self.state.limits.http2.clone() }
    }

    fn watch<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, counts: &Http2Section) -> H2Watch<S> {
        let limits = &self.state.limits;
        let times =
            Times { head: limits.head_timeout, idle: limits.keepalive_idle, write: limits.write_timeout };
        let machine = Machine::new(counts.clone(), times, Instant::now());
        H2Watch::new(stream, machine, Arc::clone(&self.ending))
    }

    /// What requests know of it; `refusals_max` of its address in a row may be refused.
    fn connection(&self, refusals_max: u32) -> Arc<Connection> {
        let refusals = self.address.as_ref().map(|place| Arc::clone(&place.refusals)).unwrap_or_default();
        Arc::new(Connection {
            peer: self.peer,
            https: self.plane == Plane::Https,
            ja4: self.ja4,
            tls: self.tls,
            said: OnceLock::new(),
            refusals: Refusals::new(refusals_max, refusals),
        })
    }

    fn end(&self, cut: Cut) -> ServeError {
        self.ending.because(cut);
        cut.into()
    }
}

fn agreed(tls: &rustls::ServerConnection) -> Tls {
    let version = match tls.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let alpn = match tls.alpn_protocol() {
        Some(b"h2") => "h2",
        Some(b"http/1.1") => "http/1.1",
        _ => "",
    };
    Tls { version, alpn }
}
