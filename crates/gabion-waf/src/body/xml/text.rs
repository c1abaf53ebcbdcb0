//! Character data and attribute values. XML 1.0 sections 2.2, 2.4, 2.11, 3.3.3 and 4.1.

use memchr::memmem;

use super::Error;
use super::markup::name_end;

/// What is UTF-8 and legal in XML from the beginning on.
pub(super) fn legal_prefix(body: &[u8]) -> &[u8] {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default(),
    };
    let is_legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{1_0000}'..);
    let end = text.find(|c| !is_legal(c)).unwrap_or(text.len());
    &body[..end]
}

/// Appends the text between two tags, and says whether an entity was left unresolved in it.
///
/// # Errors
/// When it has `]]>` or a malformed reference.
pub(super) fn content(raw: &[u8], at: usize, doctype: bool, text: &mut Vec<u8>) -> Result<bool, Error> {
    match memmem::find(raw, b"]]>") {
        Some(end) => {
            expand(&raw[..end], at, doctype, text, normalized)?;
            Err(Error::Syntax { at: at + end })
        }
        None => expand(raw, at, doctype, text, normalized),
    }
}

/// Appends the value of an attribute, and says whether an entity was left unresolved in it.
///
/// # Errors
/// When it has `<` or a malformed reference.
pub(super) fn attribute(raw: &[u8], at: usize, doctype: bool, text: &mut Vec<u8>) -> Result<bool, Error> {
    if let Some(tag) = memchr::memchr(b'<', raw) {
        return Err(Error::Syntax { at: at + tag });
    }
    expand(raw, at, doctype, text, |piece, text| {
        let start = text.len();
        normalized(piece, text);
        text[start..].iter_mut().filter(|byte| matches!(byte, b'\t' | b'\n')).for_each(|byte| *byte = b' ');
    })
}

/// Appends a text in which CR LF and CR are LF.
fn normalized(raw: &[u8], text: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(cr) = memchr::memchr(b'\r', rest) {
        text.extend_from_slice(&rest[..cr]);
        text.push(b'\n');
        rest = rest[cr + 1..].strip_prefix(b"\n").unwrap_or(&rest[cr + 1..]);
    }
    text.extend_from_slice(rest);
}

/// Replaces references, and appends what is between them by `plain`. Says whether one was left as it is.
fn expand(
    raw: &[u8],
    at: usize,
    doctype: bool,
    text: &mut Vec<u8>,
    plain: impl Fn(&[u8], &mut Vec<u8>),
) -> Result<bool, Error> {
    let mut is_unresolved = false;
    let mut rest = raw;
    while let Some(start) = memchr::memchr(b'&', rest) {
        plain(&rest[..start], text);
        let syntax = Error::Syntax { at: at + raw.len() - rest.len() + start };
        let reference = &rest[start + 1..];
        let length = memchr::memchr(b';', reference).ok_or(syntax)?;
        let name = &reference[..length];
        match character(name) {
            Some(character) => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            // Somebody may have declared it.
            None if doctype && length > 0 && name_end(name) == length => {
                text.extend_from_slice(&rest[start..start + length + 2]);
                is_unresolved = true;
            }
            None => return Err(syntax),
        }
        rest = &reference[length + 1..];
    }
    plain(rest, text);
    Ok(is_unresolved)
}

/// What a character reference or one of the five entities that need no declaration stands for.
fn character(name: &[u8]) -> Option<char> {
    let number = |digits: &[u8], radix| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
        let character = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
        legal_prefix(character.encode_utf8(&mut [0; 4]).as_bytes()).first()?;
        Some(character)
    };
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}
