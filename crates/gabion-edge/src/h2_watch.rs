//! Watches the frames of an HTTP/2 connection in both directions, before the library behind it sees a byte of them,
//! and closes connections whose frames cost more than they are for.
//!
//! The library answers frames one by one, as the protocol demands; it cannot tell an odd client from a hostile one.
//! [`machine`] can: it counts. What arrives above a limit is never handed on, so that a flood costs no more than
//! reading it.

pub(crate) mod frames;
pub(crate) mod machine;
mod rates;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::cut::{Cut, Ending};
use machine::{Machine, Overdue};

/// Error codes of GOAWAY. RFC 9113 section 7.
const NO_ERROR: u8 = 0x0;
const ENHANCE_YOUR_CALM: u8 = 0xb;

/// A stream whose HTTP/2 frames are watched.
pub(crate) struct H2Watch<S> {
    stream: S,
    machine: Machine,
    /// Runs until the first deadline that was known when it was set; a later one is looked up when it is over.
    timer: Option<Pin<Box<Sleep>>>,
    ending: Arc<Ending>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> H2Watch<S> {
    pub(crate) const fn new(stream: S, machine: Machine, ending: Arc<Ending>) -> Self {
        Self { stream, machine, timer: None, ending }
    }

    /// While nothing arrives: ends the connection when it has waited for the client for too long.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(deadline) = self.machine.deadline() else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            match self.machine.overdue(Instant::now()) {
                Some(Overdue::Idle) => {
                    self.say_goodbye(cx, NO_ERROR);
                    // The end of the stream, for the library.
                    return Poll::Ready(Ok(()));
                }
                Some(Overdue::Cut(cut)) => return Poll::Ready(Err(self.cut(cx, cut))),
                None => {}
            }
            let Some(deadline) = self.machine.deadline() else {
                self.timer = None;
                return Poll::Pending;
            };
            timer.as_mut().reset(deadline);
        }
    }

    /// Makes sure that we are woken for the next deadline, where what we sent has brought it nearer.
    fn arm(&mut self, cx: &mut Context<'_>) {
        let Some(deadline) = self.machine.deadline() else { return };
        if self.timer.as_ref().is_some_and(|timer| timer.deadline() <= deadline) {
            return;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        timer.as_mut().reset(deadline);
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn cut(&mut self, cx: &mut Context<'_>, cut: Cut) -> io::Error {
        self.ending.because(cut);
        self.say_goodbye(cx, ENHANCE_YOUR_CALM);
        io::Error::other(cut)
    }

    /// Sends GOAWAY (RFC 9113 section 6.8) where that needs no waiting: a client that takes nothing learns nothing.
    fn say_goodbye(&mut self, cx: &mut Context<'_>, code: u8) {
        if !self.machine.is_between_frames() {
            return;
        }
        let [a, b, c, d] = self.machine.last_stream().to_be_bytes();
        let frame = [0, 0, 8, frames::GOAWAY, 0, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, code];
        if Pin::new(&mut self.stream).poll_write(cx, &frame).is_ready() {
            // The connection ends next, flushed or not.
            drop(Pin::new(&mut self.stream).poll_flush(cx));
        }
    }

    fn note_sent(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<()> {
        self.machine.sent(bytes, Instant::now()).map_err(|cut| self.cut(cx, cut))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for H2Watch<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => self.poll_overdue(cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let received = self.machine.received(&buffer.filled()[before..], Instant::now());
                Poll::Ready(received.map_err(|cut| {
                    buffer.set_filled(before);
                    self.cut(cx, cut)
                }))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for H2Watch<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        Poll::Ready(self.note_sent(cx, &bytes[..written]).map(|()| written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let part = left.min(slice.len());
            self.note_sent(cx, &slice[..part])?;
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.arm(cx);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
