//! The body of an answer out of the bytes of a connection.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};

use super::Http1Error;

/// Bytes of the line before a chunk, extensions included, and of all trailers.
const SIZE_LINE_BYTES_MAX: usize = 512;
const TRAILER_BYTES_MAX: usize = 16 * 1024;
/// Fields after the last chunk.
const TRAILERS_MAX: usize = 64;

/// How far a body was read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// So many bytes of data are still to come.
    Length(u64),
    /// The line before a chunk comes next.
    ChunkSize,
    /// So many bytes of a chunk are still to come.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// Fields after the last chunk.
    Trailers,
    /// Everything until the connection closes.
    UntilClose,
    /// Nothing more.
    Over,
}

/// Reads a body (RFC 9112 section 7).
#[derive(Debug)]
pub(super) struct Decoder(Step);

impl Decoder {
    pub(super) const fn none() -> Self {
        Self(Step::Over)
    }

    pub(super) const fn length(length: u64) -> Self {
        Self(if length == 0 { Step::Over } else { Step::Length(length) })
    }

    pub(super) const fn chunked() -> Self {
        Self(Step::ChunkSize)
    }

    pub(super) const fn until_close() -> Self {
        Self(Step::UntilClose)
    }

    /// All of the body, where its length is known and all of it is in the buffer.
    pub(super) fn whole(&mut self, buffer: &mut BytesMut) -> Option<Bytes> {
        let length = match self.0 {
            Step::Over => 0,
            Step::Length(length) => usize::try_from(length).ok().filter(|length| *length <= buffer.len())?,
            _ => return None,
        };
        self.0 = Step::Over;
        Some(buffer.split_to(length).freeze())
    }

    /// Whether everything was read.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.0, Step::Over)
    }

    /// What is still to come, as far as that is known.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self.0 {
            Step::Over => SizeHint::with_exact(0),
            Step::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }

    /// The connection was closed: the end of some bodies, too early for others.
    pub(super) fn close(&mut self) -> Result<(), Http1Error> {
        match self.0 {
            Step::UntilClose | Step::Over => {
                self.0 = Step::Over;
                Ok(())
            }
            _ => Err(Http1Error::Closed),
        }
    }

    /// The next frame that is in the buffer; `None` when more has to be read or everything was.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame<Bytes>>, Http1Error> {
        loop {
            match &mut self.0 {
                Step::Over => return Ok(None),
                Step::UntilClose => {
                    return Ok((!buffer.is_empty()).then(|| Frame::data(buffer.split().freeze())));
                }
                Step::Length(left) => {
                    let data = take(buffer, left);
                    if *left == 0 {
                        self.0 = Step::Over;
                    }
                    return Ok(data);
                }
                Step::Chunk(left) => {
                    let data = take(buffer, left);
                    if *left == 0 {
                        self.0 = Step::ChunkEnd;
                    }
                    return Ok(data);
                }
                Step::ChunkSize => {
                    let Some(size) = size_line(buffer)? else { return Ok(None) };
                    self.0 = if size == 0 { Step::Trailers } else { Step::Chunk(size) };
                }
                Step::ChunkEnd => {
                    if buffer.len() < 2 {
                        return Ok(None);
                    }
                    if !buffer.starts_with(b"\r\n") {
                        return Err(Http1Error::Malformed("end of a chunk"));
                    }
                    buffer.advance(2);
                    self.0 = Step::ChunkSize;
                }
                Step::Trailers => {
                    let Some(trailers) = trailers(buffer)? else { return Ok(None) };
                    self.0 = Step::Over;
                    return Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers)));
                }
            }
        }
    }
}

/// The data that is there, at most `left`.
fn take(buffer: &mut BytesMut, left: &mut u64) -> Option<Frame<Bytes>> {
    if buffer.is_empty() {
        return None;
    }
    let length = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
    *left -= length as u64;
    Some(Frame::data(buffer.split_to(length).freeze()))
}

/// The size of the next chunk; its extensions mean nothing to us.
fn size_line(buffer: &mut BytesMut) -> Result<Option<u64>, Http1Error> {
    let malformed = Http1Error::Malformed("size of a chunk");
    let Some(end) = buffer.iter().take(SIZE_LINE_BYTES_MAX).position(|b| *b == b'\n') else {
        return if buffer.len() >= SIZE_LINE_BYTES_MAX { Err(malformed) } else { Ok(None) };
    };
    let line = buffer.split_to(end + 1);
    let Some(line) = line.strip_suffix(b"\r\n") else { return Err(malformed) };
    let digits = line.split(|b| *b == b';').next().unwrap_or_default();
    let text = std::str::from_utf8(digits).ok().map(|text| text.trim_end_matches([' ', '\t']));
    let text = text.filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
    let size = text.and_then(|text| u64::from_str_radix(text, 16).ok());
    size.map(Some).ok_or(malformed)
}

/// The fields after the last chunk once they are there whole.
fn trailers(buffer: &mut BytesMut) -> Result<Option<HeaderMap>, Http1Error> {
    let malformed = || Http1Error::Malformed("trailers");
    if buffer.starts_with(b"\r\n") {
        buffer.advance(2);
        return Ok(Some(HeaderMap::new()));
    }
    let mut fields = [httparse::EMPTY_HEADER; TRAILERS_MAX];
    match httparse::parse_headers(buffer, &mut fields).map_err(|_| malformed())? {
        httparse::Status::Partial if buffer.len() > TRAILER_BYTES_MAX => Err(malformed()),
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete((length, fields)) => {
            let mut trailers = HeaderMap::with_capacity(fields.len());
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| malformed())?;
                trailers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| malformed())?);
            }
            buffer.advance(length);
            Ok(Some(trailers))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data and the trailers of a body that arrives in pieces of `step`.
    fn run(mut decoder: Decoder, body: &[u8], step: usize) -> Result<(String, usize), String> {
        let (mut buffer, mut data, mut trailers) = (BytesMut::new(), String::new(), 0);
        for piece in body.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = decoder.decode(&mut buffer).map_err(|error| error.to_string())? {
                match frame.into_data() {
                    Ok(part) => data += std::str::from_utf8(&part).expect("tests use text"),
                    Err(frame) => trailers += frame.trailers_ref().map_or(0, HeaderMap::len),
                }
            }
        }
        decoder.close().map_err(|error| error.to_string())?;
        Ok((data, trailers))
    }

    #[track_caller]
    fn check(decoder: fn() -> Decoder, body: &str, expected: Result<(&str, usize), &str>) {
        for step in [1, 2, 5, 1000] {
            let found = run(decoder(), body.as_bytes(), step);
            let expected = expected.map(|(data, trailers)| (data.to_owned(), trailers));
            assert_eq!(found, expected.map_err(str::to_owned), "{body:?} in pieces of {step}");
        }
    }

    const CUT: Result<(&str, usize), &str> = Err("connection closed before the answer was complete");

    #[test]
    fn bodies_of_a_known_length_end_there_and_not_before() {
        check(|| Decoder::length(5), "hello", Ok(("hello", 0)));
        check(|| Decoder::length(5), "hell", CUT);
        check(|| Decoder::length(0), "", Ok(("", 0)));
    }

    #[test]
    fn bodies_without_a_length_end_with_the_connection() {
        check(Decoder::until_close, "hello", Ok(("hello", 0)));
    }

    #[test]
    fn chunks_are_put_together_and_trailers_kept() {
        check(Decoder::chunked, "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", Ok(("hello world", 0)));
        check(Decoder::chunked, "1 \r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n", Ok(("a", 2)));
        check(Decoder::chunked, "5\r\nhello\r\n", CUT);
        check(Decoder::chunked, "5\r\nhel", CUT);
        check(Decoder::chunked, "0\r\nA: b\r\n", CUT);
    }

    #[test]
    fn malformed_chunks_are_errors() {
        for size in ["", "x", "-1", "+1", "0x1", "1\r", "11111111111111111"] {
            let body = format!("{size}\r\na\r\n0\r\n\r\n");
            check(Decoder::chunked, &body, Err("malformed answer: size of a chunk"));
        }
        check(Decoder::chunked, "1\na\r\n0\r\n\r\n", Err("malformed answer: size of a chunk"));
        check(Decoder::chunked, "1\r\nab\r\n0\r\n\r\n", Err("malformed answer: end of a chunk"));
        check(Decoder::chunked, "0\r\nA b\r\n\r\n", Err("malformed answer: trailers"));
        let long = format!("1;{}\r\n", "x".repeat(SIZE_LINE_BYTES_MAX));
        check(Decoder::chunked, &long, Err("malformed answer: size of a chunk"));
    }
}
