//! Gathers what an HTTP/2 connection sends. The library writes and flushes every frame by itself; sixteen small answers
//! that are ready together would be sixteen TLS records and sixteen system calls.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are held at most: what fits one TLS record. RFC 8446 section 5.1.
const HELD_MAX: usize = 16 * 1024;
/// Bytes of one write that are held: of more, copying costs as much as a system call of its own.
const SMALL: usize = 4 * 1024;

/// Counts how often the task of a connection was polled.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<AtomicU64>);

impl Turn {
    /// The task is polled once more.
    pub(super) fn next(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream that holds small writes back until every task that is ready has had its turn: it asks for another poll, and
/// what other answers have written until then goes with it. Nothing waits for a timer, or longer than that.
pub(super) struct Cork<S> {
    stream: S,
    turn: Turn,
    held: Vec<u8>,
    /// The turn in which the first of them was written.
    since: u64,
    /// Whether something was written since the last flush: more may follow at once.
    wrote: bool,
}

impl<S: AsyncWrite + Unpin> Cork<S> {
    pub(super) const fn new(stream: S, turn: Turn) -> Self {
        Self { stream, turn, held: Vec::new(), since: 0, wrote: false }
    }

    /// Writes what is held.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut written = 0;
        let result = loop {
            let rest = self.held.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(more)) => written += more,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.held.drain(..written);
        if self.held.is_empty() {
            // A connection that waits takes no memory for what it sent.
            self.held = Vec::new();
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cork<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cork<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length > SMALL || self.held.len() + length > HELD_MAX {
            ready!(self.poll_release(cx))?;
        }
        if length > SMALL {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        if self.held.is_empty() {
            self.held.reserve(HELD_MAX);
            self.since = self.turn.now();
        }
        slices.iter().for_each(|slice| self.held.extend_from_slice(slice));
        self.wrote = true;
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wrote = std::mem::take(&mut self.wrote);
        if !self.held.is_empty() {
            if wrote || self.since == self.turn.now() {
                cx.waker().wake_by_ref();
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_release(cx))?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_release(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Keeps every write for itself.
    #[derive(Default)]
    struct Writes {
        writes: Vec<usize>,
        flushes: usize,
    }

    impl AsyncWrite for Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes.push(bytes.len());
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn write(cork: &mut Cork<Writes>, length: usize) {
        let mut cx = Context::from_waker(Waker::noop());
        let written = Pin::new(cork).poll_write(&mut cx, &vec![b'x'; length]);
        assert!(matches!(written, Poll::Ready(Ok(taken)) if taken == length));
    }

    fn flush(cork: &mut Cork<Writes>) {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(cork).poll_flush(&mut cx), Poll::Ready(Ok(()))));
    }

    #[test]
    fn frames_of_two_turns_go_out_together() {
        let turn = Turn::default();
        let mut cork = Cork::new(Writes::default(), turn.clone());
        turn.next();
        write(&mut cork, 100);
        flush(&mut cork);
        flush(&mut cork);
        assert!(cork.stream.writes.is_empty(), "others may have something to add");
        turn.next();
        write(&mut cork, 200);
        flush(&mut cork);
        assert!(cork.stream.writes.is_empty(), "more may follow at once");
        flush(&mut cork);
        assert_eq!((&cork.stream.writes[..], cork.stream.flushes), (&[300][..], 1));
        assert_eq!(cork.held.capacity(), 0);
        flush(&mut cork);
        assert_eq!(cork.stream.flushes, 2, "with nothing held a flush is a flush");
    }

    #[test]
    fn no_more_is_held_than_a_record() {
        let mut cork = Cork::new(Writes::default(), Turn::default());
        for _ in 0..HELD_MAX / SMALL {
            write(&mut cork, SMALL);
        }
        write(&mut cork, 1);
        assert_eq!(cork.stream.writes, [HELD_MAX]);
        write(&mut cork, SMALL + 1);
        assert_eq!(cork.stream.writes, [HELD_MAX, 1, SMALL + 1], "what is long goes by itself, in its turn");
    }

    #[test]
    fn a_connection_that_ends_sends_what_is_held() {
        let mut cork = Cork::new(Writes::default(), Turn::default());
        write(&mut cork, 10);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut cork).poll_shutdown(&mut cx).is_ready());
        assert_eq!(cork.stream.writes, [10]);
    }
}
