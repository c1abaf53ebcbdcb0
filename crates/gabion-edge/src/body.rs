//! One body type for everything that flows through the stack.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::held::{Held, Replay};

/// Any error a body can end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request or response body: empty, whole, streaming from a connection, or wrapped.
pub struct Body(Kind);

enum Kind {
    Empty,
    Whole(Option<Bytes>),
    Incoming(Incoming),
    Held(Box<Replay>),
    Wrapped(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body {
    /// A body without content.
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that was held, on its way on.
    pub(crate) fn held(replay: Replay) -> Self {
        Self(Kind::Held(Box::new(replay)))
    }

    /// What was held of it before, to go on holding.
    ///
    /// # Errors
    /// The body itself where nothing was held, or something has gone on already.
    pub(crate) fn into_held(self) -> Result<Held, Self> {
        match self.0 {
            Kind::Held(replay) if replay.is_untouched() => Ok(replay.into_held()),
            kind => Err(Self(kind)),
        }
    }

    /// Takes a body of another library, such as the answer of a router.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        if body.is_end_stream() { Self::empty() } else { Self::wrap(body.map_err(Into::into)) }
    }

    /// Wraps another body.
    pub fn wrap(body: impl HttpBody<Data = Bytes, Error = BoxError> + Send + 'static) -> Self {
        Self(Kind::Wrapped(Box::pin(body)))
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        if incoming.is_end_stream() { Self(Kind::Empty) } else { Self(Kind::Incoming(incoming)) }
    }
}

impl From<Bytes> for Body {
    fn from(whole: Bytes) -> Self {
        Self(Kind::Whole(Some(whole)))
    }
}

impl From<String> for Body {
    fn from(whole: String) -> Self {
        Self(Kind::Whole(Some(whole.into())))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Incoming(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            Kind::Held(replay) => Pin::new(replay.as_mut()).poll_frame(cx),
            Kind::Wrapped(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Incoming(incoming) => incoming.is_end_stream(),
            Kind::Held(replay) => replay.is_end_stream(),
            Kind::Wrapped(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Incoming(incoming) => incoming.size_hint(),
            Kind::Held(replay) => replay.size_hint(),
            Kind::Wrapped(body) => body.size_hint(),
        }
    }
}
