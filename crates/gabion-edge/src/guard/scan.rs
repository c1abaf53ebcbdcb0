//! Reads a head strictly after RFC 9112, as far as it has arrived.
//!
//! The answer does not depend on how the bytes were split on their way: every line is judged once, when it is whole,
//! and limits are positions in the head. Lenience that others have and this has not is where smuggling lives.

use std::ops::Range;

use super::body::Framing;
use super::field::{self, is_token, trim};
use super::target::{self, TARGET_BYTES_MAX, is_host};
use super::{Fault, HEAD_BYTES_MAX, HEADERS_MAX, RawHead};

/// Bytes of a request line: the longest method and target, the version, two spaces.
const LINE_BYTES_MAX: usize = TARGET_BYTES_MAX + 64;
/// Digits of a `Content-Length`: all that fit 64 bits for certain.
const LENGTH_DIGITS_MAX: usize = 19;

/// What is known of a head that has not ended yet. Made anew for each.
#[derive(Default)]
pub(crate) struct Scan {
    /// Where the unfinished line begins.
    line: usize,
    /// Up to here there is no control character in it.
    seen: usize,
    request_line: Option<RequestLine>,
    fields: usize,
    host: Option<Range<usize>>,
    length: Option<u64>,
    chunked: bool,
}

/// Where the parts of the request line are.
struct RequestLine {
    start: usize,
    method_end: usize,
    target_end: usize,
    end: usize,
    /// The host in the target.
    host: Option<Range<usize>>,
    old: bool,
}

/// A head that has been read to its end and may pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes up to and with the empty line.
    pub(crate) len: usize,
    pub(crate) raw: RawHead,
    pub(crate) framing: Framing,
}

impl Scan {
    /// Goes on reading. `bytes` begin where the head begins, each time. `None` when more are needed.
    ///
    /// # Errors
    /// What is wrong with the head; nothing of it may pass then.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Head>, Fault> {
        loop {
            let Some(end) = field::control(&bytes[self.seen..]).map(|offset| self.seen + offset) else {
                self.seen = bytes.len();
                self.within_limits(bytes.len())?;
                return if bytes.len() < HEAD_BYTES_MAX { Ok(None) } else { Err(Fault::HeadLong) };
            };
            self.within_limits(end)?;
            match (bytes[end], bytes.get(end + 1)) {
                (b'\r', _) if end + 2 > HEAD_BYTES_MAX => return Err(Fault::HeadLong),
                (b'\r', None) => {
                    self.seen = end;
                    return Ok(None);
                }
                (b'\r', Some(b'\n')) => {}
                (b'\r' | b'\n', _) => return Err(Fault::LineEnd),
                _ => return Err(Fault::Control),
            }
            let line = self.line..end;
            (self.line, self.seen) = (end + 2, end + 2);
            if self.judge(bytes, line)? {
                return self.finish(bytes).map(Some);
            }
        }
    }

    /// Whether what has been read up to `at` is within the limits.
    const fn within_limits(&self, at: usize) -> Result<(), Fault> {
        if self.request_line.is_none() && at - self.line > LINE_BYTES_MAX {
            return Err(Fault::TargetLong);
        }
        if at < HEAD_BYTES_MAX { Ok(()) } else { Err(Fault::HeadLong) }
    }

    /// Reads one line. Whether it was the last.
    fn judge(&mut self, bytes: &[u8], line: Range<usize>) -> Result<bool, Fault> {
        let text = &bytes[line.clone()];
        match &self.request_line {
            // One empty line before a request is tolerated: RFC 9112 section 2.2.
            None if text.is_empty() && line.start == 0 => {}
            None => self.request_line = Some(request_line(bytes, line)?),
            Some(_) if text.is_empty() => return Ok(true),
            Some(request) => {
                let old = request.old;
                self.field(text, line.start, old)?;
            }
        }
        Ok(false)
    }

    fn field(&mut self, line: &[u8], at: usize, old: bool) -> Result<(), Fault> {
        self.fields += 1;
        if self.fields > HEADERS_MAX {
            return Err(Fault::FieldsMany);
        }
        if matches!(line[0], b' ' | b'\t') {
            return Err(Fault::FieldFold);
        }
        let (name, value) = field::split(line)?;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"host") => {
                let start = at + line.len() - value.trim_ascii_start().len();
                self.host(trim(value), start)
            }
            14 if is(b"content-length") => self.length(value),
            17 if is(b"transfer-encoding") => self.coding(value, old),
            6 if is(b"expect") => expectation(trim(value)),
            10 | 7 | 2 if is(b"connection") || is(b"upgrade") || is(b"trailer") || is(b"te") => {
                if value.is_ascii() { Ok(()) } else { Err(Fault::FieldHop) }
            }
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8], start: usize) -> Result<(), Fault> {
        if self.host.is_some() {
            return Err(Fault::HostRepeated);
        }
        if !is_host(value) {
            return Err(Fault::HostMalformed);
        }
        self.host = Some(start..start + value.len());
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(Fault::LengthRepeated);
        }
        self.length = Some(content_length(value.strip_prefix(b" ").unwrap_or(value))?);
        Ok(())
    }

    fn coding(&mut self, value: &[u8], old: bool) -> Result<(), Fault> {
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.chunked {
            return Err(Fault::CodingRepeated);
        }
        if old {
            return Err(Fault::CodingOld);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            let known = value.split(|b| *b == b',').all(|coding| is_token(trim(coding)));
            let plain = known && value == trim(value);
            return Err(if plain { Fault::CodingUnknown } else { Fault::Coding });
        }
        self.chunked = true;
        Ok(())
    }

    /// What can be said only of the whole.
    fn finish(&mut self, bytes: &[u8]) -> Result<Head, Fault> {
        let request = self.request_line.take().expect("fields come after the request line");
        match (&self.host, &request.host) {
            (None, _) if !request.old => return Err(Fault::HostMissing),
            (Some(host), Some(target))
                if !bytes[host.clone()].eq_ignore_ascii_case(&bytes[target.clone()]) =>
            {
                return Err(Fault::HostDiffers);
            }
            _ => {}
        }
        let framing = match (self.length, self.chunked) {
            (Some(_), true) => return Err(Fault::LengthAndCoding),
            (None, true) => Framing::Chunked,
            (length, false) => Framing::Length(length.unwrap_or(0)),
        };
        let RequestLine { start, method_end, target_end, end, .. } = request;
        let raw =
            RawHead::new(&bytes[start..self.line], method_end - start, target_end - start, end + 2 - start);
        Ok(Head { len: self.line, raw, framing })
    }
}

fn request_line(bytes: &[u8], line: Range<usize>) -> Result<RequestLine, Fault> {
    let text = &bytes[line.clone()];
    let mut words = text.split(|b| *b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Fault::RequestLine);
    };
    if !is_token(method) {
        return Err(Fault::RequestLine);
    }
    let old = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(Fault::Version),
        _ => return Err(Fault::RequestLine),
    };
    target::method(method)?;
    let host = target::target(method, target)?;
    let start = line.start;
    let method_end = start + method.len();
    let target_start = method_end + 1;
    let host = host.map(|host| {
        // An absolute target is `scheme://host...`: what stands before the host ends in two slashes.
        let before = target.windows(3).position(|bytes| bytes == b"://").map_or(0, |at| at + 3);
        target_start + before..target_start + before + host.len()
    });
    Ok(RequestLine { start, method_end, target_end: target_start + target.len(), end: line.end, host, old })
}

/// One plain decimal number, without sign, white space, list or leading zeros. RFC 9110 section 8.6.
///
/// # Errors
/// [`Fault::Length`].
pub(super) fn content_length(value: &[u8]) -> Result<u64, Fault> {
    let plain = value.iter().all(u8::is_ascii_digit) && value.len() <= LENGTH_DIGITS_MAX;
    let padded = value.len() > 1 && value[0] == b'0';
    let text = std::str::from_utf8(value).ok().filter(|_| plain && !padded);
    text.and_then(|text| text.parse().ok()).ok_or(Fault::Length)
}

/// `100-continue` and nothing else. RFC 9110 section 10.1.1.
///
/// # Errors
/// [`Fault::Expectation`].
pub(super) fn expectation(value: &[u8]) -> Result<(), Fault> {
    if value.eq_ignore_ascii_case(b"100-continue") { Ok(()) } else { Err(Fault::Expectation) }
}

#[cfg(test)]
mod tests;
