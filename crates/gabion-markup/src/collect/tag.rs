//! A start tag: which one it is, and its attributes where they matter.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::text;
use super::tokens::{Attribute, TagReader};

/// Bytes of a name that need no allocation. The longest that HTML knows has 14, SVG 19.
const SHORT_BYTES: usize = 24;
/// Attributes that browsers follow.
pub(super) const FOLLOWED: [&str; 6] = ["href", "src", "action", "formaction", "data", "xlink:href"];

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
    /// The kind of the tag with this name in lower case.
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"html" => Self::Html,
            b"head" => Self::Head,
            b"base" => Self::Base,
            b"script" => Self::Script,
            b"form" => Self::Form,
            b"input" | b"select" | b"textarea" => Self::Field,
            b"button" => Self::Button,
            b"iframe" | b"frame" | b"object" | b"embed" => Self::Frame,
            b"img" | b"image" | b"source" | b"video" | b"audio" | b"track" => Self::Media,
            b"link" => Self::Link,
            b"meta" => Self::Meta,
            _ => Self::Other,
        }
    }
}

/// The name of a tag in lower case; without an allocation when it is short.
pub(super) struct Lower {
    short: [u8; SHORT_BYTES],
    length: usize,
    long: Vec<u8>,
}

impl Lower {
    pub(super) fn of(name: &[u8]) -> Self {
        let mut short = [0; SHORT_BYTES];
        let length = name.len();
        match short.get_mut(..length) {
            Some(place) => {
                place.copy_from_slice(name);
                place.make_ascii_lowercase();
                Self { short, length, long: Vec::new() }
            }
            None => Self { short, length, long: name.to_ascii_lowercase() },
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.short.get(..self.length).unwrap_or(&self.long)
    }
}

/// Whether attributes of the tag may hold script. Cheap; says yes too often and never no when there is script.
pub(super) fn may_hold_script(tag: &TagReader, raw: &[u8]) -> bool {
    tag.attributes.iter().any(|attribute| match attribute.known {
        None => true,
        Some(known) => FOLLOWED.contains(&known) && may_be_script_address(&raw[attribute.value.clone()]),
    })
}

/// Whether the value may be a `javascript:` address: browsers skip spaces and controls before it.
fn may_be_script_address(value: &[u8]) -> bool {
    matches!(value.iter().find(|byte| **byte > b' '), Some(b'j' | b'J' | b'&'))
}

/// The attributes of a tag that matter, decoded.
pub(super) struct Attributes(Vec<(Cow<'static, str>, String)>);

impl Attributes {
    /// Decodes what was kept of the tag that is written as `raw`.
    pub(super) fn of(tag: &TagReader, raw: &[u8], encoding: &'static Encoding) -> Self {
        let read = |attribute: &Attribute| {
            let name = match attribute.known {
                Some(known) => Cow::Borrowed(known),
                None => Cow::Owned(text::name(&raw[attribute.name.clone()])),
            };
            (name, text::attribute(&raw[attribute.value.clone()], encoding))
        };
        Self(tag.attributes.iter().map(read).collect())
    }

    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value, cut to a short text.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        self.get(name).map(super::inventory::word)
    }

    /// Whether an `annotation-xml` with these has HTML in it.
    pub(super) fn is_of_html(&self) -> bool {
        let encoding = self.get("encoding").unwrap_or_default();
        ["text/html", "application/xhtml+xml"].iter().any(|known| encoding.eq_ignore_ascii_case(known))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_lower_case_however_long_they_are() {
        assert_eq!(Lower::of(b"SCRIPT").as_bytes(), b"script");
        assert_eq!(Lower::of(&[b'X'; 100]).as_bytes(), [b'x'; 100]);
    }

    #[test]
    fn addresses_that_may_be_script_are_noticed() {
        for value in ["javascript:x", " \x01 JavaScript:x", "&#106;avascript:x", "\njava"] {
            assert!(may_be_script_address(value.as_bytes()), "{value}");
        }
        for value in ["", "/common/x", "https://a.example/j", "#j"] {
            assert!(!may_be_script_address(value.as_bytes()), "{value}");
        }
    }
}
