//! Tags, attributes and URLs that can run script.
//!
//! Source of the lists: libinjection 3.9.2 as in Debian's libmodsecurity 3.0.9, Copyright (c) 2012-2016, Nick
//! Galbreath, BSD-3-Clause; the whole notice is in `../sqli/words.txt`.

/// Tags, besides all that begin with `svg` or `xsl`.
const TAGS: [&[u8]; 20] = [
    b"APPLET",
    b"BASE",
    b"COMMENT",
    b"EMBED",
    b"FRAME",
    b"FRAMESET",
    b"HANDLER",
    b"IFRAME",
    b"IMPORT",
    b"ISINDEX",
    b"LINK",
    b"LISTENER",
    b"META",
    b"NOSCRIPT",
    b"OBJECT",
    b"SCRIPT",
    b"STYLE",
    b"VMLFRAME",
    b"XML",
    b"XSS",
];

/// Attributes, besides all that begin with `on`, `xmlns` or `xlink`.
const ATTRIBUTES: [(&[u8], Attribute); 20] = [
    (b"ACTION", Attribute::Url),
    (b"ATTRIBUTENAME", Attribute::Name),
    (b"BY", Attribute::Url),
    (b"BACKGROUND", Attribute::Url),
    (b"DATAFORMATAS", Attribute::Dangerous),
    (b"DATASRC", Attribute::Dangerous),
    (b"DYNSRC", Attribute::Url),
    (b"FILTER", Attribute::Style),
    (b"FORMACTION", Attribute::Url),
    (b"FOLDER", Attribute::Url),
    (b"FROM", Attribute::Url),
    (b"HANDLER", Attribute::Url),
    (b"HREF", Attribute::Url),
    (b"LOWSRC", Attribute::Url),
    (b"POSTER", Attribute::Url),
    (b"SRC", Attribute::Url),
    (b"STYLE", Attribute::Style),
    (b"TO", Attribute::Url),
    (b"VALUES", Attribute::Url),
    (b"XLINK:HREF", Attribute::Url),
];

/// Beginnings of URLs.
const URLS: [&[u8]; 4] = [b"DATA", b"VIEW-SOURCE", b"JAVA", b"VBSCRIPT"];

/// The greatest character that a reference may stand for before it is no reference to libinjection.
const CHARACTER_MAX: u32 = 0x10_00ff;

/// What the value of an attribute can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Harmless,
    /// Whatever it is, it runs script.
    Dangerous,
    Url,
    Style,
    /// It is the name of another attribute.
    Name,
}

impl Attribute {
    pub(super) fn of(name: &[u8]) -> Self {
        if name.len() < 2 {
            return Self::Harmless;
        }
        let begins = |word: &[u8]| name.get(..word.len()).is_some_and(|name| name.eq_ignore_ascii_case(word));
        if name.len() >= 5 && (begins(b"ON") || begins(b"XMLNS") || begins(b"XLINK")) {
            return Self::Dangerous;
        }
        ATTRIBUTES.iter().find(|(word, _)| is_word(name, word)).map_or(Self::Harmless, |(_, kind)| *kind)
    }
}

pub(super) fn is_dangerous_tag(name: &[u8]) -> bool {
    let begins = |word: &[u8]| name.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(word));
    name.len() >= 3 && TAGS.iter().any(|tag| is_word(name, tag)) || begins(b"SVG") || begins(b"XSL")
}

/// Whether this is that word, which is given in capitals. Old browsers ignored NUL.
fn is_word(name: &[u8], word: &[u8]) -> bool {
    let letters = name.iter().filter(|byte| **byte != 0).map(u8::to_ascii_uppercase);
    letters.eq(word.iter().copied())
}

/// Whether a URL, which is the first `length` bytes, runs script. What is behind it counts when it ends in the middle
/// of a character reference, as it does to libinjection.
pub(super) fn is_dangerous_url(text: &[u8], length: usize) -> bool {
    let skipped = text[..length].iter().take_while(|byte| matches!(byte, 0..=b' ' | 0x7f..)).count();
    URLS.iter().any(|word| begins_decoded(&text[skipped..], length - skipped, word))
}

/// Whether a text of so many bytes begins with that word when its character references are decoded.
fn begins_decoded(mut text: &[u8], mut length: usize, word: &[u8]) -> bool {
    let mut is_first = true;
    let mut word = word.iter();
    while let Some(letter) = word.as_slice().first() {
        if length == 0 || text.is_empty() {
            return false;
        }
        let (character, bytes) = character(text, length);
        text = text.get(bytes..).unwrap_or_default();
        // A reference that goes on behind the text makes it endless.
        length = length.checked_sub(bytes).unwrap_or(usize::MAX);
        if is_first && character <= 32 {
            continue;
        }
        is_first = false;
        // NUL and LF are ignored everywhere.
        if matches!(character, 0 | 10) {
            continue;
        }
        if !is_letter(character, *letter) {
            return false;
        }
        word.next();
    }
    true
}

/// Whether a character is that capital letter. Only the lowest eight bits count, as in libinjection.
fn is_letter(character: u32, letter: u8) -> bool {
    let [low, rest @ ..] = character.to_le_bytes();
    let low = if rest == [0; 3] { low.to_ascii_uppercase() } else { low };
    low == letter
}

/// The character at the beginning of a text of so many bytes, and how many it takes.
fn character(text: &[u8], length: usize) -> (u32, usize) {
    let literal = (u32::from(text[0]), 1);
    if text[0] != b'&' || length < 2 || text.get(1) != Some(&b'#') {
        return literal;
    }
    let (radix, digits) = match text.get(2) {
        Some(b'x' | b'X') => (16, 3),
        _ => (10, 2),
    };
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(radix));
    let Some(mut value) = digit(digits) else { return literal };
    let mut at = digits + 1;
    while at < length {
        match digit(at) {
            Some(digit) => value = value * radix + digit,
            None => return (value, at + usize::from(text.get(at) == Some(&b';'))),
        }
        if value > CHARACTER_MAX {
            return literal;
        }
        at += 1;
    }
    (value, at)
}
