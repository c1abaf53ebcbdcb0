//! A customer's socket: gives up on a customer who takes nothing, and says goodbye before it closes.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

use crate::cut::{Cut, Ending};

/// Sockets saying goodbye at a time over all listeners; one more is closed at once.
pub(crate) const GOODBYES_MAX: usize = 256;
/// How long a goodbye may take, and the bytes thrown away meanwhile.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
const GOODBYE_BYTES_MAX: usize = 4 << 20;

/// A TCP stream whose writes do not wait forever. When dropped, it reads a little on: closing a socket with unread
/// bytes resets it, and many systems then throw away our last response, such as a 413 in the middle of an upload.
pub(crate) struct Downstream {
    /// Taken when dropped.
    stream: Option<TcpStream>,
    /// Silence of a customer who does not take what we send; then the connection is closed, and with it the place of
    /// its request at the shop.
    stall_max: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    ending: Arc<Ending>,
    goodbyes: Arc<Semaphore>,
}

impl Downstream {
    pub(crate) const fn new(
        stream: TcpStream,
        stall_max: Duration,
        ending: Arc<Ending>,
        goodbyes: Arc<Semaphore>,
    ) -> Self {
        Self { stream: Some(stream), stall_max, stalled: None, ending, goodbyes }
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("the stream is taken only when dropped"))
    }

    /// Passes on what came of a write, or an error when none got through for too long.
    fn in_time(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let most = self.stall_max;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(most)));
        ready!(stalled.as_mut().poll(cx));
        self.ending.because(Cut::WriteTimeout);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Downstream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Downstream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, bytes);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

impl Drop for Downstream {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        let closed = match stream.try_read(&mut [0; 512]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        let place = Arc::clone(&self.goodbyes).try_acquire_owned();
        if let (false, Ok(place), Ok(runtime)) = (closed, place, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                // Neither an error nor running out of time matters: the socket is closed either way.
                tokio::time::timeout(GOODBYE_MAX, goodbye(stream)).await.ok();
                drop(place);
            });
        }
    }
}

/// Says that nothing more comes, and reads until the customer says so too.
async fn goodbye(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut buffer = [0; 4096];
    let mut left = GOODBYE_BYTES_MAX;
    while left > 0 {
        match stream.read(&mut buffer).await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const PATIENT: Duration = Duration::from_secs(60);

    async fn pair(stall_max: Duration, goodbyes: usize) -> (Downstream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (customer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, _) = accepted.expect("the customer connects");
        let socket = Downstream::new(stream, stall_max, Arc::default(), Arc::new(Semaphore::new(goodbyes)));
        (socket, customer.expect("the listener accepts"))
    }

    #[tokio::test]
    async fn a_customer_who_takes_nothing_is_given_up() {
        let (mut socket, _customer) = pair(Duration::from_millis(50), 1).await;
        let error = loop {
            if let Err(error) = socket.write(&[0; 64 * 1024]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(socket.ending.cut(), Some(Cut::WriteTimeout));
    }

    #[tokio::test]
    async fn the_last_words_arrive_although_the_customer_still_talks() {
        let (mut socket, mut customer) = pair(PATIENT, 1).await;
        customer.write_all(&[1; 100_000]).await.expect("the socket is open");
        socket.write_all(b"enough").await.expect("the socket is open");
        drop(socket);
        customer.write_all(&[1; 100_000]).await.expect("the rest is thrown away, not refused");
        let mut words = Vec::new();
        customer.read_to_end(&mut words).await.expect("a clean end");
        assert_eq!(words, b"enough");
    }

    #[tokio::test]
    async fn too_many_goodbyes_are_cut_short() {
        let (socket, mut customer) = pair(PATIENT, 0).await;
        drop(socket);
        assert_eq!(customer.read(&mut [0]).await.expect("a clean end"), 0);
        // The other side is gone for good: writing is refused as soon as the system has learned it.
        while customer.write_all(&[1; 1000]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
