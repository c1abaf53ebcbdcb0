//! Tags, comments, instructions and declarations.

use memchr::memmem;

use super::Error;

/// A place in a body.
pub(super) struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// What comes next in a start tag.
pub(super) enum Tag<'b> {
    /// An attribute, its value as written, and where that is.
    Attribute { name: &'b [u8], value: &'b [u8], at: usize },
    /// `>`.
    End,
    /// `/>`.
    EmptyEnd,
}

/// A name in the XML declaration, and which values it may have.
type PseudoAttribute = (&'static [u8], fn(&[u8]) -> bool);

/// How many of the first bytes are a name. XML 1.0 section 2.3, but any character above ASCII may be in one.
pub(super) fn name_end(text: &[u8]) -> usize {
    let is_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.' | 0x80..);
    match text.first() {
        None | Some(b'0'..=b'9' | b'-' | b'.') => 0,
        Some(_) => text.iter().position(|byte| !is_name(byte)).unwrap_or(text.len()),
    }
}

impl<'b> Cursor<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(super) const fn is_over(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn rest(&self) -> &'b [u8] {
        &self.bytes[self.at..]
    }

    const fn unexpected(&self) -> Error {
        if self.is_over() { Error::Truncated } else { Error::Syntax { at: self.at } }
    }

    /// Steps over these bytes if they come next.
    pub(super) fn take(&mut self, expected: &[u8]) -> bool {
        let next = self.rest().starts_with(expected);
        self.at += if next { expected.len() } else { 0 };
        next
    }

    fn expect(&mut self, expected: &[u8]) -> Result<(), Error> {
        if self.take(expected) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Steps over everything before that byte, and gives it.
    pub(super) fn until(&mut self, byte: u8) -> &'b [u8] {
        let rest = self.rest();
        let text = &rest[..memchr::memchr(byte, rest).unwrap_or(rest.len())];
        self.at += text.len();
        text
    }

    /// Steps over everything up to and with these bytes, and gives what is before them.
    pub(super) fn until_all(&mut self, end: &[u8]) -> Result<&'b [u8], Error> {
        let rest = self.rest();
        let length = memmem::find(rest, end).ok_or(Error::Truncated)?;
        self.at += length + end.len();
        Ok(&rest[..length])
    }

    /// Whether there was white space.
    fn skip_space(&mut self) -> bool {
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += length;
        length > 0
    }

    fn name(&mut self) -> Result<&'b [u8], Error> {
        let rest = self.rest();
        let length = name_end(rest);
        if length == 0 {
            return Err(self.unexpected());
        }
        self.at += length;
        Ok(&rest[..length])
    }

    /// A value in quotes, without them.
    fn quoted(&mut self) -> Result<&'b [u8], Error> {
        let quote = match self.rest().first() {
            Some(quote @ (b'"' | b'\'')) => *quote,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        let value = self.until(quote);
        self.expect(&[quote])?;
        Ok(value)
    }

    /// The name of the element that begins here.
    pub(super) fn start_tag(&mut self) -> Result<&'b [u8], Error> {
        self.expect(b"<")?;
        self.name()
    }

    pub(super) fn tag(&mut self) -> Result<Tag<'b>, Error> {
        let spaced = self.skip_space();
        if self.take(b">") {
            return Ok(Tag::End);
        }
        if self.take(b"/>") {
            return Ok(Tag::EmptyEnd);
        }
        if !spaced {
            return Err(self.unexpected());
        }
        let name = self.name()?;
        self.skip_space();
        self.expect(b"=")?;
        self.skip_space();
        let at = self.at + 1;
        Ok(Tag::Attribute { name, value: self.quoted()?, at })
    }

    /// The name of the element that ends here.
    pub(super) fn end_tag(&mut self) -> Result<&'b [u8], Error> {
        let name = self.name()?;
        self.skip_space();
        self.expect(b">")?;
        Ok(name)
    }

    /// Steps over the rest of a comment, in which there are no two hyphens. XML 1.0 section 2.5.
    pub(super) fn comment(&mut self) -> Result<(), Error> {
        self.until_all(b"--")?;
        self.expect(b">")
    }

    /// Steps over the rest of a processing instruction. XML 1.0 section 2.6.
    pub(super) fn instruction(&mut self) -> Result<(), Error> {
        let start = self.at;
        if self.name()?.eq_ignore_ascii_case(b"xml") {
            return Err(Error::Syntax { at: start });
        }
        if !self.skip_space() && !self.rest().starts_with(b"?>") {
            return Err(self.unexpected());
        }
        self.until_all(b"?>").map(|_| ())
    }

    /// Steps over the XML declaration, if there is one. XML 1.0 section 2.8.
    pub(super) fn declaration(&mut self) -> Result<(), Error> {
        let has_one = self.bytes.get(5).is_some_and(u8::is_ascii_whitespace) && self.take(b"<?xml");
        if !has_one {
            return Ok(());
        }
        let mut allowed: &[PseudoAttribute] =
            &[(b"version", is_version), (b"encoding", is_encoding), (b"standalone", is_yes_or_no)];
        loop {
            let spaced = self.skip_space();
            let start = self.at;
            let syntax = Err(Error::Syntax { at: start });
            if self.take(b"?>") {
                return if allowed.len() < 3 { Ok(()) } else { syntax };
            }
            let name = self.name()?;
            let Some(place) = allowed.iter().position(|(known, _)| *known == name) else { return syntax };
            if !spaced || allowed.len() == 3 && place > 0 {
                return syntax;
            }
            self.skip_space();
            self.expect(b"=")?;
            self.skip_space();
            if !allowed[place].1(self.quoted()?) {
                return syntax;
            }
            allowed = &allowed[place + 1..];
        }
    }

    /// Steps over the rest of a document type declaration. XML 1.0 section 2.8.
    pub(super) fn doctype(&mut self) -> Result<(), Error> {
        if !self.skip_space() {
            return Err(self.unexpected());
        }
        self.name()?;
        let mut in_subset = false;
        let mut in_declaration = false;
        loop {
            match self.rest().first() {
                Some(b'"' | b'\'') => {
                    self.quoted()?;
                    continue;
                }
                Some(b'<') if in_subset && !in_declaration => {
                    if self.take(b"<!--") {
                        self.comment()?;
                    } else if self.take(b"<?") {
                        self.instruction()?;
                    } else {
                        self.expect(b"<!")?;
                        in_declaration = true;
                    }
                    continue;
                }
                Some(b'>') if in_declaration => in_declaration = false,
                Some(b'>') if !in_subset => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'[') if !in_subset => in_subset = true,
                Some(b']') if in_subset && !in_declaration => in_subset = false,
                None | Some(b'<' | b'>' | b'[') => return Err(self.unexpected()),
                Some(_) => {}
            }
            self.at += 1;
        }
    }
}

/// libxml2 accepts `1.`, too.
fn is_version(value: &[u8]) -> bool {
    value.strip_prefix(b"1.").is_some_and(|minor| minor.iter().all(u8::is_ascii_digit))
}

fn is_encoding(value: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    value.first().is_some_and(u8::is_ascii_alphabetic) && value.iter().all(is_name)
}

fn is_yes_or_no(value: &[u8]) -> bool {
    matches!(value, b"yes" | b"no")
}
