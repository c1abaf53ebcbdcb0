//! `multipart/form-data` bodies, read as strictly as ModSecurity reads them.
//!
//! Source: RFC 7578 and RFC 2046 section 5.1; the flags and what sets them are those of ModSecurity 3. Different from
//! it, so that more of a malformed body is inspected: after a malformed part header the parts behind it are still
//! read, a part that the body's end cuts off is delivered, and the error stands in the result in both cases. A
//! repeated part header is an error, as in ModSecurity 2.

mod boundary;
mod disposition;
mod error;
mod flags;
mod part;

use std::borrow::Cow;
use std::ops::Range;

pub use error::Error;
pub use flags::Flags;

use boundary::{Boundary, Delimiter, Look};
use part::{Draft, Line};

/// How much of a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Parts that are read; at the next one the reading ends, partial. 1,000 by default, as in ModSecurity's
    /// recommended `SecArgumentsLimit`.
    pub parts_max: usize,
    /// Parts with a file name; more set [`Flags::file_limit_exceeded`] and are delivered all the same. 100 by
    /// default, as in ModSecurity's `SecUploadFileLimit`.
    pub files_max: usize,
    /// Headers of one part; more are an error. 32 by default; browsers send 2.
    pub headers_max: usize,
    /// Bytes of one part header line, continuations included; more are an error. 4,096 by default, as in ModSecurity.
    pub header_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parts_max: 1_000, files_max: 100, headers_max: 32, header_bytes_max: 4_096 }
    }
}

/// A body as far as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Multipart<'b> {
    /// The parts that have a name, in order.
    pub parts: Vec<Part<'b>>,
    /// What was odd.
    pub flags: Flags,
    /// What was wrong first.
    pub error: Option<Error>,
    /// A limit kept parts from being read.
    pub partial: bool,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'b> {
    /// `name` of its Content-Disposition, without quotes and escapes; never empty.
    pub name: Cow<'b, [u8]>,
    /// `filename` of its Content-Disposition, never empty; a part without one is an argument.
    pub filename: Option<Cow<'b, [u8]>>,
    /// Its header lines as they were sent, without line ends; continued ones as `name: value more`.
    pub headers: Vec<Cow<'b, [u8]>>,
    /// Where in the body its content is.
    pub content: Range<usize>,
}

impl Multipart<'_> {
    /// ModSecurity's `MULTIPART_STRICT_ERROR`.
    pub const fn strict_error(&self) -> bool {
        self.error.is_some() || self.flags.any()
    }
}

/// Reads a body whose Content-Type header has this value.
pub fn parse<'b>(content_type: &[u8], body: &'b [u8], limits: &Limits) -> Multipart<'b> {
    let mut read = Multipart::default();
    match Boundary::find(content_type, &mut read.flags) {
        Ok(boundary) => Reader::new(&boundary, body, limits, read).run(),
        Err(error) => Multipart { error: Some(error), ..read },
    }
}

struct Reader<'r, 'b> {
    boundary: &'r Boundary,
    body: &'b [u8],
    limits: &'r Limits,
    read: Multipart<'b>,
    files: usize,
    place: Place<'b>,
    /// How the line before ended.
    last_end: LineEnd,
}

/// Where in the body a line stands.
enum Place<'b> {
    /// Before the first boundary.
    Preamble,
    /// In the header of a part.
    Header(Draft<'b>),
    /// In the content of a part, after so many lines of it.
    Content { part: Part<'b>, lines: usize },
    /// In a part whose header is malformed.
    Malformed,
    /// After the last boundary, or where reading makes no sense any more.
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    None,
    Lf,
    CrLf,
}

impl<'r, 'b> Reader<'r, 'b> {
    const fn new(boundary: &'r Boundary, body: &'b [u8], limits: &'r Limits, read: Multipart<'b>) -> Self {
        Self { boundary, body, limits, read, files: 0, place: Place::Preamble, last_end: LineEnd::None }
    }

    fn run(mut self) -> Multipart<'b> {
        let mut at = 0;
        while !matches!(self.place, Place::Over) {
            let Some(length) = memchr::memchr(b'\n', &self.body[at..]) else { break };
            let next = at + length + 1;
            let line = Line::new(&self.body[at..next]);
            match self.boundary.judge(&line, &mut self.read.flags) {
                Ok(Look::Delimiter(delimiter)) if self.is_delimiter() => {
                    self.delimiter(delimiter, &line, at, next);
                }
                Ok(Look::Broken) if self.is_delimiter() => self.fail(Error::BoundaryLine),
                Ok(_) => self.line(&line, next),
                Err(error) => self.fail(error),
            }
            self.last_end = if line.ends_in_crlf() { LineEnd::CrLf } else { LineEnd::Lf };
            at = next;
        }
        self.finish(at);
        self.read
    }

    /// Remembers the first error; nothing behind it makes sense.
    fn fail(&mut self, error: Error) {
        self.read.error.get_or_insert(error);
        self.place = Place::Over;
    }

    /// Whether a line that looks like a delimiter is one. Where the content of a part should begin it is content.
    fn is_delimiter(&mut self) -> bool {
        let first_line = matches!(self.place, Place::Content { lines: 0, .. });
        let header = matches!(self.place, Place::Header(_));
        self.read.flags.invalid_part |= first_line || header;
        if header {
            self.read.error.get_or_insert(Error::HeaderCut);
        }
        self.read.flags.lf_line |= self.last_end == LineEnd::Lf;
        !first_line
    }

    /// Ends a part and begins the next one.
    fn delimiter(&mut self, delimiter: Delimiter, line: &Line<'b>, at: usize, next: usize) {
        self.ends_in(line);
        if !matches!(self.place, Place::Preamble) {
            self.read.flags.unmatched_boundary = 2;
        }
        self.end_part(at);
        self.place = match delimiter {
            Delimiter::Last => {
                self.read.flags.data_after |= next < self.body.len();
                Place::Over
            }
            Delimiter::Next if self.read.parts.len() == self.limits.parts_max => {
                self.read.partial = true;
                Place::Over
            }
            Delimiter::Next => Place::Header(Draft::default()),
        };
    }

    /// Delivers the part whose content ends with the line end before `at`.
    fn end_part(&mut self, at: usize) {
        if let Place::Content { mut part, .. } = std::mem::replace(&mut self.place, Place::Malformed) {
            let line_end = match self.last_end {
                LineEnd::None => 0,
                LineEnd::Lf => 1,
                LineEnd::CrLf => 2,
            };
            part.content.end = at.saturating_sub(line_end).max(part.content.start);
            self.deliver(part);
        }
    }

    fn deliver(&mut self, part: Part<'b>) {
        self.files += usize::from(part.filename.is_some());
        self.read.flags.file_limit_exceeded |= self.files > self.limits.files_max;
        self.read.parts.push(part);
    }

    fn ends_in(&mut self, line: &Line<'b>) {
        self.read.flags.lf_line |= !line.ends_in_crlf();
        self.read.flags.crlf_line |= line.ends_in_crlf();
    }

    /// Reads a line that is no delimiter and ends before `next`.
    fn line(&mut self, line: &Line<'b>, next: usize) {
        match &mut self.place {
            Place::Preamble => self.read.flags.data_before = true,
            Place::Content { lines, .. } => *lines += 1,
            Place::Malformed | Place::Over => {}
            Place::Header(draft) => {
                let read = draft.line(line, self.limits, &mut self.read.flags);
                self.ends_in(line);
                match read {
                    Ok(None) => {}
                    Ok(Some((name, filename, headers))) => {
                        let part = Part { name, filename, headers, content: next..next };
                        self.place = Place::Content { part, lines: 0 };
                    }
                    Err(error) => {
                        self.read.error.get_or_insert(error);
                        self.place = Place::Malformed;
                    }
                }
            }
        }
    }

    /// Looks at what stands behind the last line end: the last boundary needs none.
    fn finish(&mut self, at: usize) {
        if matches!(self.place, Place::Over) || self.body.is_empty() {
            return;
        }
        if matches!(self.place, Place::Preamble) {
            return self.fail(Error::BoundaryMissing);
        }
        if self.boundary.is_last(&self.body[at..]) {
            self.read.flags.lf_line |= self.last_end == LineEnd::Lf;
            self.read.flags.invalid_part |=
                matches!(self.place, Place::Header(_) | Place::Content { lines: 0, .. });
            return self.end_part(at);
        }
        self.last_end = LineEnd::None;
        self.end_part(self.body.len());
        self.fail(Error::LastBoundaryMissing);
    }
}

#[cfg(test)]
mod tests;
