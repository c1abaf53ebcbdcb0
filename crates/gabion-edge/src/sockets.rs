//! The listening sockets, apart from who accepts on them.
//!
//! A socket can be handed in by whoever started the process (systemd, or the process that was here before), and it can
//! be handed on. While somebody holds it open, nobody is refused: connections wait in the system's queue.

use std::io;
use std::net::{SocketAddr, TcpListener as Socket};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;

use crate::listener::bind;

/// The sockets of all listeners of the process.
#[derive(Debug, Default)]
pub struct Sockets {
    // In the order they were handed in or opened.
    held: Mutex<Vec<Held>>,
}

#[derive(Debug)]
struct Held {
    local: SocketAddr,
    socket: Socket,
    /// Not ours to close while we run: who handed it in goes on holding it.
    handed_in: bool,
    in_use: bool,
}

impl Held {
    /// Whether this is the socket for an address of the configuration. Port 0 takes any port.
    fn fits(&self, address: SocketAddr) -> bool {
        !self.in_use && (self.local == address || (address.port() == 0 && self.local.ip() == address.ip()))
    }
}

impl Sockets {
    /// Starts with sockets that were handed in, and listen already.
    ///
    /// # Errors
    /// When one of them has no address.
    pub fn handed_in(sockets: Vec<Socket>) -> io::Result<Self> {
        let hold = |socket: Socket| {
            socket.set_nonblocking(true)?;
            Ok(Held { local: socket.local_addr()?, socket, handed_in: true, in_use: false })
        };
        let held = sockets.into_iter().map(hold).collect::<io::Result<_>>()?;
        Ok(Self { held: Mutex::new(held) })
    }

    /// Gives the socket for an address and the address really listened on: one that was handed in, or else a new one.
    ///
    /// # Errors
    /// What the system says to a new one: in use, not permitted, no such address.
    pub fn open(&self, address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let mut held = self.held();
        if let Some(fitting) = held.iter_mut().find(|held| held.fits(address)) {
            let listener = TcpListener::from_std(fitting.socket.try_clone()?)?;
            fitting.in_use = true;
            return Ok((listener, fitting.local));
        }
        let socket = bind(address)?;
        let local = socket.local_addr()?;
        let listener = TcpListener::from_std(socket.try_clone()?)?;
        held.push(Held { local, socket, handed_in: false, in_use: true });
        Ok((listener, local))
    }

    /// Takes back the socket of a listener that is no longer wanted. One of our own is closed with it.
    pub fn release(&self, local: SocketAddr) {
        let mut held = self.held();
        held.retain(|held| held.local != local || held.handed_in);
        held.iter_mut().filter(|held| held.local == local).for_each(|held| held.in_use = false);
    }

    /// The addresses of sockets that were handed in and that none of `wanted` fits.
    pub fn unwanted(&self, wanted: &[SocketAddr]) -> Vec<SocketAddr> {
        let held = self.held();
        let unwanted = held.iter().filter(|held| !wanted.iter().any(|address| held.fits(*address)));
        unwanted.map(|held| held.local).collect()
    }

    /// Closes the socket on an address, whoever opened it.
    pub fn discard(&self, local: SocketAddr) {
        self.held().retain(|held| held.local != local);
    }

    /// Copies of all sockets, for the process that comes after, in an order in which it finds them again.
    ///
    /// # Errors
    /// When the process has no file handle left.
    pub fn copies(&self) -> io::Result<Vec<OwnedFd>> {
        self.held().iter().map(|held| held.socket.try_clone().map(OwnedFd::from)).collect()
    }

    /// Closes all of them. What a starter such as systemd holds stays open there.
    pub fn close(&self) {
        self.held().clear();
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[tokio::test]
    async fn a_socket_that_was_handed_in_is_used_and_survives_its_listener() {
        let socket = bind(ANY).expect("a port");
        let address = socket.local_addr().expect("an address");
        let sockets = Sockets::handed_in(vec![socket]).expect("it listens");
        assert_eq!(sockets.unwanted(&[ANY]), []);
        assert_eq!(sockets.unwanted(&["127.0.0.1:1".parse().expect("an address")]), [address]);
        for _ in 0..2 {
            let (listener, local) = sockets.open(address).expect("it is there");
            assert_eq!(local, address);
            assert!(sockets.open(address).is_err(), "nobody else can have it");
            drop(listener);
            sockets.release(local);
            std::net::TcpStream::connect(address).expect("connections wait while nobody accepts");
        }
        sockets.discard(address);
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    #[tokio::test]
    async fn a_socket_of_our_own_is_closed_with_its_listener() {
        let sockets = Sockets::default();
        let (listener, local) = sockets.open(ANY).expect("a port");
        drop(listener);
        std::net::TcpStream::connect(local).expect("held until it is released");
        sockets.release(local);
        assert!(std::net::TcpStream::connect(local).is_err());
    }

    #[tokio::test]
    async fn copies_keep_a_socket_open() {
        let sockets = Sockets::default();
        let (listener, local) = sockets.open(ANY).expect("a port");
        let copies = sockets.copies().expect("file handles");
        assert_eq!(copies.len(), 1);
        drop(listener);
        sockets.close();
        std::net::TcpStream::connect(local).expect("held by the copy");
        drop(copies);
        assert!(std::net::TcpStream::connect(local).is_err());
    }
}
