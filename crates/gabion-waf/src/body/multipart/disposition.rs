//! The Content-Disposition of a part. RFC 7578 section 4.2, and what ModSecurity makes of it.

use std::borrow::Cow;

use memchr::memmem;

use super::{Error, Flags};

/// A name, and the file name of a file.
pub(super) type Names<'h> = (Cow<'h, [u8]>, Option<Cow<'h, [u8]>>);

/// What a part is called.
#[derive(Default)]
pub(super) struct Disposition<'h> {
    name: Option<Cow<'h, [u8]>>,
    filename: Option<Cow<'h, [u8]>>,
    has_extended_filename: bool,
}

impl<'h> Disposition<'h> {
    /// # Errors
    /// When there is anything that could be read in two ways.
    pub(super) fn parse(value: &'h [u8], flags: &mut Flags) -> Result<Self, Error> {
        let mut read = Self::default();
        let mut rest = skip_blanks(value.strip_prefix(b"form-data").ok_or(Error::Disposition)?);
        while let [separator, after @ ..] = rest {
            if *separator != b';' {
                return Err(Error::Disposition);
            }
            // A semicolon at the very end is tolerated, white space behind it is not.
            if after.is_empty() {
                break;
            }
            rest = read.parameter(skip_blanks(after), flags)?;
        }
        if read.has_extended_filename && is_empty(read.filename.as_deref()) {
            return Err(Error::Disposition);
        }
        // Crude readers look for this text, and must not see an argument where this one sees a file.
        if !is_empty(read.filename.as_deref()) && memmem::find(value, b"filename=").is_none() {
            return Err(Error::Disposition);
        }
        Ok(read)
    }

    /// The name, and the file name of a file.
    ///
    /// # Errors
    /// When there is no name.
    pub(super) fn into_names(self) -> Result<Names<'h>, Error> {
        let name = self.name.filter(|name| !name.is_empty()).ok_or(Error::NoName)?;
        Ok((name, self.filename.filter(|filename| !filename.is_empty())))
    }

    /// Reads one parameter, and gives what is behind it and its white space.
    fn parameter(&mut self, text: &'h [u8], flags: &mut Flags) -> Result<&'h [u8], Error> {
        let name_end =
            text.iter().position(|byte| matches!(byte, b'=' | b' ' | b'\t')).ok_or(Error::Disposition)?;
        let name = &text[..name_end];
        let value = skip_blanks(&text[name_end..]).strip_prefix(b"=").ok_or(Error::Disposition)?;
        let value = skip_blanks(value);
        let first = value.first().ok_or(Error::Disposition)?;
        if name == b"filename*" {
            if std::mem::replace(&mut self.has_extended_filename, true) {
                return Err(Error::Disposition);
            }
            return extended(value);
        }
        let slot = match name {
            b"name" => &mut self.name,
            b"filename" => &mut self.filename,
            _ => return Err(Error::Disposition),
        };
        let (value, rest) = match first {
            b'"' | b'\'' => quoted(&value[1..], *first)?,
            _ => {
                let end = value.iter().position(|byte| !is_token(*byte)).unwrap_or(value.len());
                (Cow::Borrowed(&value[..end]), &value[end..])
            }
        };
        flags.invalid_quoting |= *first == b'\'' || *first != b'"' && value.contains(&b'\'');
        if !is_empty(slot.as_deref()) {
            return Err(Error::Disposition);
        }
        *slot = Some(value);
        let rest = skip_blanks(rest);
        let ends_in_quote = matches!(text[..text.len() - rest.len()].last(), Some(b'"' | b'\''));
        flags.invalid_quoting |= ends_in_quote && rest.first().is_some_and(|byte| *byte != b';');
        Ok(rest)
    }
}

fn is_empty(value: Option<&[u8]>) -> bool {
    value.is_none_or(<[u8]>::is_empty)
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

/// What stands before the closing quote, without escapes, and what stands behind it. A backslash before anything but
/// a quote or a backslash is itself, because browsers of old sent paths so.
fn quoted(text: &[u8], quote: u8) -> Result<(Cow<'_, [u8]>, &[u8]), Error> {
    let plain = memchr::memchr2(quote, b'\\', text).ok_or(Error::Disposition)?;
    if text[plain] == quote {
        return Ok((Cow::Borrowed(&text[..plain]), &text[plain + 1..]));
    }
    let mut value = text[..plain].to_vec();
    let mut rest = &text[plain..];
    loop {
        rest = match rest {
            [] => return Err(Error::Disposition),
            [byte, rest @ ..] if *byte == quote => return Ok((Cow::Owned(value), rest)),
            [b'\\', escaped, rest @ ..] if *escaped == quote || *escaped == b'\\' => {
                value.push(*escaped);
                rest
            }
            [byte, rest @ ..] => {
                value.push(*byte);
                rest
            }
        };
    }
}

/// Steps over `charset'language'value`. RFC 5987 section 3.2.1.
fn extended(text: &[u8]) -> Result<&[u8], Error> {
    let charset = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"!#$%&+-^_`{}~".contains(byte))
        .count();
    let language = text[charset..].strip_prefix(b"'").filter(|_| charset > 0).ok_or(Error::Disposition)?;
    let language_end = memchr::memchr(b'\'', language).ok_or(Error::Disposition)?;
    let mut rest = &language[language_end + 1..];
    loop {
        rest = match rest {
            [] | [b';', ..] => return Ok(rest),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`~".contains(byte) => rest,
            _ => return Err(Error::Disposition),
        };
    }
}

/// What an unquoted value is made of. RFC 2045 section 5.1.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}
