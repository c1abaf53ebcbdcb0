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

pub(super) fn is_dangerous_url(url: &[u8]) -> bool {
    let skipped = url.iter().take_while(|byte| matches!(byte, 0..=b' ' | 0x7f..)).count();
    URLS.iter().any(|word| begins_decoded(&url[skipped..], word))
}

/// Whether a text begins with that word when its character references are decoded.
fn begins_decoded(mut text: &[u8], word: &[u8]) -> bool {
    let mut matched = 0;
    while matched < word.len() {
        let Some((character, rest)) = split_character(text) else { return false };
        text = rest;
        // Whatever is no more than a space is ignored at the beginning, NUL and LF are ignored everywhere.
        if matches!(character, 0 | 10) || matched == 0 && character <= 32 {
            continue;
        }
        if !is_letter(character, word[matched]) {
            return false;
        }
        matched += 1;
    }
    true
}

/// Whether a character is that capital letter. Only the lowest eight bits count, as in libinjection.
fn is_letter(character: u32, letter: u8) -> bool {
    let [low, rest @ ..] = character.to_le_bytes();
    let low = if rest == [0; 3] { low.to_ascii_uppercase() } else { low };
    low == letter
}

/// The character at the beginning of a text, which may be a reference, and what is behind it.
fn split_character(text: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = text.split_first()?;
    Some(reference(text).unwrap_or((u32::from(*first), rest)))
}

fn reference(text: &[u8]) -> Option<(u32, &[u8])> {
    let text = text.strip_prefix(b"&#")?;
    let (radix, text) = match text {
        [b'x' | b'X', text @ ..] => (16, text),
        text => (10, text),
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let (digits, rest) = text.split_at(text.iter().take_while(is_digit).count());
    let mut value = char::from(*digits.first()?).to_digit(radix)?;
    for digit in &digits[1..] {
        value = value * radix + char::from(*digit).to_digit(radix)?;
        if value > CHARACTER_MAX {
            return None;
        }
    }
    Some((value, rest.strip_prefix(b";").unwrap_or(rest)))
}
