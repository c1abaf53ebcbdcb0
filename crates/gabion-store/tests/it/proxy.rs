//! A TCP proxy that cuts connections where it hurts.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// The simple query that ends a transaction, as it is on the wire.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// Where to cut the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    Nowhere = 0,
    /// The server never sees it.
    Before = 1,
    /// The server sees it; the client never hears back.
    After = 2,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    cut: AtomicU8,
    refusing: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server,
            cut: AtomicU8::new(Cut::Nowhere as u8),
            refusing: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|client| serve(client, &of_thread))
        });
        Self { address, shared }
    }

    /// Cuts the next commit of any connection.
    pub(crate) fn cut_next(&self, cut: Cut) {
        self.shared.cut.store(cut as u8, Ordering::SeqCst);
    }

    pub(crate) fn has_cut(&self) -> bool {
        self.shared.cut.load(Ordering::SeqCst) == Cut::Nowhere as u8
    }

    /// Closes everything and takes nobody, or takes them again.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::SeqCst);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            // It may be closed already.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>) {
    if shared.refusing.load(Ordering::SeqCst) {
        return;
    }
    let server = TcpStream::connect(shared.server).unwrap();
    shared.open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    let (to_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || copy(from_server, to_client, |_| Cut::Nowhere));
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        copy(client, server, |bytes| {
            if !bytes.windows(COMMIT.len()).any(|window| window == COMMIT) {
                return Cut::Nowhere;
            }
            match shared.cut.swap(Cut::Nowhere as u8, Ordering::SeqCst) {
                1 => Cut::Before,
                2 => Cut::After,
                _ => Cut::Nowhere,
            }
        });
    });
}

/// Copies until either side ends. A cut after forwarding leaves the server's answer unheard.
fn copy(mut from: TcpStream, mut to: TcpStream, cut: impl Fn(&[u8]) -> Cut) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let cut = cut(&buffer[..count]);
        if cut == Cut::After {
            // First close the way back, so that the answer cannot slip through.
            let _closed = from.shutdown(Shutdown::Both);
        }
        if cut == Cut::Before || to.write_all(&buffer[..count]).is_err() || cut == Cut::After {
            break;
        }
    }
    // Either side may be gone already.
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
