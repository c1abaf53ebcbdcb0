//! UTF-8, and maps from Unicode to code pages.

use crate::error::Fault;

/// Which byte of a code page looks like a character of the basic plane.
#[derive(Debug)]
pub(crate) struct UnicodeMap(Vec<Option<u8>>);

impl UnicodeMap {
    /// Reads one code page of a map file: a line with its number, then pairs of hexadecimal numbers.
    pub(crate) fn parse(text: &str, page: u32) -> Result<Self, Fault> {
        let page = page.to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        lines
            .find(|line| line.split_whitespace().next() == Some(&page))
            .ok_or_else(|| Fault::value(page.clone(), "a code page of the map"))?;
        let mut map = vec![None; 0x1_0000];
        let pairs = lines.find(|line| line.contains(':')).unwrap_or_default();
        for pair in pairs.split_whitespace() {
            let (from, to) =
                pair.split_once(':').ok_or(Fault::Syntax("a pair without a colon in the map"))?;
            let (from, to) = (usize::from_str_radix(from, 16), u8::from_str_radix(to, 16));
            let (Ok(from), Ok(to)) = (from, to) else {
                return Err(Fault::value(pair, "a pair of hexadecimal numbers"));
            };
            *map.get_mut(from).ok_or(Fault::Syntax("a character beyond FFFF in the map"))? = Some(to);
        }
        Ok(Self(map))
    }

    pub(super) fn byte(&self, code: u16) -> Option<u8> {
        self.0[usize::from(code)]
    }
}

/// Writes each character beyond ASCII as `%uHHHH`. Overlong forms are read, too: they are what attackers send.
/// Bytes that begin no character stay.
pub(super) fn escape(input: &[u8], out: &mut Vec<u8>) -> bool {
    if input.is_ascii() {
        return false;
    }
    let mut changed = false;
    let mut rest = input;
    while let Some((first, after)) = rest.split_first() {
        match character(rest) {
            Some((code, length)) => {
                changed = true;
                out.extend_from_slice(format!("%u{code:04x}").as_bytes());
                rest = &rest[length..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    changed
}

/// The character of two to four bytes at the start, and its length.
pub(crate) fn character(text: &[u8]) -> Option<(u32, usize)> {
    let first = u32::from(*text.first()?);
    let (mut code, length) = match first {
        0xc0..=0xdf => (first & 0x1f, 2),
        0xe0..=0xef => (first & 0x0f, 3),
        0xf0..=0xf7 => (first & 0x07, 4),
        _ => return None,
    };
    for byte in text.get(1..length)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        code = code << 6 | u32::from(byte & 0x3f);
    }
    Some((code, length))
}
