//! XML bodies: the text that `XML:/*` gives to rules, and the attribute values that `XML://@*` gives.
//!
//! Source: XML 1.0, fifth edition, and what ModSecurity gets from libxml2. Nothing is fetched and nothing is expanded:
//! a document type declaration is stepped over and told, references to its entities stay as they were written. Names
//! may have any character above ASCII, and prefixes need no namespace; in both, more documents count as well-formed
//! than the specification allows.

mod charset;
mod markup;
mod text;

use markup::{Cursor, Tag};

/// How much of a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements inside one another; deeper is an error. 256 by default, as in libxml2.
    pub depth_max: usize,
    /// Attributes that are read, namespace declarations and all elements together; at the next one the reading ends,
    /// partial. 1,000 by default, as ModSecurity's recommended `SecArgumentsLimit` for other bodies.
    pub attributes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth_max: 256, attributes_max: 1_000 }
    }
}

/// Why a body is no XML that can be read. Positions are bytes from the beginning of the body in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something that is not well-formed.
    #[error("not well-formed at {at}")]
    Syntax {
        /// Where it is, or begins.
        at: usize,
    },
    /// The body ends before its root element does.
    #[error("body ends early")]
    Truncated,
    /// Bytes that are not in the encoding of the body, or characters that XML does not have. XML 1.0 section 2.2.
    #[error("invalid character at {at}")]
    Character {
        /// Where it is.
        at: usize,
    },
    /// An encoding other than UTF-8, UTF-16 and those of one byte that contain ASCII.
    #[error("unknown encoding")]
    Charset,
    /// More elements inside one another than are read.
    #[error("nested too deep at {at}")]
    Depth {
        /// Where the first too deep one begins.
        at: usize,
    },
}

/// A body as far as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The string value of the root element: all its text, in order, as UTF-8. At most as long as the body in UTF-8.
    pub text: Vec<u8>,
    /// The values of all attributes but namespace declarations, in order, normalized, as UTF-8.
    pub attributes: Vec<Vec<u8>>,
    /// There is a document type declaration.
    pub doctype: bool,
    /// What is wrong with the body. What was before it was delivered.
    pub error: Option<Error>,
    /// Something was not delivered: behind a limit, at which the reading ended, or in an entity that the document type
    /// declares, to which a reference was left as it was written.
    pub partial: bool,
}

/// Reads a body.
pub fn parse(body: &[u8], limits: &Limits) -> Document {
    let mut document = Document::default();
    let body = match charset::decode(body) {
        Ok(body) => body,
        Err(error) => return Document { error: Some(error), ..document },
    };
    let legal = text::legal_prefix(&body);
    let mut reader = Reader {
        cursor: Cursor::new(legal),
        limits,
        document: &mut document,
        open: Vec::new(),
        root: false,
        attributes: 0,
    };
    match reader.run() {
        Ok(()) | Err(Stop::Error(Error::Truncated)) if legal.len() < body.len() => {
            document.error = Some(Error::Character { at: legal.len() });
        }
        Ok(()) => {}
        Err(Stop::Limit) => document.partial = true,
        Err(Stop::Error(error)) => document.error = Some(error),
    }
    document
}

/// Why the reading ends before the body does.
enum Stop {
    Limit,
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

struct Reader<'r> {
    cursor: Cursor<'r>,
    limits: &'r Limits,
    document: &'r mut Document,
    /// Names of the elements that have not ended.
    open: Vec<&'r [u8]>,
    /// Whether the root element has begun.
    root: bool,
    /// Attributes that were read.
    attributes: usize,
}

impl<'r> Reader<'r> {
    fn run(&mut self) -> Result<(), Stop> {
        self.cursor.declaration()?;
        while !self.cursor.is_over() {
            self.text()?;
            if !self.cursor.is_over() {
                self.markup()?;
            }
        }
        if self.root && self.open.is_empty() { Ok(()) } else { Err(Error::Truncated.into()) }
    }

    /// Reads up to the next `<`.
    fn text(&mut self) -> Result<(), Error> {
        let at = self.cursor.position();
        let raw = self.cursor.until(b'<');
        if self.open.is_empty() {
            return if raw.trim_ascii().is_empty() { Ok(()) } else { Err(Error::Syntax { at }) };
        }
        let is_unresolved = text::content(raw, at, self.document.doctype, &mut self.document.text)?;
        self.document.partial |= is_unresolved;
        Ok(())
    }

    fn markup(&mut self) -> Result<(), Stop> {
        let syntax = Error::Syntax { at: self.cursor.position() };
        if self.cursor.take(b"<!--") {
            self.cursor.comment()?;
        } else if self.cursor.take(b"<?") {
            self.cursor.instruction()?;
        } else if self.cursor.take(b"</") {
            let name = self.cursor.end_tag()?;
            if self.open.pop() != Some(name) {
                return Err(syntax.into());
            }
        } else if !self.open.is_empty() && self.cursor.take(b"<![CDATA[") {
            // The line ends of these stay as they are in libxml2, too.
            self.document.text.extend_from_slice(self.cursor.until_all(b"]]>")?);
        } else if !self.root && !self.document.doctype && self.cursor.take(b"<!DOCTYPE") {
            self.document.doctype = true;
            self.cursor.doctype()?;
        } else if !self.root || !self.open.is_empty() {
            self.element()?;
        } else {
            return Err(syntax.into());
        }
        Ok(())
    }

    fn element(&mut self) -> Result<(), Stop> {
        let at = self.cursor.position();
        if self.open.len() == self.limits.depth_max {
            return Err(Error::Depth { at }.into());
        }
        self.root = true;
        let name = self.cursor.start_tag()?;
        let mut names = Vec::new();
        loop {
            match self.cursor.tag()? {
                Tag::Attribute { name, .. } if names.contains(&name) => {
                    return Err(Error::Syntax { at }.into());
                }
                Tag::Attribute { name, value, at } => {
                    names.push(name);
                    self.attribute(name, value, at)?;
                }
                Tag::End => {
                    self.open.push(name);
                    return Ok(());
                }
                Tag::EmptyEnd => return Ok(()),
            }
        }
    }

    fn attribute(&mut self, name: &[u8], raw: &'r [u8], at: usize) -> Result<(), Stop> {
        // This also bounds the search for repetitions.
        if self.attributes == self.limits.attributes_max {
            return Err(Stop::Limit);
        }
        self.attributes += 1;
        let mut value = Vec::new();
        self.document.partial |= text::attribute(raw, at, self.document.doctype, &mut value)?;
        if name != b"xmlns" && !name.starts_with(b"xmlns:") {
            self.document.attributes.push(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
