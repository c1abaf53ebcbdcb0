//! Whether bytes are text, and which.

use std::borrow::Cow;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The text as ASCII-compatible bytes: without a byte order mark, and UTF-8 where it was UTF-16. `None` for bytes that
/// are no text: control characters, or UTF-16 that is none.
pub(crate) fn text(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        [b'<' | b' ' | b'\n', 0, ..] => Cow::Owned(utf16(bytes, u16::from_le_bytes)?),
        [0, b'<' | b' ' | b'\n', ..] => Cow::Owned(utf16(bytes, u16::from_be_bytes)?),
        _ => Cow::Borrowed(bytes.strip_prefix(BOM).unwrap_or(bytes)),
    };
    text.iter().all(|byte| is_text(*byte)).then_some(text)
}

/// Bytes that texts in ASCII, UTF-8 and the old one-byte encodings are made of.
fn is_text(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Vec<u8>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text =
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>().ok()?;
    rest.is_empty().then(|| text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_in_the_encodings_of_the_world() {
        assert_eq!(text(b"\xef\xbb\xbfa").as_deref(), Some(&b"a"[..]));
        assert_eq!(text(b"\xff\xfea\0\xac\x20").as_deref(), Some("a€".as_bytes()));
        assert_eq!(text(b"\0<\0s").as_deref(), Some(&b"<s"[..]));
        assert_eq!(text(b"caf\xe9\r\n").as_deref(), Some(&b"caf\xe9\r\n"[..]));
        assert_eq!(text(b"a\0b"), None);
        assert_eq!(text(b"\xff\xfe\0\xd8"), None);
    }
}
