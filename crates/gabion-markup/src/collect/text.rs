//! The text of a page as browsers see it: character references, encodings, line ends.

use encoding_rs::{Decoder, Encoding, UTF_8, WINDOWS_1252};
use gabion_crypto::digest::Sha256;

use crate::hash::ContentHash;
use crate::page::{BEGINNING_BYTES_MAX, Inline};

/// Bytes that are decoded at once.
const STEP_BYTES: usize = 4 * 1024;
/// Named references that matter in addresses and script, with the semicolon where they need it.
const NAMED: [(&str, char); 26] = [
    ("amp;", '&'),
    ("lt;", '<'),
    ("gt;", '>'),
    ("quot;", '"'),
    ("apos;", '\''),
    ("colon;", ':'),
    ("Tab;", '\t'),
    ("NewLine;", '\n'),
    ("nbsp;", '\u{a0}'),
    ("sol;", '/'),
    ("bsol;", '\\'),
    ("period;", '.'),
    ("comma;", ','),
    ("semi;", ';'),
    ("lpar;", '('),
    ("rpar;", ')'),
    ("equals;", '='),
    ("quest;", '?'),
    ("num;", '#'),
    ("excl;", '!'),
    ("lowbar;", '_'),
    ("plus;", '+'),
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
];

/// The name of an element or attribute, in lower case.
pub(super) fn name(name: &[u8]) -> String {
    let mut name = String::from_utf8_lossy(name).into_owned();
    name.make_ascii_lowercase();
    if name.contains('\0') { name.replace('\0', "\u{fffd}") } else { name }
}

/// The value of an attribute as browsers have it: decoded, line ends as `\n`, NUL replaced, its character references
/// resolved. Names that do not matter stay as written.
pub(super) fn attribute(value: &[u8], encoding: &'static Encoding) -> String {
    let mut decoded = encoding.decode_without_bom_handling(value).0.into_owned();
    if memchr::memchr3(b'\r', 0, b'&', decoded.as_bytes()).is_none() {
        return decoded;
    }
    if memchr::memchr2(b'\r', 0, decoded.as_bytes()).is_some() {
        decoded = decoded.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    }
    resolve(&decoded)
}

fn resolve(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match reference(rest) {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

/// The character that a reference behind its `&` stands for, and how long it is.
fn reference(text: &str) -> Option<(char, usize)> {
    let Some(number) = text.strip_prefix('#') else {
        let (name, c) = NAMED.iter().find(|(name, _)| text.starts_with(name))?;
        // "&ampx" and "&amp=" in an attribute are what they look like. HTML Standard, section 13.2.5.73.
        let next = text[name.len()..].chars().next();
        let is_word = !name.ends_with(';') && next.is_some_and(|c| c == '=' || c.is_ascii_alphanumeric());
        return (!is_word).then_some((*c, name.len()));
    };
    let (digits, radix, skipped) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16, 2),
        None => (number, 10, 1),
    };
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    if length == 0 {
        return None;
    }
    let code = u32::from_str_radix(&digits[..length], radix).unwrap_or(0);
    let c = match u8::try_from(code) {
        Ok(0) => char::REPLACEMENT_CHARACTER,
        // Written by those who took windows-1252 for Unicode. HTML Standard, section 13.2.5.80.
        Ok(byte @ 0x80..=0x9f) => {
            let known = WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next();
            known.unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let semicolon = usize::from(digits[length..].starts_with(';'));
    Some((c, skipped + length + semicolon))
}

/// Hashes an inline script while it passes, as a browser would: decoded, line ends as `\n`, NUL replaced.
///
/// Source: HTML Standard, sections 13.2.3.5 (line ends) and 13.2.5.4 (NUL in script data).
pub(super) struct InlineText {
    decoder: Decoder,
    digest: Sha256,
    bytes: u64,
    beginning: String,
    after_return: bool,
}

impl InlineText {
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        Self {
            decoder: encoding.new_decoder_without_bom_handling(),
            digest: Sha256::new(),
            bytes: 0,
            beginning: String::new(),
            after_return: false,
        }
    }

    /// Takes a piece of the text as it stands in the page.
    pub(super) fn push(&mut self, raw: &[u8]) {
        self.decode(raw, false);
    }

    /// What the script says, with at most `room` bytes of its beginning.
    pub(super) fn finish(mut self, room: usize) -> Inline {
        self.decode(b"", true);
        truncate(&mut self.beginning, room);
        Inline { hash: ContentHash::finish(self.digest), bytes: self.bytes, beginning: self.beginning }
    }

    fn decode(&mut self, mut raw: &[u8], last: bool) {
        let mut buffer = [0_u8; STEP_BYTES];
        loop {
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, &mut buffer, last);
            let text = std::str::from_utf8(&buffer[..written]).expect("the decoder writes UTF-8");
            self.normalize(text);
            raw = &raw[read..];
            if result == encoding_rs::CoderResult::InputEmpty {
                return;
            }
        }
    }

    fn normalize(&mut self, mut text: &str) {
        if std::mem::take(&mut self.after_return) {
            text = match text.strip_prefix('\n') {
                Some(rest) => rest,
                None if text.is_empty() => {
                    self.after_return = true;
                    return;
                }
                None => text,
            };
        }
        while let Some(at) = memchr::memchr2(b'\r', 0, text.as_bytes()) {
            self.take(&text[..at]);
            let is_return = text.as_bytes()[at] == b'\r';
            text = &text[at + 1..];
            self.take(if is_return { "\n" } else { "\u{fffd}" });
            if is_return {
                self.after_return = text.is_empty();
                text = text.strip_prefix('\n').unwrap_or(text);
            }
        }
        self.take(text);
    }

    fn take(&mut self, text: &str) {
        self.digest.update(text.as_bytes());
        let is_whole = self.bytes == self.beginning.len() as u64;
        self.bytes += text.len() as u64;
        if !is_whole {
            return;
        }
        let mut end = text.len().min(BEGINNING_BYTES_MAX - self.beginning.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.beginning.push_str(&text[..end]);
    }
}

/// The encoding that a label stands for; `None` when the collector cannot read it.
pub(super) fn encoding(label: &str) -> Option<&'static Encoding> {
    let known = Encoding::for_label(label.as_bytes()).unwrap_or(UTF_8);
    (known.is_ascii_compatible() && known != encoding_rs::REPLACEMENT).then_some(known)
}

/// Cuts `text` to at most `bytes_max` bytes, between characters.
pub(crate) fn truncate(text: &mut String, bytes_max: usize) {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        for (text, expected) in [
            ("a&amp;b", "a&b"),
            ("java&#115;cript&colon;x", "javascript:x"),
            ("&#x6A;&#x6a&#0;&#xffffff;", "jj\u{fffd}\u{fffd}"),
            ("&unknown; & &#; &#x;", "&unknown; & &#; &#x;"),
            ("a&amp b&lt", "a& b<"),
            ("a?b&ampc=1&amp=2&quotd", "a?b&ampc=1&amp=2&quotd"),
            ("&#128;&#x9f;&#x81;", "€Ÿ\u{81}"),
            ("a\r\nb\rc\0", "a\nb\nc\u{fffd}"),
        ] {
            assert_eq!(attribute(text.as_bytes(), UTF_8), expected);
        }
    }

    #[track_caller]
    fn check(pieces: &[&[u8]], label: &str, expected: &str) {
        let mut text = InlineText::new(encoding(label).expect("a known encoding"));
        pieces.iter().for_each(|piece| text.push(piece));
        let inline = text.finish(BEGINNING_BYTES_MAX);
        assert_eq!(inline.beginning, expected);
        assert_eq!(inline.hash, ContentHash::of(expected.as_bytes()));
        assert_eq!(inline.bytes, expected.len() as u64);
    }

    #[test]
    fn scripts_are_hashed_as_browsers_read_them() {
        check(&[b"a\r\nb\rc\n\r\r\nd"], "utf-8", "a\nb\nc\n\n\nd");
        check(&[b"a\r", b"\nb\r", b"", b"c"], "utf-8", "a\nb\nc");
        check(&[b"a\0b\xff\xc3", b"\xa9"], "utf-8", "a\u{fffd}b\u{fffd}\u{e9}");
        check(&[b"\xe9\x80"], "iso-8859-1", "\u{e9}\u{20ac}");
        check(&[&[b'x'; 9000]], "utf-8", &"x".repeat(9000));
    }

    #[test]
    fn encodings_that_hide_tags_are_not_read() {
        assert_eq!(encoding("utf-16le"), None);
        assert_eq!(encoding("iso-2022-jp"), None);
        assert_eq!(encoding("hz-gb-2312"), None);
        assert_eq!(encoding("no such thing"), Some(UTF_8));
    }
}
