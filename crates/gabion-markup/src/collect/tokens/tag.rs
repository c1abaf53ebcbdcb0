//! One tag, read byte by byte or in one go.
//!
//! Source: HTML Standard, sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40.

use std::ops::Range;

/// Attributes of one tag that are kept, of those that are read at all. Above it the rest of the page passes unread.
const ATTRIBUTES_MAX: usize = 256;

/// Names of attributes that the collector reads besides event handlers, and those by which browsers know what is HTML.
const WANTED: [&str; 27] = [
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
    "encoding",
    "color",
    "face",
    "size",
];
/// Bytes of the longest of them.
const WANTED_BYTES_MAX: usize = 12;

/// A tag, as far as it has come. Its places count from its `<`.
#[derive(Default)]
pub(in crate::collect) struct TagReader {
    /// Where in the input the tag begins.
    pub(super) start: usize,
    /// The next byte to look at.
    at: usize,
    step: Step,
    name: Range<usize>,
    /// The attribute that is being read.
    open: Attribute,
    pub(in crate::collect) attributes: Vec<Attribute>,
    pub(in crate::collect) is_end: bool,
    pub(in crate::collect) is_self_closing: bool,
    /// Whether it has more attributes than are kept.
    pub(in crate::collect) is_cut: bool,
}

/// An attribute that is read: its places in the tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::collect) struct Attribute {
    /// The name in lower case, unless it is that of an event handler.
    pub(in crate::collect) known: Option<&'static str>,
    pub(in crate::collect) name: Range<usize>,
    pub(in crate::collect) value: Range<usize>,
}

#[derive(Clone, Copy, Default)]
enum Step {
    #[default]
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Quoted(u8),
    Bare,
    AfterValue,
    Slash,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

impl TagReader {
    /// Begins with the tag whose `<` is at `start`.
    pub(super) fn begin(&mut self, start: usize, is_end: bool) {
        self.attributes.clear();
        let at = if is_end { 2 } else { 1 };
        let attributes = std::mem::take(&mut self.attributes);
        *self = Self { start, at, name: at..at, attributes, is_end, ..Self::default() };
    }

    /// Where in the input the tag is, as far as it was read.
    pub(in crate::collect) fn range(&self) -> Range<usize> {
        self.start..self.start + self.at
    }

    /// Its name, as written.
    pub(in crate::collect) fn name<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        &raw[self.name.clone()]
    }

    /// Reads on in `input`; whether the tag has ended.
    pub(super) fn read(&mut self, input: &[u8]) -> bool {
        let raw = &input[self.start..];
        while let Some(&byte) = raw.get(self.at) {
            let at = self.at;
            self.at += 1;
            match (self.step, byte) {
                (Step::Quoted(_) | Step::Name | Step::Attribute | Step::Bare, _) => {
                    if self.run(raw, at) {
                        return true;
                    }
                }
                (Step::BeforeValue, b'>') => {
                    self.open.value = at..at;
                    self.keep(raw);
                    return true;
                }
                (Step::BeforeValue, byte) if is_space(byte) => {}
                (Step::BeforeValue, b'"' | b'\'') => {
                    self.open.value = self.at..self.at;
                    self.step = Step::Quoted(byte);
                }
                (Step::BeforeValue, _) => {
                    self.open.value = at..at;
                    self.step = Step::Bare;
                }
                (Step::Slash, b'>') => {
                    self.is_self_closing = true;
                    return true;
                }
                (Step::AfterAttribute, b'=') => self.step = Step::BeforeValue,
                (Step::AfterAttribute, byte) if is_space(byte) => {}
                (Step::AfterAttribute, _) => {
                    self.open.value = at..at;
                    self.keep(raw);
                    if self.between(byte, at) {
                        return true;
                    }
                }
                (Step::BeforeAttribute | Step::AfterValue | Step::Slash, _) => {
                    if self.between(byte, at) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// A byte where an attribute may begin; whether it ends the tag.
    fn between(&mut self, byte: u8, at: usize) -> bool {
        self.step = match byte {
            b'>' => return true,
            b'/' => Step::Slash,
            byte if is_space(byte) => Step::BeforeAttribute,
            // An `=` here is the first letter of a name.
            _ => {
                self.open = Attribute { known: None, name: at..at, value: at..at };
                Step::Attribute
            }
        };
        false
    }

    /// Runs through a name or a value, of which the byte at `at` is the next; whether the tag has ended.
    fn run(&mut self, raw: &[u8], at: usize) -> bool {
        let rest = &raw[at..];
        let found = match self.step {
            Step::Quoted(quote) => memchr::memchr(quote, rest),
            Step::Bare => rest.iter().position(|byte| is_space(*byte) || *byte == b'>'),
            Step::Attribute => {
                rest.iter().position(|byte| is_space(*byte) || matches!(byte, b'/' | b'>' | b'='))
            }
            _ => rest.iter().position(|byte| is_space(*byte) || matches!(byte, b'/' | b'>')),
        };
        let Some(found) = found else {
            self.at = raw.len();
            return false;
        };
        let end = at + found;
        self.at = end + 1;
        match self.step {
            Step::Quoted(_) => {
                self.open.value.end = end;
                self.keep(raw);
                self.step = Step::AfterValue;
                false
            }
            Step::Bare => {
                self.open.value.end = end;
                self.keep(raw);
                self.between(raw[end], end)
            }
            Step::Attribute => {
                self.open.name.end = end;
                self.after_name(raw, end)
            }
            _ => {
                self.name.end = end;
                self.between(raw[end], end)
            }
        }
    }

    /// The byte behind the name of an attribute; whether it ends the tag.
    fn after_name(&mut self, raw: &[u8], end: usize) -> bool {
        match raw[end] {
            b'=' => self.step = Step::BeforeValue,
            byte if is_space(byte) => self.step = Step::AfterAttribute,
            byte => {
                self.open.value = end..end;
                self.keep(raw);
                return self.between(byte, end);
            }
        }
        false
    }

    /// Keeps the open attribute when it is read. Of several with the same name the first counts.
    fn keep(&mut self, raw: &[u8]) {
        let name = &raw[self.open.name.clone()];
        let is_handler = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"on"));
        self.open.known = if is_handler { None } else { wanted(name) };
        if self.is_end || (!is_handler && self.open.known.is_none()) {
            return;
        }
        let is_same = |other: &Attribute| raw[other.name.clone()].eq_ignore_ascii_case(name);
        if self.attributes.iter().any(is_same) {
            return;
        }
        if self.attributes.len() == ATTRIBUTES_MAX {
            self.is_cut = true;
            return;
        }
        self.attributes.push(self.open.clone());
    }
}

/// The name in lower case, when its attribute is wanted.
fn wanted(name: &[u8]) -> Option<&'static str> {
    if name.len() > WANTED_BYTES_MAX {
        return None;
    }
    WANTED.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
