//! One request and its answer on a connection: the request body goes on while the answer comes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

use super::answer::Answer;
use super::decode::Decoder;
use super::encode::Framing;
use super::{BODY_READ_BYTES, Http1, Http1Error, Switched, UPLOAD_BYTES_MAX};
use crate::Body;
use crate::body::BoxError;

/// Frames of an answer that wait for the customer while the request body still goes on.
const FRAMES_WAITING: usize = 4;

/// A request on its way and its answer.
pub(super) struct Exchange {
    wire: Http1,
    upload: Upload,
    download: Decoder,
    /// Whether the connection can carry another request after this one.
    keep: bool,
}

/// The request body on its way.
struct Upload {
    framing: Framing,
    /// `None` once all of it is written or nobody takes it any more.
    body: Option<Body>,
    /// Whether the system took any byte of the request, and any frame of its body was drawn.
    wrote: bool,
    drew: bool,
    /// Whether the end of the body was put into the buffer: it may be there only once, however often the socket is full.
    ended: bool,
    /// Whether the endpoint has the whole request.
    done: bool,
    /// Whether it will never have it: the body broke off, or it takes no more.
    given_up: bool,
}

impl Exchange {
    pub(super) const fn new(wire: Http1, framing: Framing) -> Self {
        let upload = Upload {
            framing,
            body: None,
            wrote: false,
            drew: false,
            ended: false,
            done: false,
            given_up: false,
        };
        Self { wire, upload, download: Decoder::none(), keep: false }
    }

    /// The body to send after the head.
    pub(super) fn upload(&mut self, body: Body) {
        self.upload.body = Some(body);
    }

    /// The body again, when nothing of the request was sent.
    pub(super) fn unsent(self) -> Option<Body> {
        self.upload.body.filter(|_| !self.upload.wrote && !self.upload.drew)
    }

    /// Waits for the head of the answer while the request goes out.
    pub(super) fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        bodiless: bool,
    ) -> Poll<Result<Answer, Http1Error>> {
        let sent = self.poll_upload(cx);
        match (self.wire.poll_head(cx, bodiless), sent) {
            (Poll::Ready(Ok(answer)), _) => Poll::Ready(Ok(answer)),
            // Why it could not be sent says more than that no answer came. An endpoint may answer what it did not
            // read to the end, so that the answer is looked for first.
            (_, Poll::Ready(Err(error @ Http1Error::Upload(_)))) => Poll::Ready(Err(error)),
            (Poll::Ready(Err(_)), Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error)),
            (Poll::Pending, _) => Poll::Pending,
        }
    }

    /// The answer with its body still to come.
    pub(super) fn answer(mut self, answer: Answer) -> Response<AnswerBody> {
        self.download = answer.body;
        self.keep = answer.keep;
        let switched = answer.head.status == StatusCode::SWITCHING_PROTOCOLS;
        let kind = if switched {
            Kind::Own(Some(Box::new(self)))
        } else if !self.upload.done {
            Kind::Apart(self.apart())
        } else if let Some(data) = self.download.whole(&mut self.wire.read) {
            Kind::Whole { data: Some(data), wire: self.keep.then_some(self.wire) }
        } else {
            Kind::Own(Some(Box::new(self)))
        };
        Response::from_parts(answer.head, AnswerBody(kind))
    }

    /// Writes the request as far as the system takes it.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Http1Error>> {
        if self.upload.done || self.upload.given_up {
            return Poll::Ready(Ok(()));
        }
        let sent = ready!(self.try_upload(cx));
        self.upload.done = sent.is_ok();
        if sent.is_err() && self.upload.wrote {
            self.upload.body = None;
            self.upload.given_up = true;
        }
        Poll::Ready(sent)
    }

    fn try_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Http1Error>> {
        loop {
            let Some(body) = self.upload.body.as_mut().filter(|_| !self.upload.ended) else {
                return self.wire.poll_write(cx, &mut self.upload.wrote).map_err(Into::into);
            };
            if body.is_end_stream() {
                let ended = self.upload.framing.end(&mut self.wire.write, HeaderMap::new());
                ended.map_err(|reason| Http1Error::Upload(reason.into()))?;
                self.upload.ended = true;
                continue;
            }
            if self.wire.write.len() >= UPLOAD_BYTES_MAX {
                ready!(self.wire.poll_write(cx, &mut self.upload.wrote))?;
            }
            let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else {
                // What is there goes out while the customer takes a break.
                ready!(self.wire.poll_write(cx, &mut self.upload.wrote))?;
                return Poll::Pending;
            };
            self.upload.drew = true;
            self.take(frame.transpose().map_err(Http1Error::Upload)?)?;
        }
    }

    /// Puts a frame of the request body into the buffer.
    fn take(&mut self, frame: Option<Frame<Bytes>>) -> Result<(), Http1Error> {
        let Upload { framing, body, .. } = &mut self.upload;
        let to = &mut self.wire.write;
        let written = match frame.map(Frame::into_data) {
            Some(Ok(data)) => framing.data(to, &data),
            Some(Err(other)) => {
                let trailers = other.into_trailers().unwrap_or_default();
                *body = None;
                framing.end(to, trailers)
            }
            None => {
                *body = None;
                framing.end(to, HeaderMap::new())
            }
        };
        written.map_err(|reason| Http1Error::Upload(reason.into()))
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Http1Error>>> {
        loop {
            if let Some(frame) = self.download.decode(&mut self.wire.read)? {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.download.is_over() {
                return Poll::Ready(None);
            }
            if !ready!(self.wire.poll_read(cx, BODY_READ_BYTES))? {
                self.download.close()?;
            }
        }
    }

    /// Lets a task of its own go on with the request body, whether or not the customer takes the answer meanwhile:
    /// who sends everything before reading anything must not wait forever.
    fn apart(mut self) -> mpsc::Receiver<Result<Frame<Bytes>, Http1Error>> {
        let (sender, receiver) = mpsc::channel(FRAMES_WAITING);
        tokio::spawn(async move {
            loop {
                let frame = tokio::select! {
                    biased;
                    // Nobody takes the answer any more: the connection closes, which tells the shop.
                    () = sender.closed() => return,
                    frame = poll_fn(|cx| self.poll_both(cx)) => frame,
                };
                let Some(mut frame) = frame else { return };
                let permit = tokio::select! {
                    biased;
                    permit = sender.reserve() => permit,
                    sent = self.upload_on() => {
                        if let Err(error @ Http1Error::Upload(_)) = sent {
                            frame = Err(error);
                        }
                        sender.reserve().await
                    }
                };
                let Ok(permit) = permit else { return };
                let last = frame.is_err();
                permit.send(frame);
                if last {
                    return;
                }
            }
        });
        receiver
    }

    /// The next frame of the answer while the request body goes on. A body that broke off breaks off the answer too: the
    /// endpoint has half a request. One that leaves the rest unread has answered all the same.
    fn poll_both(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Http1Error>>> {
        match self.poll_upload(cx) {
            Poll::Ready(Err(error @ Http1Error::Upload(_))) => Poll::Ready(Some(Err(error))),
            _ => self.poll_frame(cx),
        }
    }

    /// Goes on with the request body until the endpoint has it, or nobody can.
    async fn upload_on(&mut self) -> Result<(), Http1Error> {
        poll_fn(|cx| self.poll_upload(cx)).await
    }
}

/// The body of an answer.
pub(crate) struct AnswerBody(Kind);

enum Kind {
    /// Came with the head; and the connection, where both sides keep it open.
    Whole { data: Option<Bytes>, wire: Option<Http1> },
    /// Read from the connection as the customer takes it.
    Own(Option<Box<Exchange>>),
    /// Read by a task of its own.
    Apart(mpsc::Receiver<Result<Frame<Bytes>, Http1Error>>),
}

impl AnswerBody {
    /// All of the body, where all of it came with the head.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        if let Kind::Whole { data, .. } = &mut self.0 { data.take() } else { None }
    }

    /// The connection, once the answer was read to its end and both sides keep it open.
    pub(crate) fn connection(&mut self) -> Option<Http1> {
        let exchange = match &mut self.0 {
            Kind::Whole { data, wire } => return wire.take_if(|_| data.is_none()),
            Kind::Own(exchange) => exchange,
            Kind::Apart(_) => return None,
        };
        let ended = exchange.take_if(|exchange| exchange.download.is_over() && exchange.keep)?;
        Some(ended.wire)
    }

    /// The connection, after a 101.
    pub(crate) fn switched(self) -> Option<Switched> {
        let Kind::Own(exchange) = self.0 else { return None };
        let Http1 { io, read, .. } = exchange?.wire;
        Some(Switched { first: read.freeze(), io })
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match &mut self.0 {
            Kind::Whole { data, .. } => {
                data.take().filter(|data| !data.is_empty()).map(|data| Ok(Frame::data(data)))
            }
            Kind::Own(None) => None,
            Kind::Own(Some(exchange)) => ready!(exchange.poll_frame(cx)),
            Kind::Apart(frames) => ready!(frames.poll_recv(cx)),
        };
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole { data, .. } => data.as_ref().is_none_or(Bytes::is_empty),
            Kind::Own(exchange) => exchange.as_ref().is_none_or(|exchange| exchange.download.is_over()),
            Kind::Apart(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole { data, .. } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Kind::Own(Some(exchange)) => exchange.download.size_hint(),
            Kind::Own(None) => SizeHint::with_exact(0),
            Kind::Apart(_) => SizeHint::default(),
        }
    }
}
