//! The body of an endpoint's answer, whichever version of HTTP it came in.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use crate::body::BoxError;
use crate::upstream::http1::{AnswerBody, Http1};

/// The body of an endpoint's answer.
pub(crate) enum ShopBody {
    Http1(AnswerBody),
    Http2(Incoming),
}

impl ShopBody {
    /// All of the body, where all of it is here.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        match self {
            Self::Http1(body) => body.take_whole(),
            Self::Http2(_) => None,
        }
    }

    /// The connection it came over, once it was read to its end: HTTP/1.1 alone has one for each answer.
    pub(crate) fn connection(&mut self) -> Option<Http1> {
        match self {
            Self::Http1(body) => body.connection(),
            Self::Http2(_) => None,
        }
    }
}

impl HttpBody for ShopBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
