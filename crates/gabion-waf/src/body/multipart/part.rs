//! The header of a part.

use std::borrow::Cow;

use super::disposition::Disposition;
use super::{Error, Flags, Limits};

/// A line with its end.
pub(super) struct Line<'b> {
    pub(super) bytes: &'b [u8],
}

impl<'b> Line<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn ends_in_crlf(&self) -> bool {
        self.bytes.ends_with(b"\r\n")
    }

    /// The line without its end.
    fn text(&self) -> &'b [u8] {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(self.bytes);
        text.strip_suffix(b"\r").unwrap_or(text)
    }
}

/// White space as C's `isspace` has it in the POSIX locale.
pub(super) const fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Name, file name and header lines of a part.
pub(super) type Head<'b> = (Cow<'b, [u8]>, Option<Cow<'b, [u8]>>, Vec<Cow<'b, [u8]>>);

/// A header as far as it was read.
#[derive(Default)]
pub(super) struct Draft<'b> {
    headers: Vec<Header<'b>>,
}

/// A header line and where in it the name ends and the value begins.
struct Header<'b> {
    line: Cow<'b, [u8]>,
    name_end: usize,
    value_start: usize,
}

impl Header<'_> {
    fn name(&self) -> &[u8] {
        &self.line[..self.name_end]
    }
}

impl<'b> Draft<'b> {
    /// Reads the next line; the empty one completes the header.
    ///
    /// # Errors
    /// When the line or the whole is malformed.
    pub(super) fn line(
        &mut self,
        line: &Line<'b>,
        limits: &Limits,
        flags: &mut Flags,
    ) -> Result<Option<Head<'b>>, Error> {
        let text = line.text();
        if memchr::memchr(0, text).is_some() {
            return Err(Error::HeaderNul);
        }
        if text.len() > limits.header_bytes_max {
            return Err(Error::HeaderLong);
        }
        let trimmed = &text[..text.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1)];
        match text.first() {
            None => self.complete(flags).map(Some),
            Some(first) if is_space(*first) => self.fold(trimmed, limits, flags).map(|()| None),
            Some(_) => self.header(trimmed, limits).map(|()| None),
        }
    }

    fn header(&mut self, text: &'b [u8], limits: &Limits) -> Result<(), Error> {
        let name_end = memchr::memchr(b':', text).filter(|end| *end > 0).ok_or(Error::HeaderMalformed)?;
        let (name, value) = (&text[..name_end], &text[name_end + 1..]);
        if self.headers.iter().any(|header| header.name().eq_ignore_ascii_case(name)) {
            return Err(Error::HeaderRepeated);
        }
        if self.headers.len() == limits.headers_max {
            return Err(Error::HeadersMany);
        }
        let blanks = value.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.headers.push(Header { line: Cow::Borrowed(text), name_end, value_start: name_end + 1 + blanks });
        Ok(())
    }

    /// Continues the header before: `name: value more`.
    fn fold(&mut self, text: &'b [u8], limits: &Limits, flags: &mut Flags) -> Result<(), Error> {
        flags.header_folding = true;
        let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
        // A line of nothing but white space counts, because its end is white space, too.
        let is_odd = |byte: &u8| !matches!(byte, b' ' | b'\t');
        flags.invalid_header_folding |= start == text.len() || text[..start].iter().any(is_odd);
        let header = self.headers.last_mut().ok_or(Error::FoldingFirst)?;
        if let Cow::Borrowed(line) = header.line {
            header.line = Cow::Owned([&line[..header.name_end], b": ", &line[header.value_start..]].concat());
            header.value_start = header.name_end + 2;
        }
        let line = header.line.to_mut();
        line.push(b' ');
        line.extend_from_slice(&text[start..]);
        if header.line.len() > limits.header_bytes_max { Err(Error::HeaderLong) } else { Ok(()) }
    }

    fn complete(&mut self, flags: &mut Flags) -> Result<Head<'b>, Error> {
        let header = self
            .headers
            .iter()
            .find(|header| header.name().eq_ignore_ascii_case(b"content-disposition"))
            .ok_or(Error::NoDisposition)?;
        let (name, filename) = match &header.line {
            Cow::Borrowed(line) => Disposition::parse(&line[header.value_start..], flags)?.into_names()?,
            Cow::Owned(line) => {
                let (name, filename) =
                    Disposition::parse(&line[header.value_start..], flags)?.into_names()?;
                (Cow::Owned(name.into_owned()), filename.map(|name| Cow::Owned(name.into_owned())))
            }
        };
        Ok((name, filename, self.headers.drain(..).map(|header| header.line).collect()))
    }
}
