//! The line under the library: what it reads is counted, and STARTTLS is spoken before it begins.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that a server may say before it is spoken to again. Above it the connection ends: the longest answer, to EHLO,
/// has under 1 kB.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// Bytes of all of a server's answers before TLS.
const PLAIN_BYTES_MAX: u64 = 3 * ANSWER_BYTES_MAX as u64;

/// What a line may run over: a socket, or TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> Stream for S {}

/// A connection of which each answer is bounded, after a greeting that is already here.
#[derive(Debug)]
pub(super) struct Line {
    stream: Box<dyn Stream>,
    peer: SocketAddr,
    greeting: &'static [u8],
    left: usize,
}

impl Line {
    /// Reads `greeting` first, then what the server sends.
    pub(super) fn new(stream: impl Stream + 'static, peer: SocketAddr, greeting: &'static [u8]) -> Self {
        Self { stream: Box::new(stream), peer, greeting, left: ANSWER_BYTES_MAX }
    }
}

impl AsyncTokioStream for Line {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
            buf.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other("the mail server says too much"))),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.left = ANSWER_BYTES_MAX;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Asks for TLS and gives the line back when the server is ready for it.
///
/// # Errors
/// When the server does not offer it, or has sent something behind its answer: that came before TLS, from anybody, and
/// would be taken for what came after it.
pub(super) async fn start_tls(stream: TcpStream, hello: &ClientId) -> io::Result<TcpStream> {
    let mut talk = BufReader::new(stream.take(PLAIN_BYTES_MAX));
    expect(&mut talk, "220", "its greeting").await?;
    let offer = ask(&mut talk, &format!("EHLO {hello}\r\n"), "250", "EHLO").await?;
    let offers =
        |line: &String| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offer.iter().any(offers) {
        return Err(io::Error::other("the server offers no STARTTLS, and nothing is sent without it"));
    }
    ask(&mut talk, "STARTTLS\r\n", "220", "STARTTLS").await?;
    if !talk.buffer().is_empty() {
        return Err(io::Error::other("the server said something behind STARTTLS that was not encrypted"));
    }
    Ok(talk.into_inner().into_inner())
}

type Talk = BufReader<tokio::io::Take<TcpStream>>;

async fn ask(talk: &mut Talk, command: &str, code: &str, what: &str) -> io::Result<Vec<String>> {
    talk.get_mut().get_mut().write_all(command.as_bytes()).await?;
    expect(talk, code, what).await
}

/// The lines of an answer with the code that is expected.
async fn expect(talk: &mut Talk, code: &str, what: &str) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if talk.read_line(&mut line).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the server hung up at {what}"),
            ));
        }
        if !line.starts_with(code) {
            return Err(io::Error::other(format!("{what} was answered {}", line.trim_end())));
        }
        let more = line.as_bytes().get(3) == Some(&b'-');
        lines.push(line);
        if !more {
            return Ok(lines);
        }
    }
}
