//! Where the tags of a page are, and where the text of its scripts is.
//!
//! A tokenizer by the HTML Standard, section 13.2.5, of our own: the pass runs on every page of a shop. A library that
//! hands over every element, which `on*` attributes call for, takes several times as long. This one looks at the bytes
//! once, skips text, comments and values at the speed of memory, and keeps of a tag only the places of attributes that
//! are read. It goes on where it stopped, so that a page may be cut anywhere.
//!
//! What it leaves out cannot move a tag: it makes no characters, resolves no references, and takes a doctype for a
//! comment, for both end at the first `>`. It works on bytes, because `<`, `>`, quotes and spaces are the same bytes in
//! every encoding that is read, and no byte of another character there.

mod raw;
mod tag;

use std::ops::Range;

use raw::Raw;
pub(super) use tag::{Attribute, TagReader};

/// Bytes before the place of reading that say how a comment or an escape ends: `--!`.
const LOOK_BACK_BYTES: usize = 3;

/// What is in a page, as far as the collector cares. Places are in the bytes that were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A start tag; [`Tokenizer::tag`] has it.
    Start,
    /// An end tag; [`Tokenizer::tag`] has it. It may be the one that ends raw text.
    End { ends_raw_text: bool },
    /// Text between tags, given only when it is asked for.
    Text(Range<usize>),
}

/// How what follows a start tag is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Tags and text.
    Markup,
    /// Text up to the end tag of that name, which is in lower case.
    Raw(&'static [u8]),
    /// Text to the end of the page.
    Plain,
}

/// Reads a page, see above.
pub(super) struct Tokenizer {
    /// The next byte to look at.
    at: usize,
    state: State,
    tag: TagReader,
}

#[derive(Clone, Copy)]
enum State {
    Markup,
    Tag,
    Raw(Raw),
    /// The tag is the end tag of the raw text.
    RawEnd,
    Plain,
    /// `<!--` up to `-->`; with the place behind `<!--`.
    Comment(usize),
    /// `<!`, `</` or `<?` and something else, up to `>`.
    Bogus,
    /// `<![CDATA[` up to `]]>`.
    Cdata,
}

/// What a `<` begins.
enum Opened {
    /// That will be known with the next bytes.
    Later,
    /// Nothing: so many bytes are text.
    Text(usize),
    Tag {
        is_end: bool,
    },
    /// Something that is no tag; so many bytes begin it.
    Other(State, usize),
}

impl Tokenizer {
    pub(super) fn new() -> Self {
        Self { at: 0, state: State::Markup, tag: TagReader::default() }
    }

    /// The tag that [`Tokenizer::next`] ended with.
    pub(super) fn tag(&self) -> &TagReader {
        &self.tag
    }

    /// Says how what follows the last start tag is read.
    pub(super) fn enter(&mut self, content: Content) {
        self.state = match content {
            Content::Markup => State::Markup,
            Content::Raw(name) => State::Raw(Raw::new(name)),
            Content::Plain => State::Plain,
        };
    }

    /// The first byte of `input` that is still needed.
    pub(super) fn needed(&self) -> usize {
        match self.state {
            State::Tag | State::RawEnd => self.tag.start,
            State::Comment(_) | State::Raw(_) => self.at.saturating_sub(LOOK_BACK_BYTES),
            State::Markup | State::Bogus | State::Cdata | State::Plain => self.at,
        }
    }

    /// The first `count` bytes of the input are gone; they were not needed.
    pub(super) fn forget(&mut self, count: usize) {
        self.at -= count;
        self.tag.start = self.tag.start.saturating_sub(count);
        if let State::Comment(start) = &mut self.state {
            // What has begun before is longer than what is looked for at its beginning.
            *start = start.saturating_sub(count);
        }
    }

    /// The bytes that the open tag has so far.
    pub(super) fn tag_bytes(&self) -> usize {
        match self.state {
            State::Tag | State::RawEnd => self.tag.range().len(),
            _ => 0,
        }
    }

    /// The next token, or `None` when more bytes must come. `in_foreign` says whether the page is inside `svg` or
    /// `math`, where `<![CDATA[` is known; `wants_text` whether text is given; `is_last` whether no more bytes come.
    pub(super) fn next(
        &mut self,
        input: &[u8],
        in_foreign: bool,
        wants_text: bool,
        is_last: bool,
    ) -> Option<Token> {
        loop {
            let from = self.at;
            let (text_end, goes_on) = match self.state {
                State::Markup => self.markup(input, in_foreign, is_last),
                State::Tag | State::RawEnd => {
                    return self.tag.read(input).then(|| self.tag_ends());
                }
                State::Raw(mut raw) => {
                    let has_ended = raw.read(input, &mut self.at, is_last);
                    self.state = State::Raw(raw);
                    if has_ended {
                        self.tag.begin(self.at, true);
                        self.state = State::RawEnd;
                    }
                    (self.at, has_ended)
                }
                State::Plain => {
                    self.at = input.len();
                    (self.at, false)
                }
                State::Comment(start) => (from, self.skip(input, |end| ends_comment(&input[start..end]))),
                State::Bogus => (from, self.skip(input, |_| true)),
                State::Cdata => self.cdata(input, is_last),
            };
            if wants_text && from < text_end {
                return Some(Token::Text(from..text_end));
            }
            if !goes_on {
                return None;
            }
        }
    }

    fn tag_ends(&mut self) -> Token {
        self.at = self.tag.range().end;
        let ends_raw_text = matches!(self.state, State::RawEnd);
        self.state = State::Markup;
        if self.tag.is_end { Token::End { ends_raw_text } } else { Token::Start }
    }

    /// Goes on to what begins with `<`: where the text before it ends, and whether there was any such thing.
    fn markup(&mut self, input: &[u8], in_foreign: bool, is_last: bool) -> (usize, bool) {
        while let Some(found) = memchr::memchr(b'<', &input[self.at..]) {
            self.at += found;
            let place = self.at;
            match opened(&input[place..], in_foreign, is_last) {
                Opened::Later => return (place, false),
                Opened::Text(length) => self.at += length,
                Opened::Tag { is_end } => {
                    self.tag.begin(place, is_end);
                    self.state = State::Tag;
                    return (place, true);
                }
                Opened::Other(state, length) => {
                    self.at += length;
                    self.state = match state {
                        State::Comment(_) => State::Comment(self.at),
                        other => other,
                    };
                    return (place, true);
                }
            }
        }
        self.at = input.len();
        (self.at, false)
    }

    /// Goes on behind the first `>` at which `ends` says yes; whether there was one.
    fn skip(&mut self, input: &[u8], ends: impl Fn(usize) -> bool) -> bool {
        while let Some(found) = memchr::memchr(b'>', &input[self.at..]) {
            let end = self.at + found;
            self.at = end + 1;
            if ends(end) {
                self.state = State::Markup;
                return true;
            }
        }
        self.at = input.len();
        false
    }

    /// Goes on behind `]]>`: where the text before it ends, and whether it was there.
    fn cdata(&mut self, input: &[u8], is_last: bool) -> (usize, bool) {
        if let Some(found) = memchr::memmem::find(&input[self.at..], b"]]>") {
            let end = self.at + found;
            self.at = end + 3;
            self.state = State::Markup;
            return (end, true);
        }
        let undecided = if is_last { 0 } else { 2 };
        self.at = self.at.max(input.len().saturating_sub(undecided));
        (self.at, false)
    }
}

/// What `rest`, which begins with `<`, is the beginning of.
fn opened(rest: &[u8], in_foreign: bool, is_last: bool) -> Opened {
    let begins = |what: &[u8]| match rest.get(2..2 + what.len()) {
        Some(there) => Some(there == what),
        None if !is_last && what.starts_with(&rest[2..]) => None,
        None => Some(false),
    };
    match rest.get(1) {
        Some(b'a'..=b'z' | b'A'..=b'Z') => Opened::Tag { is_end: false },
        Some(b'/') => match rest.get(2) {
            Some(b'a'..=b'z' | b'A'..=b'Z') => Opened::Tag { is_end: true },
            Some(b'>') => Opened::Other(State::Markup, 3),
            Some(_) => Opened::Other(State::Bogus, 2),
            None if is_last => Opened::Text(2),
            None => Opened::Later,
        },
        Some(b'!') => match (begins(b"--"), in_foreign.then(|| begins(b"[CDATA["))) {
            (Some(true), _) => Opened::Other(State::Comment(0), 4),
            (_, Some(Some(true))) => Opened::Other(State::Cdata, 9),
            (None, _) | (_, Some(None)) => Opened::Later,
            _ => Opened::Other(State::Bogus, 2),
        },
        Some(b'?') => Opened::Other(State::Bogus, 2),
        None if !is_last => Opened::Later,
        _ => Opened::Text(1),
    }
}

/// Whether a `>` ends a comment, of which there is `text` so far. HTML Standard, sections 13.2.5.43 to 13.2.5.52.
fn ends_comment(text: &[u8]) -> bool {
    matches!(text, b"" | b"-") || text.ends_with(b"--") || text.ends_with(b"--!")
}
