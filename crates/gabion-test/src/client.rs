//! Clients: bytes over a socket for everything a well-behaved library would not send, and HTTP/2 over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::body::TestBody;

/// Bytes of a head or a chunk line; more is a mistake of the test.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// A TLS client that believes only `root` and offers `alpn`.
///
/// # Panics
/// When the root is no certificate.
pub fn tls(root: &CertificateDer<'static>, alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("the root is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Opens a TLS connection to `address` as `name`.
///
/// # Errors
/// When nobody listens or the handshake is refused by either side.
pub async fn connect_tls(
    address: SocketAddr,
    name: &str,
    config: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// Opens an HTTP/2 connection over TLS. It lives as long as the sender.
///
/// # Panics
/// When the connection cannot be opened or HTTP/2 is not agreed on.
pub async fn http2(
    address: SocketAddr,
    name: &str,
    root: &CertificateDer<'static>,
) -> http2::SendRequest<TestBody> {
    let stream = connect_tls(address, name, tls(root, &["h2"])).await.expect("TLS is agreed on");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2 begins");
    // How it ends is seen by the requests on it.
    tokio::spawn(async move { drop(connection.await) });
    sender
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An HTTP/1 connection on which any bytes can be sent.
pub struct Wire {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

/// A response head.
#[derive(Clone, Debug)]
pub struct Head {
    /// The version as written: `HTTP/1.1`.
    pub version: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// What came after a chunked body.
    pub trailers: HeaderMap,
}

impl Head {
    /// The only value of a header; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        only(&self.headers, name)
    }
}

impl Whole {
    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("bodies of tests are text")
    }

    /// The only value of a header; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        only(&self.headers, name)
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map_or("", |value| value.to_str().expect("headers of tests are text"));
    assert!(values.next().is_none(), "{name} is there more than once: {headers:?}");
    value
}

impl Wire {
    /// Connects without TLS.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn plain(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("a TCP option");
        Self::over(stream)
    }

    /// Connects with TLS as `name`, for HTTP/1.1.
    ///
    /// # Panics
    /// When nobody listens or the handshake is refused.
    pub async fn tls(address: SocketAddr, name: &str, root: &CertificateDer<'static>) -> Self {
        Self::over(connect_tls(address, name, tls(root, &["http/1.1"])).await.expect("TLS is agreed on"))
    }

    /// Talks over an open stream.
    pub fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new() }
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// When the other side is gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the other side reads");
    }

    /// Sends bytes to somebody who may be gone.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Sends a request and reads its response.
    ///
    /// # Panics
    /// When there is no whole response.
    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Whole {
        self.send(request).await;
        self.response().await.expect("a whole response")
    }

    /// Reads a response to anything but HEAD. Interim responses other than 101 are passed over.
    ///
    /// # Errors
    /// When the connection ends before the response does, or the response is malformed.
    pub async fn response(&mut self) -> io::Result<Whole> {
        let mut head = self.head().await?;
        while (100..200).contains(&head.status) && head.status != 101 {
            head = self.head().await?;
        }
        let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
        if head.header("transfer-encoding") == "chunked" {
            while let Some(chunk) = self.chunk().await? {
                body.extend(chunk);
            }
            trailers = self.fields().await?;
        } else if let Ok(length) = head.header("content-length").parse() {
            body = self.exactly(length).await?;
        } else if !matches!(head.status, 101 | 204 | 304) {
            self.stream.read_to_end(&mut self.read).await?;
            body = std::mem::take(&mut self.read);
        }
        Ok(Whole { status: head.status, headers: head.headers, body, trailers })
    }

    /// Reads one response head.
    ///
    /// # Errors
    /// When the connection ends before, or the head is malformed.
    pub async fn head(&mut self) -> io::Result<Head> {
        let line = self.line().await?;
        let mut words = line.splitn(3, ' ');
        let version = words.next().unwrap_or_default().to_owned();
        let status = words.next().and_then(|word| word.parse().ok()).ok_or_else(|| malformed(&line))?;
        Ok(Head { version, status, headers: self.fields().await? })
    }

    /// Reads one chunk of a chunked body; none at its end.
    ///
    /// # Errors
    /// When the connection ends before, or it is no chunk.
    pub async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line().await?;
        let length = usize::from_str_radix(&line, 16).map_err(|_| malformed(&line))?;
        if length == 0 {
            return Ok(None);
        }
        let chunk = self.exactly(length).await?;
        let end = self.line().await?;
        if end.is_empty() { Ok(Some(chunk)) } else { Err(malformed(&end)) }
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < length {
            self.fill().await?;
        }
        Ok(self.read.drain(..length).collect())
    }

    /// Reads until the other side closes, and says what came. A reset counts as closed.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await.is_ok() {}
        std::mem::take(&mut self.read)
    }

    async fn fields(&mut self) -> io::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(headers);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed(&line))?;
            let value = HeaderValue::from_str(value.trim()).map_err(|_| malformed(&line))?;
            headers.append(name, value);
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.read[..end]).into_owned();
                self.read.drain(..end + 2);
                return Ok(line);
            }
            if self.read.len() > LINE_BYTES_MAX {
                return Err(malformed("endless line"));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {text:?}"))
}
