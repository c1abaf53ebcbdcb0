//! The head of a request as bytes, and the framing of its body.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Method, Request};
use http_body::Body as HttpBody;

use crate::Body;

/// How a request body is framed (RFC 9112 section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks, and after them those trailers that the head announced (RFC 9110 section 6.6.2): an endpoint that expects
    /// none would not know what to do with others.
    Chunked { announced: Vec<HeaderName> },
}

/// Writes the head. The framing is ours: what the head says about it is left out.
pub(super) fn head(to: &mut BytesMut, request: &Request<Body>) -> Framing {
    let length = if request.body().is_end_stream() { Some(0) } else { request.body().size_hint().exact() };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    to.reserve(256 + target.len() + 48 * request.headers().len());
    to.put_slice(request.method().as_str().as_bytes());
    to.put_u8(b' ');
    to.put_slice(target.as_bytes());
    to.put_slice(b" HTTP/1.1\r\n");
    fields(to, request.headers());
    let framing = match length {
        // RFC 9110 section 8.6: methods that usually have a body say that there is none.
        Some(0) if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) => {
            Framing::Length(0)
        }
        Some(length) => {
            to.put_slice(format!("content-length: {length}\r\n").as_bytes());
            Framing::Length(length)
        }
        None => {
            to.put_slice(b"transfer-encoding: chunked\r\n");
            Framing::Chunked { announced: announced(request.headers()) }
        }
    };
    to.put_slice(b"\r\n");
    framing
}

fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    let lists = headers.get_all(TRAILER).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

fn fields(to: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            continue;
        }
        to.put_slice(name.as_str().as_bytes());
        to.put_slice(b": ");
        to.put_slice(value.as_bytes());
        to.put_slice(b"\r\n");
    }
}

impl Framing {
    /// Writes a piece of the body.
    ///
    /// # Errors
    /// When the body is longer than was said.
    pub(super) fn data(&mut self, to: &mut BytesMut, data: &Bytes) -> Result<(), &'static str> {
        match self {
            Self::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or("body longer than its length")?;
                to.put_slice(data);
            }
            Self::Chunked { .. } if data.is_empty() => {} // An empty chunk would be the last one.
            Self::Chunked { .. } => {
                to.put_slice(format!("{:x}\r\n", data.len()).as_bytes());
                to.put_slice(data);
                to.put_slice(b"\r\n");
            }
        }
        Ok(())
    }

    /// Writes the end of the body.
    ///
    /// # Errors
    /// When the body is shorter than was said.
    pub(super) fn end(&self, to: &mut BytesMut, mut trailers: HeaderMap) -> Result<(), &'static str> {
        match self {
            Self::Length(0) => {}
            Self::Length(_) => return Err("body shorter than its length"),
            Self::Chunked { announced } => {
                let unannounced = |name: &&HeaderName| !announced.contains(*name);
                let dropped: Vec<_> = trailers.keys().filter(unannounced).cloned().collect();
                for name in dropped {
                    trailers.remove(name);
                }
                to.put_slice(b"0\r\n");
                fields(to, &trailers);
                to.put_slice(b"\r\n");
            }
        }
        Ok(())
    }
}
