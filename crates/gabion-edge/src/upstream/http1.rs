//! HTTP/1.1 toward an endpoint: one request at a time, spoken in the task of the request itself.
//!
//! A connection is a plain value without a task of its own, so that a request costs neither a channel nor a wake-up.
//! Every request is framed anew: by its length where that is known, by chunks where not (RFC 9112 section 6).

mod answer;
mod decode;
mod encode;
mod exchange;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Body;
use crate::body::BoxError;
use crate::upstream::io::Io;
use crate::upstream::pool::{Fate, Unanswered};
use answer::Answer;
pub(crate) use exchange::AnswerBody;
use exchange::Exchange;

/// Bytes of a response head; a longer one is an error of the shop.
const RESPONSE_HEAD_BYTES_MAX: usize = 256 * 1024;
/// Bytes asked of the system at a time while a head is read, and while a body is read.
const HEAD_READ_BYTES: usize = 4 * 1024;
const BODY_READ_BYTES: usize = 32 * 1024;
/// Bytes of a request body kept while the socket takes none.
const UPLOAD_BYTES_MAX: usize = 64 * 1024;

/// Why an endpoint gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Http1Error {
    /// It closed the connection before the end of its answer.
    #[error("connection closed before the answer was complete")]
    Closed,
    /// Reading or writing did not work.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The customer's body broke off, so that the request cannot be completed.
    #[error("request body broke off")]
    Upload(#[source] BoxError),
    /// What it answered is not HTTP/1.1.
    #[error("malformed answer: {0}")]
    Malformed(&'static str),
}

/// A connection without a request on it.
pub(crate) struct Http1 {
    io: Io,
    /// What was read and not yet used.
    read: BytesMut,
    /// What is still to be written.
    write: BytesMut,
}

impl Http1 {
    pub(crate) fn new(io: Io) -> Self {
        Self { io, read: BytesMut::new(), write: BytesMut::new() }
    }

    /// Whether an idle connection can carry a request: the endpoint has neither closed it nor said anything.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        self.read.is_empty() && Pin::new(&mut self.io).poll_read(&mut cx, &mut buffer).is_pending()
    }

    /// Sends a request and waits for the head of its answer. An interim answer other than 101 is skipped.
    pub(crate) async fn send(
        mut self,
        mut request: Box<Request<Body>>,
    ) -> Result<Response<AnswerBody>, Unanswered<Http1Error>> {
        let bodiless = request.method() == Method::HEAD;
        let framing = encode::head(&mut self.write, &request);
        let mut exchange = Exchange::new(self, framing);
        exchange.upload(std::mem::replace(request.body_mut(), Body::empty()));
        match poll_fn(|cx| exchange.poll_answer(cx, bodiless)).await {
            Ok(answer) => Ok(exchange.answer(answer)),
            Err(error) => {
                let fate = match exchange.unsent() {
                    Some(body) => {
                        *request.body_mut() = body;
                        Fate::Unsent(request)
                    }
                    None => Fate::Sent(Some(request)),
                };
                Err(Unanswered { error, request: fate })
            }
        }
    }

    /// Writes what is to be written. Says through `wrote` whether the system took any of it.
    fn poll_write(&mut self, cx: &mut Context<'_>, wrote: &mut bool) -> Poll<io::Result<()>> {
        while !self.write.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.write))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *wrote = true;
            self.write.advance(written);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Reads more. `false` when the endpoint says that nothing more comes.
    fn poll_read(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<bool>> {
        self.read.reserve(room);
        let read = ready!(tokio_util::io::poll_read_buf(Pin::new(&mut self.io), cx, &mut self.read))?;
        Poll::Ready(Ok(read > 0))
    }

    /// The next head of an answer; 101 counts as one, other interim answers do not (RFC 9110 section 15.2).
    fn poll_head(&mut self, cx: &mut Context<'_>, bodiless: bool) -> Poll<Result<Answer, Http1Error>> {
        loop {
            if !self.read.is_empty()
                && let Some(answer) = Answer::parse(&mut self.read, bodiless)?
            {
                let status = answer.head.status;
                if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                    continue;
                }
                return Poll::Ready(Ok(answer));
            }
            if self.read.len() > RESPONSE_HEAD_BYTES_MAX {
                return Poll::Ready(Err(Http1Error::Malformed("head too long")));
            }
            if !ready!(self.poll_read(cx, HEAD_READ_BYTES))? {
                return Poll::Ready(Err(Http1Error::Closed));
            }
        }
    }
}

/// An answer read from bytes that arrive in pieces of `step`: its status, its data, and whether it came to its end; for
/// the fuzzer.
pub(crate) fn read_answer(bytes: &[u8], step: usize) -> Result<Option<(u16, Vec<u8>, bool)>, Http1Error> {
    let (mut buffer, mut answer, mut data) = (BytesMut::new(), None, Vec::new());
    for piece in bytes.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        if answer.is_none() {
            answer = Answer::parse(&mut buffer, false)?;
        }
        let Some(answer) = &mut answer else { continue };
        while let Some(frame) = answer.body.decode(&mut buffer)? {
            data.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
    }
    Ok(answer.map(|answer| (answer.head.status.as_u16(), data, answer.body.is_over())))
}

/// A connection that has switched protocols, and what the endpoint said right after.
pub(crate) struct Switched {
    first: Bytes,
    io: Io,
}

impl AsyncRead for Switched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        let part = self.first.split_to(length);
        buffer.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Switched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
