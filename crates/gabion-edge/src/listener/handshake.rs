//! The TLS handshake: the ClientHello is read first, then the configuration is chosen that answers it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello as Offer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use crate::Edge;
use crate::tls::client_hello::{CLIENT_HELLO_BYTES_MAX, ClientHello};
use crate::tls::ja4::{Ja4, Transport};

/// Agrees on TLS with a client, and says what kind of client it is.
///
/// # Errors
/// What went wrong; the client has got its alert then.
pub(super) async fn handshake<S>(edge: &Edge, stream: S) -> io::Result<(TlsStream<S>, Option<Ja4>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let start = LazyConfigAcceptor::new(Acceptor::default(), Recorded::new(stream)).await?;
    let config = config_for(edge, &start.client_hello());
    let Recorded { stream, read } = start.io;
    let ja4 = ClientHello::parse(&read).map(|hello| Ja4::new(Transport::Tcp, &hello));
    drop(read);
    let stream = StartHandshake::from_parts(start.accepted, stream).into_stream(config).await?;
    Ok((stream, ja4))
}

/// The configuration that answers a client: an ACME server that validates a name gets its own.
fn config_for(edge: &Edge, offer: &Offer<'_>) -> Arc<ServerConfig> {
    edge.challenges().tls_config(offer).unwrap_or_else(|| edge.server_tls())
}

/// A stream that remembers what was read from it, up to [`CLIENT_HELLO_BYTES_MAX`]; more is an error.
struct Recorded<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S> Recorded<S> {
    const fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let new = &buffer.filled()[before..];
        if self.read.len() + new.len() > CLIENT_HELLO_BYTES_MAX {
            let error = format!("a ClientHello of more than {CLIENT_HELLO_BYTES_MAX} bytes");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        self.read.extend_from_slice(new);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
