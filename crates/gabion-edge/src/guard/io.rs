//! The connection under hyper's HTTP/1: passes on what has been read and judged, and nothing else.
//!
//! An ordinary request arrives in one piece. It is read straight into hyper's buffer and judged there; bytes are
//! held back here only when a head is not whole yet, or when more comes than the request whose turn it is. So an
//! idle connection holds nothing.

use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::body::Body;
use super::gate::After;
use super::raw_head::Refused;
use super::scan::Head;
use super::{Fault, Gate, Scan};

/// What hyper gets in place of a head that is refused.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
/// Bytes read at a time while a head is not whole yet.
const READ_BYTES: usize = 4 * 1024;

/// How long a client may take.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// From the first byte of a head to its last; on a new connection from its beginning.
    pub(crate) head: Duration,
    /// Silence between two requests.
    pub(crate) idle: Duration,
}

/// A stream whose reads are guarded.
pub(crate) struct Guarded<S> {
    stream: S,
    gate: Gate,
    stage: Stage,
    scan: Scan,
    /// Read and not passed on.
    held: BytesMut,
    /// How many of the held bytes may pass.
    cleared: usize,
    deadline: Deadline,
}

/// What the next bytes are.
enum Stage {
    Head,
    Body(Body),
    /// The request is whole: what comes next waits for its answer.
    Answer,
    /// Another protocol.
    Pipe,
    /// The last head was refused: nothing passes any more.
    Refused,
    /// The framing of the body is broken: it must not look whole.
    Broken(Fault),
}

impl<S> Guarded<S> {
    /// Guards a new connection, whose service takes its requests from `gate`.
    pub(crate) fn new(stream: S, gate: Gate, patience: Patience) -> Self {
        Self {
            stream,
            gate,
            stage: Stage::Head,
            scan: Scan::default(),
            held: BytesMut::new(),
            cleared: 0,
            deadline: Deadline::new(patience),
        }
    }

    /// Passes on what is cleared.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) {
        let passing = self.cleared.min(buffer.remaining());
        buffer.put_slice(&self.held[..passing]);
        self.held.advance(passing);
        self.cleared -= passing;
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    /// Judges the bytes that come next. How many of them may pass; what is left waits.
    fn judge(&mut self, bytes: &[u8]) -> usize {
        match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Head => self.judge_head(bytes),
            Stage::Body(body) => self.judge_body(body, bytes),
            other => {
                self.stage = other;
                0
            }
        }
    }

    fn judge_head(&mut self, bytes: &[u8]) -> usize {
        match self.scan.feed(bytes) {
            Ok(None) => {
                self.deadline.begin();
                0
            }
            Ok(Some(Head { len, raw, framing })) => {
                self.scan = Scan::default();
                self.deadline.end();
                self.gate.admit(Ok(raw));
                len + self.judge_body(framing.into(), &bytes[len..])
            }
            Err(fault) => {
                self.refuse(fault, bytes);
                0
            }
        }
    }

    fn judge_body(&mut self, mut body: Body, bytes: &[u8]) -> usize {
        match body.advance(bytes) {
            Ok(taken) => {
                self.stage = if body.is_over() { Stage::Answer } else { Stage::Body(body) };
                taken
            }
            Err(fault) => {
                self.stage = Stage::Broken(fault);
                0
            }
        }
    }

    /// Judges what is held.
    fn judge_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        let passing = self.judge(&held);
        if !matches!(self.stage, Stage::Refused) {
            (self.held, self.cleared) = (held, passing);
        }
    }

    /// Lets hyper see a stand-in and the service the fault; of the client's bytes nothing.
    fn refuse(&mut self, fault: Fault, bytes: &[u8]) {
        self.gate.admit(Err(Refused::new(fault, bytes)));
        self.stage = Stage::Refused;
        (self.held, self.cleared) = (BytesMut::from(STAND_IN), STAND_IN.len());
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Reads on without passing anything. How much was read; 0 at the client's end.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space))?;
        self.held.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Reads into hyper's buffer and leaves there what may pass. How much was read.
    fn poll_through(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        let len = read.len();
        let passing = if len == 0 { 0 } else { self.judge(read) };
        if !matches!(self.stage, Stage::Refused) {
            self.held.extend_from_slice(&read[passing..]);
        }
        buffer.set_filled(before + passing);
        Poll::Ready(Ok(len))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            if this.cleared > 0 {
                this.pass(buffer);
                return Poll::Ready(Ok(()));
            }
            let holds = !this.held.is_empty();
            let read = match &this.stage {
                Stage::Refused => return Poll::Pending,
                Stage::Broken(fault) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, *fault)));
                }
                Stage::Pipe if holds => {
                    this.cleared = this.held.len();
                    continue;
                }
                Stage::Pipe => return Pin::new(&mut this.stream).poll_read(cx, buffer),
                Stage::Answer => match this.gate.poll_after(cx, holds) {
                    Poll::Ready(after) => {
                        this.stage = if after == After::Head { Stage::Head } else { Stage::Pipe };
                        if holds {
                            this.judge_held();
                        }
                        continue;
                    }
                    Poll::Pending if holds => return Poll::Pending,
                    Poll::Pending => {
                        // hyper does not ask again when the answer is over, so that the timer has to.
                        this.deadline.watch(cx);
                        // Nothing may pass, but that the client has gone is news.
                        ready!(this.poll_hold(cx))?
                    }
                },
                Stage::Body(_) if holds => {
                    this.judge_held();
                    continue;
                }
                Stage::Body(_) => ready!(this.poll_through(cx, buffer))?,
                Stage::Head => {
                    let read = if holds { this.poll_hold(cx) } else { this.poll_through(cx, buffer) };
                    let Poll::Ready(read) = read else {
                        ready!(this.deadline.poll(cx));
                        if !holds {
                            // A client that asked for nothing is told nothing: the connection ends.
                            return Poll::Ready(Ok(()));
                        }
                        let head = std::mem::take(&mut this.held);
                        this.refuse(Fault::Slow, &head);
                        continue;
                    };
                    let read = read?;
                    if holds && read > 0 {
                        this.judge_held();
                    }
                    read
                }
            };
            if read == 0 || buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes));
        this.deadline.quiet();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bytes));
        this.deadline.quiet();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// When a client has taken too long. One timer per connection, set anew when it fires and not with every request.
struct Deadline {
    patience: Patience,
    timer: Pin<Box<Sleep>>,
    /// When the head that is not whole yet began.
    begun: Option<Instant>,
    /// When the last answer went out.
    quiet: Instant,
}

impl Deadline {
    fn new(patience: Patience) -> Self {
        let now = Instant::now();
        Self {
            patience,
            timer: Box::pin(tokio::time::sleep_until(now + patience.head.min(patience.idle))),
            begun: Some(now),
            quiet: now,
        }
    }

    /// A head has begun and is not whole.
    fn begin(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    /// The head is whole.
    const fn end(&mut self) {
        self.begun = None;
    }

    /// Something was sent to the client: the silence begins after it.
    fn quiet(&mut self) {
        self.quiet = Instant::now();
    }

    /// Makes the task look again within the time of a silence, however long the answer takes.
    fn watch(&mut self, cx: &mut Context<'_>) {
        while self.timer.as_mut().poll(cx).is_ready() {
            self.timer.as_mut().reset(Instant::now() + self.patience.idle);
        }
    }

    /// Ready when the time for a head is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let due = match self.begun {
                Some(begun) => begun + self.patience.head,
                None => self.quiet + self.patience.idle,
            };
            if due < self.timer.deadline() {
                self.timer.as_mut().reset(due);
            }
            ready!(self.timer.as_mut().poll(cx));
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests;
