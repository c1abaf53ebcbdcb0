//! A shop on a free port and a tiny browser that remembers its cookie.

use std::net::SocketAddr;

use gabion_demo::{DEFAULT_HOSTS, Shop, ShopConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running shop; its folder goes when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    close: oneshot::Sender<()>,
    served: JoinHandle<Result<(), gabion_demo::ShopError>>,
}

pub(crate) fn config(folder: &TempDir) -> ShopConfig {
    ShopConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        folder: folder.path().join("shop"),
        hosts: DEFAULT_HOSTS.map(str::to_owned).to_vec(),
    }
}

pub(crate) async fn open() -> Running {
    open_in(tempfile::tempdir().unwrap()).await
}

/// Opens the shop in a folder that may have been used before.
pub(crate) async fn open_in(folder: TempDir) -> Running {
    let shop = Shop::bind(config(&folder)).await.unwrap();
    let address = shop.local_addr();
    let (close, closed) = oneshot::channel();
    let served = tokio::spawn(shop.serve(async move { closed.await.unwrap() }));
    Running { address, folder, close, served }
}

impl Running {
    pub(crate) fn browser(&self) -> Browser {
        Browser { address: self.address, cookie: None }
    }

    /// Closes the shop, waits until it has, and gives back what it leaves behind.
    pub(crate) async fn close(self) -> TempDir {
        self.close.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        self.folder
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        assert!(self.body.contains(text), "{text:?} is not in\n{}", self.body);
    }
}

/// Somebody who visits the shop.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    cookie: Option<String>,
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", b"").await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send("POST", path, "content-type: application/x-www-form-urlencoded\r\n", form.as_bytes()).await
    }

    /// Sends a review; `picture` is file name, content type and bytes.
    pub(crate) async fn review(
        &mut self,
        product: &str,
        text: &str,
        picture: Option<(&str, &str, &[u8])>,
    ) -> Answer {
        let mut body = Vec::new();
        for (name, value) in [("author", "Test"), ("rating", "4"), ("title", "A title"), ("text", text)] {
            let part =
                format!("--part\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        if let Some((file, kind, bytes)) = picture {
            let head = format!(
                "--part\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"{file}\"\r\ncontent-type: {kind}\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--part--\r\n");
        let path = format!("/products/{product}/reviews");
        self.send("POST", &path, "content-type: multipart/form-data; boundary=part\r\n", &body).await
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let host = if headers.contains("host: ") { "" } else { "host: naked.localhost:8000\r\n" };
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\n{host}{cookie}{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // A shop that refuses a large body answers early and stops reading; what counts is its answer.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut bytes).await {}
        let answer = parse(&bytes);
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        answer
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
