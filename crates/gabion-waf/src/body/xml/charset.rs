//! Which encoding a body is in. XML 1.0 appendix F.

use std::borrow::Cow;

use memchr::memmem;

use super::Error;

/// Bytes in which the encoding declaration must end.
const DECLARATION_BYTES_MAX: usize = 256;

/// The body as UTF-8, as far as that can be said; bytes that are none stay.
///
/// # Errors
/// When the body says that it is in an encoding that is not known here.
pub(super) fn decode(body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(Cow::Borrowed(rest)),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0, b'<', 0, ..] => utf_16(body, u16::from_be_bytes),
        [b'<', 0, _, 0, ..] => utf_16(body, u16::from_le_bytes),
        _ => named(body),
    }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, [u8]>, Error> {
    let (units, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        text.push(character.map_err(|_| Error::Character { at: text.len() })?);
    }
    if rest.is_empty() { Ok(Cow::Owned(text.into_bytes())) } else { Err(Error::Character { at: text.len() }) }
}

/// The encodings of one byte contain ASCII, which is what attacks are made of: all are read as the first of them.
fn named(body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let name = declared(body).to_ascii_lowercase();
    match name.as_slice() {
        b"" | b"utf-8" | b"utf8" | b"us-ascii" | b"ascii" => Ok(Cow::Borrowed(body)),
        name if name.starts_with(b"iso-8859-") || name.starts_with(b"windows-125") || name == b"latin1" => {
            let text: String = body.iter().map(|byte| char::from(*byte)).collect();
            Ok(Cow::Owned(text.into_bytes()))
        }
        _ => Err(Error::Charset),
    }
}

/// What stands in the quotes after `encoding=` of the XML declaration.
fn declared(body: &[u8]) -> &[u8] {
    let head = &body[..body.len().min(DECLARATION_BYTES_MAX)];
    let name = || {
        let declaration = &head[..memmem::find(head, b"?>")?];
        let after = &declaration[memmem::find(declaration, b"encoding")? + 8..];
        let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (quote, value) = value.split_first()?;
        Some(&value[..memchr::memchr(*quote, value)?])
    };
    if head.starts_with(b"<?xml") { name().unwrap_or_default() } else { &[] }
}
