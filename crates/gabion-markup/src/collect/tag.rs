//! A start tag: which one it is, from its bytes, and its attributes where they matter.

use std::borrow::Cow;

use encoding_rs::Encoding;
use lol_html::html_content::{Attribute, SourceLocation};
use lol_html::send::Element;

use super::{Output, text};

/// What the collector does at a start tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Html,
    Head,
    Base,
    Script,
    Form,
    Field,
    Button,
    Frame,
    Media,
    Link,
    Meta,
    /// Nothing, unless its attributes hold script.
    Other,
}

impl Kind {
    /// The kind of the tag that is written as `raw`.
    pub(super) fn of(raw: &[u8]) -> Self {
        const KINDS: [(&[u8], Kind); 21] = [
            (b"img", Kind::Media),
            (b"script", Kind::Script),
            (b"link", Kind::Link),
            (b"input", Kind::Field),
            (b"meta", Kind::Meta),
            (b"form", Kind::Form),
            (b"button", Kind::Button),
            (b"iframe", Kind::Frame),
            (b"select", Kind::Field),
            (b"textarea", Kind::Field),
            (b"source", Kind::Media),
            (b"video", Kind::Media),
            (b"audio", Kind::Media),
            (b"track", Kind::Media),
            (b"image", Kind::Media),
            (b"frame", Kind::Frame),
            (b"object", Kind::Frame),
            (b"embed", Kind::Frame),
            (b"base", Kind::Base),
            (b"head", Kind::Head),
            (b"html", Kind::Html),
        ];
        let name = name(raw);
        let known = KINDS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map_or(Kind::Other, |(_, kind)| *kind)
    }
}

/// The name in a start tag, as written.
pub(super) fn name(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"<").unwrap_or(raw);
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/' | b'>');
    &raw[..raw.iter().position(ends).unwrap_or(raw.len())]
}

/// Whether attributes of the tag may hold script. Cheap; says yes too often and never no when there is script.
pub(super) fn may_hold_script(raw: &[u8]) -> bool {
    let starts_attribute =
        |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/' | b'"' | b'\'');
    let is_handler = |at: usize| {
        at > 0
            && starts_attribute(raw[at - 1])
            && raw[at].eq_ignore_ascii_case(&b'o')
            && raw.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case(&b'n'))
    };
    memchr::memchr2_iter(b'o', b'O', raw).any(is_handler)
        || memchr::memchr_iter(b'=', raw).any(|at| may_be_script_address(&raw[at + 1..]))
}

/// Whether the value that begins here may be a `javascript:` address: browsers skip spaces and controls before it.
fn may_be_script_address(value: &[u8]) -> bool {
    let first = value.iter().find(|byte| **byte > b' ' && !matches!(byte, b'"' | b'\''));
    matches!(first, Some(b'j' | b'J' | b'&'))
}

/// Attributes that the collector reads, besides event handlers.
const WANTED: [&str; 23] = [
    "src",
    "href",
    "type",
    "name",
    "id",
    "rel",
    "action",
    "autocomplete",
    "formaction",
    "srcset",
    "method",
    "content",
    "http-equiv",
    "charset",
    "integrity",
    "nonce",
    "language",
    "as",
    "data",
    "srcdoc",
    "sandbox",
    "poster",
    "xlink:href",
];

/// The attributes of a tag that matter, decoded.
pub(super) struct Attributes(Vec<(Cow<'static, str>, String)>);

impl Attributes {
    /// Reads them from the bytes of the page, which costs less than to have all of them decoded.
    pub(super) fn of(found: &Element<'_, '_>, output: &Output, encoding: &'static Encoding) -> Self {
        let raw = |place: Option<SourceLocation>| place.map_or(&b""[..], |place| output.raw(&place.bytes()));
        let read = |attribute: &Attribute<'_>| {
            let name = wanted(raw(attribute.name_source_location()))?;
            Some((name, text::attribute(raw(attribute.value_source_location()), encoding)))
        };
        Self(found.attributes().iter().filter_map(read).collect())
    }

    /// The value of an attribute; of several with the same name the first counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value, cut to a short text.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        self.get(name).map(super::inventory::word)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}

/// The name in lower case, when its attribute is wanted.
fn wanted(name: &[u8]) -> Option<Cow<'static, str>> {
    if let Some(known) = WANTED.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes())) {
        return Some(Cow::Borrowed(known));
    }
    let may_be_handler = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"on"));
    may_be_handler.then(|| Cow::Owned(String::from_utf8_lossy(name).to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_known_by_their_bytes() {
        assert_eq!(Kind::of(b"<SCRIPT src=x>"), Kind::Script);
        assert_eq!(Kind::of(b"<img/src=x>"), Kind::Media);
        assert_eq!(Kind::of(b"<scripts>"), Kind::Other);
        assert_eq!(name(b"<a\nhref=x>"), b"a");
    }

    #[test]
    fn attributes_that_may_hold_script_are_noticed() {
        for raw in [
            "<a onclick=x>",
            "<a/ONCLICK=x>",
            "<a href=\"x\"onclick=x>",
            "<a href=javascript:x>",
            "<a href = ' \x01 JavaScript:x'>",
            "<a href='&#106;avascript:x'>",
        ] {
            assert!(may_hold_script(raw.as_bytes()), "{raw}");
        }
        for raw in ["<p>", "<a href=\"/common/x\">", "<div class=\"button\" data-on=1>"] {
            assert!(!may_hold_script(raw.as_bytes()), "{raw}");
        }
    }
}
