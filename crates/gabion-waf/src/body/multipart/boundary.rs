//! The boundary: what the Content-Type says it is, and which lines are one.

use memchr::memmem::{self, Finder};

use super::part::{Line, is_space};
use super::{Error, Flags};

/// Bytes of a Content-Type that are read. Source: ModSecurity.
const CONTENT_TYPE_BYTES_MAX: usize = 1_024;
const MEDIA_TYPE: &[u8] = b"multipart/form-data";
const PARAMETER: &[u8] = b"boundary";

/// A boundary that RFC 2046 section 5.1.1 allows.
pub(super) struct Boundary {
    /// Two hyphens and the boundary.
    delimiter: Finder<'static>,
    is_quoted: bool,
}

/// What a boundary line separates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// The part before from the part behind.
    Next,
    /// The last part from the end.
    Last,
}

/// What a line looks like.
pub(super) enum Look {
    Delimiter(Delimiter),
    /// It begins like one and goes on.
    Broken,
    Other,
}

impl Boundary {
    /// # Errors
    /// When the Content-Type is not that of a form or has no boundary that can be trusted.
    pub(super) fn find(content_type: &[u8], flags: &mut Flags) -> Result<Self, Error> {
        if content_type.len() > CONTENT_TYPE_BYTES_MAX {
            return Err(Error::ContentTypeLong);
        }
        let Some((media_type, parameters)) = content_type.split_at_checked(MEDIA_TYPE.len()) else {
            return Err(Error::MediaType);
        };
        if !media_type.eq_ignore_ascii_case(MEDIA_TYPE) {
            return Err(Error::MediaType);
        }
        if count(content_type) > 1 {
            return Err(Error::BoundaryRepeated);
        }
        let start = memmem::find(parameters, PARAMETER).ok_or(Error::NoBoundary)?;
        flags.missing_semicolon = match parameters[..start].trim_ascii() {
            b"" => true,
            b";" => false,
            _ => return Err(Error::BoundaryParameter),
        };
        let after = &parameters[start + PARAMETER.len()..];
        let equals = memchr::memchr(b'=', after).ok_or(Error::BoundaryParameter)?;
        let (before, value) = (&after[..equals], &after[equals + 1..]);
        if !before.iter().copied().all(is_space) {
            return Err(Error::BoundaryParameter);
        }
        flags.boundary_whitespace = !before.is_empty() || value.first().copied().is_some_and(is_space);
        let (value, is_quoted) = match value {
            [b'"', inner @ .., b'"'] => (inner, true),
            [b'"', ..] | [.., b'"'] => return Err(Error::BoundaryValue),
            value => (value, false),
        };
        flags.boundary_quoted = is_quoted;
        let value = without_parameters(value);
        if !is_valid(value) {
            return Err(Error::BoundaryValue);
        }
        Ok(Self { delimiter: Finder::new(&[b"--", value].concat()).into_owned(), is_quoted })
    }

    /// What a whole line looks like; flags are set by lines that resemble a delimiter.
    ///
    /// # Errors
    /// When the line would be taken for a delimiter by some readers and not by others.
    pub(super) fn judge(&self, line: &Line<'_>, flags: &mut Flags) -> Result<Look, Error> {
        let delimiter = self.delimiter.needle();
        let Some(rest) = line.bytes.strip_prefix(b"--").filter(|_| is_long(line.bytes)) else {
            if self.delimiter.find(line.bytes).is_some() {
                flags.unmatched_boundary = 1;
            }
            return Ok(Look::Other);
        };
        if let Some(end) = line.bytes.strip_prefix(delimiter) {
            return Ok(match end {
                b"\r\n" | b"\n" => Look::Delimiter(Delimiter::Next),
                b"--\r\n" | b"--\n" => Look::Delimiter(Delimiter::Last),
                _ => Look::Broken,
            });
        }
        let boundary = &delimiter[2..];
        let in_quotes = rest.strip_prefix(b"\"").is_some_and(|rest| rest.starts_with(boundary));
        let unspaced = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        let behind_space = unspaced > 0 && rest[unspaced..].starts_with(boundary);
        if self.is_quoted && in_quotes || behind_space {
            return Err(Error::BoundaryLine);
        }
        flags.unmatched_boundary = 1;
        Ok(Look::Other)
    }

    /// Whether these last bytes, without a line end, are the last boundary.
    pub(super) fn is_last(&self, rest: &[u8]) -> bool {
        rest.strip_prefix(self.delimiter.needle()) == Some(b"--")
    }
}

/// Whether a line has more than three bytes before its first NUL, where it ends for ModSecurity.
fn is_long(line: &[u8]) -> bool {
    line.len() > 3 && !line[..4].contains(&0)
}

/// How often the name of the parameter has an `=` somewhere behind it, in whatever case.
fn count(text: &[u8]) -> usize {
    let text = text.to_ascii_lowercase();
    let last_equals = memchr::memrchr(b'=', &text).unwrap_or(0);
    memmem::find_iter(&text, PARAMETER).filter(|at| at + PARAMETER.len() <= last_equals).count()
}

/// Some frameworks put `; charset=` behind the boundary; tolerated, as in ModSecurity.
fn without_parameters(value: &[u8]) -> &[u8] {
    match memchr::memchr(b';', value) {
        Some(at) => &value[..at],
        None => value,
    }
}

fn is_valid(boundary: &[u8]) -> bool {
    let is_allowed = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b' ' | b'\'' | b'(' | b')' | b'+' | b'_' | b',' | b'-' | b'.' | b'/' | b':' | b'=' | b'?'
            )
    };
    boundary.iter().all(is_allowed) && boundary.last().is_some_and(|last| *last != b' ')
}
