//! A wire between the edge and a server that remembers what the edge wrote.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// A request as one side saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The edge's `X-Request-Id`.
    pub(super) id: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: String,
    /// Whether the body came to its end.
    pub(super) whole: bool,
}

/// The wire, for any number of connections.
pub(super) struct Tap {
    address: SocketAddr,
    /// What the edge wrote, by connection.
    written: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Tap {
    /// Listens, and connects every connection with the server's socket.
    pub(super) async fn start(socket: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let tap = Self { address: listener.local_addr().unwrap(), written: Arc::default() };
        let (written, socket) = (Arc::clone(&tap.written), socket.to_owned());
        tokio::spawn(async move {
            loop {
                let (edge, _) = listener.accept().await.unwrap();
                let number = {
                    let mut all = written.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(join(edge, server, Arc::clone(&written), number));
            }
        });
        tap
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the edge wrote, read strictly.
    ///
    /// # Panics
    /// When it cannot be read in one way only.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.written.lock().unwrap().iter().flat_map(|stream| read(stream)).collect()
    }
}

async fn join(edge: TcpStream, server: UnixStream, written: Arc<Mutex<Vec<Vec<u8>>>>, number: usize) {
    let (mut from_edge, mut to_edge) = edge.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = [0; 4096];
        loop {
            let read = from_edge.read(&mut buffer).await.unwrap_or(0);
            if read == 0 || to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
            written.lock().unwrap()[number].extend_from_slice(&buffer[..read]);
        }
    };
    // Whichever side ends first ends both: dropping the halves closes the sockets.
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut from_server, &mut to_edge) => {}
    }
}

/// The requests of one connection. The last one may have broken off.
fn read(stream: &[u8]) -> Vec<Request> {
    let text = std::str::from_utf8(stream).expect("the cases are text");
    let mut rest = text;
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let Some((head, after)) = rest.split_once("\r\n\r\n") else { panic!("half a head: {rest:?}") };
        assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "{head:?}");
        let mut lines = head.split("\r\n");
        let words: Vec<_> = lines.next().unwrap().split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else { panic!("{words:?}") };
        let fields: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        let only = |known: &str| -> Option<&str> {
            let mut values =
                fields.iter().filter(|(name, _)| name.replace('_', "-").eq_ignore_ascii_case(known));
            let value = values.next().map(|(_, value)| *value);
            assert!(values.next().is_none(), "{known} is repeated in {head:?}");
            value
        };
        assert!(only("host").is_some() && only("expect").is_none() && only("upgrade").is_none(), "{head:?}");
        let body = match (only("content-length"), only("transfer-encoding")) {
            (Some(length), None) => exactly(after, length.parse().unwrap()),
            (None, Some("chunked")) => chunks(after),
            (None, None) => Some((String::new(), after)),
            both => panic!("{both:?} in {head:?}"),
        };
        let whole = body.is_some();
        let (body, after) = body.unwrap_or_default();
        let id = only("x-request-id").unwrap().to_owned();
        requests.push(Request { id, method: method.to_owned(), target: target.to_owned(), body, whole });
        rest = after;
    }
    requests
}

fn exactly(text: &str, length: usize) -> Option<(String, &str)> {
    Some((text.get(..length)?.to_owned(), &text[length..]))
}

fn chunks(text: &str) -> Option<(String, &str)> {
    let mut rest = text;
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        assert!(size.bytes().all(|b| b.is_ascii_hexdigit()), "{size:?}");
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = after.get(..size)?;
        body += chunk;
        rest = after[size..].strip_prefix("\r\n")?;
        if size == 0 {
            return Some((body, rest));
        }
    }
}
