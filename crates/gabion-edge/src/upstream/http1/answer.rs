//! The head of an answer, and how its body ends.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, response};

use super::Http1Error;
use super::decode::Decoder;
use crate::hop;

/// Fields of one head.
const FIELDS_MAX: usize = 128;

/// The head of an answer.
pub(super) struct Answer {
    pub(super) head: response::Parts,
    /// How its body is read.
    pub(super) body: Decoder,
    /// Whether the connection can carry another request after it.
    pub(super) keep: bool,
}

impl Answer {
    /// Takes a head off the buffer once it is there whole. `bodiless` says that the request was HEAD.
    pub(super) fn parse(buffer: &mut BytesMut, bodiless: bool) -> Result<Option<Self>, Http1Error> {
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            buffer,
            &mut fields,
        );
        let length = match status.map_err(|error| Http1Error::Malformed(reason(error)))? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let begin = buffer.as_ptr() as usize;
        let code = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let newest = parsed.version == Some(1);
        let mut names = Vec::with_capacity(parsed.headers.len());
        for field in parsed.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes());
            let at = (field.value.as_ptr() as usize).saturating_sub(begin);
            names.push((name.map_err(|_| Http1Error::Malformed("field name"))?, at..at + field.value.len()));
        }
        let bytes = buffer.split_to(length).freeze();
        let headers = headers(names, &bytes)?;
        let code = code.ok_or(Http1Error::Malformed("status"))?;
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = code;
        head.version = Version::HTTP_11;
        head.headers = headers;
        Self::new(head, bodiless, newest).map(Some).map_err(Http1Error::Malformed)
    }

    /// RFC 9112 section 6.3: how the body ends.
    fn new(mut head: response::Parts, bodiless: bool, newest: bool) -> Result<Self, &'static str> {
        let none = bodiless
            || head.status.is_informational()
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let close = hop::lists(&head.headers, &CONNECTION, "close");
        let keep = newest && !close;
        if head.headers.contains_key(TRANSFER_ENCODING) {
            if !is_chunked(&head.headers) {
                return Err("a transfer coding other than chunked");
            }
            // With both, the chunks are what counts, and somebody may have tried to split the answer in two.
            let both = head.headers.remove(CONTENT_LENGTH).is_some();
            let body = if none { Decoder::none() } else { Decoder::chunked() };
            return Ok(Self { head, body, keep: keep && !both });
        }
        let length = length(&head.headers)?;
        let body = match length {
            _ if none => Decoder::none(),
            Some(length) => Decoder::length(length),
            None => Decoder::until_close(),
        };
        Ok(Self { keep: keep && (none || length.is_some()), head, body })
    }
}

fn headers(names: Vec<(HeaderName, std::ops::Range<usize>)>, bytes: &Bytes) -> Result<HeaderMap, Http1Error> {
    let mut headers = HeaderMap::with_capacity(names.len() + 8);
    for (name, at) in names {
        let value = HeaderValue::from_maybe_shared(bytes.slice(at));
        headers.append(name, value.map_err(|_| Http1Error::Malformed("field value"))?);
    }
    Ok(headers)
}

/// Whether a body is framed by chunks alone: another transfer coding would be lost with its header.
fn is_chunked(headers: &HeaderMap) -> bool {
    headers.get_all(TRANSFER_ENCODING).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// The length that all `Content-Length` fields agree on.
fn length(headers: &HeaderMap) -> Result<Option<u64>, &'static str> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let text = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let this: u64 = text.and_then(|text| text.parse().ok()).ok_or("content length")?;
        if length.replace(this).is_some_and(|before| before != this) {
            return Err("two content lengths");
        }
    }
    Ok(length)
}

const fn reason(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "field name",
        httparse::Error::HeaderValue => "field value",
        httparse::Error::NewLine => "line end",
        httparse::Error::Status => "status",
        httparse::Error::Token => "token",
        httparse::Error::TooManyHeaders => "too many fields",
        httparse::Error::Version => "version",
    }
}
