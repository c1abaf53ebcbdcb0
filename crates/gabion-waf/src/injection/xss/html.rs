//! Splits an input into tokens as browsers do, old ones included.

use memchr::{memchr, memmem};

/// What an input is thought to stand behind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// Text of a page.
    Data,
    /// The name of a tag.
    Attributes,
    /// That quote of an attribute's value.
    Quoted(u8),
}

/// What a token is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a tag, also of an end tag that has attributes or does not end.
    Tag,
    Attribute,
    Value,
    Comment,
    Doctype,
    /// Text and the ends of tags.
    Other,
}

/// A piece of an input.
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn text<'i>(&self, input: &'i [u8]) -> &'i [u8] {
        &input[self.start..self.end]
    }
}

/// An input as far as it was split.
pub(super) struct Html<'i> {
    input: &'i [u8],
    at: usize,
    state: State,
    /// Whether the tag that is being read is an end tag.
    is_end_tag: bool,
}

/// What is expected. Source of the names: the HTML standard, section 13.2.5.
#[derive(Clone, Copy)]
enum State {
    Data,
    TagOpen,
    EndTagOpen,
    TagName,
    TagEnd,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    /// The value begins with the quote, or the input does behind it.
    QuotedValue(u8),
    UnquotedValue,
    AfterValue,
    SelfClosing,
    Declaration,
    Comment,
    BogusComment,
    /// `<%`, a comment to Internet Explorer 9 and Safari 4.
    PercentComment,
    CharacterData,
    Over,
}

/// What a step gives.
enum Step {
    /// Nothing: another state goes on.
    To(State),
    /// A token from here on, with its end, how many bytes behind it are stepped over, and the state behind it.
    Token(Kind, usize, usize, State),
}

impl<'i> Html<'i> {
    pub(super) const fn new(input: &'i [u8], begin: Begin) -> Self {
        let state = match begin {
            Begin::Data => State::Data,
            Begin::Attributes => State::BeforeAttribute,
            Begin::Quoted(quote) => State::QuotedValue(quote),
        };
        Self { input, at: 0, state, is_end_tag: false }
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        loop {
            match self.step()? {
                Step::To(state) => self.state = state,
                Step::Token(kind, end, behind, state) => {
                    let token = Token { kind, start: self.at, end };
                    self.at = end + behind;
                    self.state = state;
                    return Some(token);
                }
            }
        }
    }

    fn step(&mut self) -> Option<Step> {
        match self.state {
            State::Data => self.data(),
            State::TagOpen => self.tag_open(),
            State::EndTagOpen => self.end_tag_open(),
            State::TagName => Some(self.tag_name()),
            State::TagEnd => Some(self.tag_end()),
            State::BeforeAttribute => self.before_attribute(),
            State::Attribute => Some(self.attribute()),
            State::AfterAttribute => self.after_attribute(),
            State::BeforeValue => self.before_value(),
            State::QuotedValue(quote) => Some(self.quoted_value(quote)),
            State::UnquotedValue => Some(self.unquoted_value()),
            State::AfterValue => self.after_value(),
            State::SelfClosing => self.self_closing(),
            State::Declaration => Some(self.declaration()),
            State::Comment => Some(self.comment()),
            State::BogusComment => Some(self.until(Kind::Comment, b">")),
            State::PercentComment => Some(self.until(Kind::Comment, b"%>")),
            State::CharacterData => Some(self.until(Kind::Other, b"]]>")),
            State::Over => None,
        }
    }

    fn rest(&self) -> &'i [u8] {
        &self.input[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// Steps over so many bytes.
    fn skip(&mut self, bytes: usize, to: State) -> Option<Step> {
        self.at += bytes;
        Some(Step::To(to))
    }

    /// A token up to the end of the input.
    const fn last(&self, kind: Kind) -> Step {
        Step::Token(kind, self.input.len(), 0, State::Over)
    }

    /// A token up to the first of these bytes, which are stepped over.
    fn until(&self, kind: Kind, end: &[u8]) -> Step {
        match memmem::find(self.rest(), end) {
            Some(length) => Step::Token(kind, self.at + length, end.len(), State::Data),
            None => self.last(kind),
        }
    }

    /// The next byte that is no white space. 0xff is the end to libinjection, whose bytes are signed.
    fn peek_unspaced(&mut self) -> Option<u8> {
        self.at += self.rest().iter().take_while(|byte| is_space(**byte)).count();
        self.peek().filter(|byte| *byte != 0xff)
    }

    fn data(&mut self) -> Option<Step> {
        match memchr(b'<', self.rest()) {
            None if self.rest().is_empty() => None,
            None => Some(self.last(Kind::Other)),
            Some(0) => self.skip(1, State::TagOpen),
            Some(length) => Some(Step::Token(Kind::Other, self.at + length, 1, State::TagOpen)),
        }
    }

    fn tag_open(&mut self) -> Option<Step> {
        match self.peek()? {
            b'!' => self.skip(1, State::Declaration),
            b'/' => {
                self.is_end_tag = true;
                self.skip(1, State::EndTagOpen)
            }
            b'?' => self.skip(1, State::BogusComment),
            b'%' => self.skip(1, State::PercentComment),
            // Internet Explorer ignored NUL.
            b'a'..=b'z' | b'A'..=b'Z' | 0 => self.skip(0, State::TagName),
            _ => Some(Step::Token(Kind::Other, self.at, 0, State::Data)),
        }
    }

    fn end_tag_open(&mut self) -> Option<Step> {
        match self.peek()? {
            b'>' => self.skip(0, State::Data),
            b'a'..=b'z' | b'A'..=b'Z' => self.skip(0, State::TagName),
            _ => {
                self.is_end_tag = false;
                self.skip(0, State::BogusComment)
            }
        }
    }

    fn tag_name(&mut self) -> Step {
        let is_end = |byte: &u8| *byte != 0 && is_space(*byte) || matches!(byte, b'/' | b'>');
        let Some(length) = self.rest().iter().position(is_end) else { return self.last(Kind::Tag) };
        let end = self.at + length;
        match self.input[end] {
            b'/' => Step::Token(Kind::Tag, end, 1, State::SelfClosing),
            b'>' if std::mem::take(&mut self.is_end_tag) => Step::Token(Kind::Other, end, 1, State::Data),
            b'>' => Step::Token(Kind::Tag, end, 0, State::TagEnd),
            _ => Step::Token(Kind::Tag, end, 1, State::BeforeAttribute),
        }
    }

    fn tag_end(&mut self) -> Step {
        self.is_end_tag = false;
        Step::Token(Kind::Other, self.at + 1, 0, State::Data)
    }

    fn before_attribute(&mut self) -> Option<Step> {
        match self.peek_unspaced()? {
            b'/' => self.skip(1, State::SelfClosing),
            b'>' => Some(Step::Token(Kind::Other, self.at + 1, 0, State::Data)),
            _ => self.skip(0, State::Attribute),
        }
    }

    fn attribute(&self) -> Step {
        let is_end = |byte: &u8| is_space(*byte) || matches!(byte, b'/' | b'=' | b'>');
        // The first byte belongs to the name whatever it is.
        let Some(length) = self.rest()[1..].iter().position(is_end) else {
            return self.last(Kind::Attribute);
        };
        let end = self.at + 1 + length;
        match self.input[end] {
            b'/' => Step::Token(Kind::Attribute, end, 1, State::SelfClosing),
            b'=' => Step::Token(Kind::Attribute, end, 1, State::BeforeValue),
            b'>' => Step::Token(Kind::Attribute, end, 0, State::TagEnd),
            _ => Step::Token(Kind::Attribute, end, 1, State::AfterAttribute),
        }
    }

    fn after_attribute(&mut self) -> Option<Step> {
        match self.peek_unspaced()? {
            b'/' => self.skip(1, State::SelfClosing),
            b'=' => self.skip(1, State::BeforeValue),
            b'>' => self.skip(0, State::TagEnd),
            _ => self.skip(0, State::Attribute),
        }
    }

    fn before_value(&mut self) -> Option<Step> {
        match self.peek_unspaced()? {
            quote @ (b'"' | b'\'' | b'`') => self.skip(0, State::QuotedValue(quote)),
            _ => self.skip(0, State::UnquotedValue),
        }
    }

    fn quoted_value(&mut self, quote: u8) -> Step {
        // At the very beginning the quote is one that the page has, not the input.
        self.at += usize::from(self.at > 0);
        match memchr(quote, self.rest()) {
            Some(length) => Step::Token(Kind::Value, self.at + length, 1, State::AfterValue),
            None => self.last(Kind::Value),
        }
    }

    fn unquoted_value(&self) -> Step {
        let is_end = |byte: &u8| is_space(*byte) || *byte == b'>';
        let Some(length) = self.rest().iter().position(is_end) else { return self.last(Kind::Value) };
        let end = self.at + length;
        match self.input[end] {
            b'>' => Step::Token(Kind::Value, end, 0, State::TagEnd),
            _ => Step::Token(Kind::Value, end, 1, State::BeforeAttribute),
        }
    }

    fn after_value(&mut self) -> Option<Step> {
        match self.peek()? {
            b'/' => self.skip(1, State::SelfClosing),
            _ => self.skip(0, State::BeforeAttribute),
        }
    }

    fn self_closing(&mut self) -> Option<Step> {
        match self.peek()? {
            b'>' => Some(Step::Token(Kind::Other, self.at + 1, 0, State::Data)),
            _ => self.skip(0, State::BeforeAttribute),
        }
    }

    fn declaration(&mut self) -> Step {
        let rest = self.rest();
        if rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b"DOCTYPE")) {
            return self.until(Kind::Doctype, b">");
        }
        let (bytes, to) = if rest.starts_with(b"[CDATA[") {
            (7, State::CharacterData)
        } else if rest.starts_with(b"--") {
            (2, State::Comment)
        } else {
            (0, State::BogusComment)
        };
        self.at += bytes;
        Step::To(to)
    }

    /// A comment ends in `-->` or `-!>`, for old browsers also with NUL behind the first hyphen.
    fn comment(&self) -> Step {
        let mut from = self.at;
        while let Some(found) = memchr(b'-', &self.input[from..]) {
            let dash = from + found;
            let behind = &self.input[dash + 1..];
            let nuls = behind.iter().take_while(|byte| **byte == 0).count();
            match behind[nuls..] {
                // An end that is cut off ends nothing.
                [] | [b'-' | b'!'] => break,
                [b'-' | b'!', b'>', ..] => {
                    return Step::Token(Kind::Comment, dash, nuls + 3, State::Data);
                }
                _ => from = dash + 1,
            }
        }
        self.last(Kind::Comment)
    }
}

/// White space of HTML, and what Internet Explorer took for it.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0)
}
