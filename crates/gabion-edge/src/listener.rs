//! Public sockets: accepting, TLS, HTTP/1.1 and HTTP/2, draining.

mod cork;
mod ending;
mod handshake;
mod http1;
mod http2;
mod places;
mod serve;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::serve::Arrival;
use crate::Edge;
use crate::error::ReloadError;

pub(crate) use self::places::Places;

/// Connections the system holds before we accept them.
const BACKLOG: i32 = 4096;
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
            match edge.sockets().open(key.1) {
                Ok((listener, local)) => new.push((*key, listener, local)),
                Err(source) => {
                    new.iter().for_each(|(_, _, local)| edge.sockets().release(*local));
                    return Err(ReloadError::Bind { address: key.1, source });
                }
            }
        }
        self.open.retain(|key, open| {
            let keep = wanted.contains(key);
            if !keep {
                open.stop.cancel();
                edge.sockets().release(open.local);
            }
            keep
        });
        for (key, listener, local) in new {
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

/// Opens a TCP listener that does not block. An IPv6 wildcard takes IPv4 as well.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn accept_forever(edge: Edge, listener: TcpListener, plane: Plane, stop: CancellationToken) {
    loop {
        let (stream, peer) = match stop.run_until_cancelled(listener.accept()).await {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                tracing::warn!(%error, "Connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        edge.metrics().connections_accepted.fetch_add(1, Ordering::Relaxed);
        match Arrival::admit(&edge, peer, plane) {
            Ok(arrival) => {
                let edge = edge.clone();
                edge.tasks().clone().spawn(arrival.serve(edge, stream));
            }
            // Before anything is spent on it: the socket closes here.
            Err(cut) => edge.tell_cut(cut, peer.ip(), None),
        }
    }
}
