//! XML in pieces, in one pass, without building anything. Only what is well-formed up to there is delivered: what XML
//! readers refuse is refused here.

/// A piece of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'m> {
    /// `<name ...>` or `<name ... />`.
    Start { name: &'m [u8], attributes: Attributes<'m> },
    /// `</name>`.
    End { name: &'m [u8] },
    /// Characters between tags, references unresolved; or a `CDATA` section.
    Text(&'m [u8]),
    /// `<?target ...?>`.
    Instruction { target: &'m [u8] },
    /// `<!DOCTYPE ...>`, without its angle brackets.
    Doctype(&'m [u8]),
    /// Something that XML has no place for; the last token.
    Broken,
}

/// The attributes of one tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes<'m>(&'m [u8]);

/// Reads pieces of a text.
#[derive(Clone, Debug)]
pub(crate) struct Markup<'m> {
    rest: &'m [u8],
    broken: bool,
}

impl<'m> Markup<'m> {
    pub(crate) fn new(text: &'m [u8]) -> Self {
        Self { rest: text, broken: false }
    }

    /// The name of the first element.
    pub(crate) fn root(mut self) -> Option<&'m [u8]> {
        self.find_map(|token| match token {
            Token::Start { name, .. } => Some(local(name)),
            _ => None,
        })
    }

    fn piece(&mut self) -> Option<Token<'m>> {
        let rest = self.rest;
        if !rest.starts_with(b"<") {
            let end = memchr::memchr(b'<', rest).unwrap_or(rest.len());
            self.rest = &rest[end..];
            return Some(Token::Text(&rest[..end]));
        }
        if let Some(rest) = rest.strip_prefix(b"<!--") {
            self.until(rest, b"-->")?;
            return Some(Token::Text(b""));
        }
        if let Some(rest) = rest.strip_prefix(b"<![CDATA[") {
            return self.until(rest, b"]]>").map(Token::Text);
        }
        if let Some(rest) = rest.strip_prefix(b"<?") {
            let content = self.until(rest, b"?>")?;
            let end = content.iter().position(u8::is_ascii_whitespace).unwrap_or(content.len());
            return Some(Token::Instruction { target: &content[..end] });
        }
        if crate::cursor::starts_with_nocase(rest, b"<!doctype") {
            let end = doctype_end(&rest[1..])? + 1;
            self.rest = &rest[end + 1..];
            return Some(Token::Doctype(&rest[1..end]));
        }
        if let Some(rest) = rest.strip_prefix(b"</") {
            let name = self.until(rest, b">")?.trim_ascii_end();
            return is_name(name).then_some(Token::End { name });
        }
        let end = tag_end(&rest[1..])? + 1;
        self.rest = &rest[end + 1..];
        let tag = rest[1..end].strip_suffix(b"/").unwrap_or(&rest[1..end]);
        let name_end = tag.iter().position(u8::is_ascii_whitespace).unwrap_or(tag.len());
        let (name, attributes) = (&tag[..name_end], Attributes(&tag[name_end..]));
        let fine = is_name(name) && attributes.all(|attribute| attribute.is_some());
        fine.then_some(Token::Start { name, attributes })
    }

    /// What stands before `end`; the rest begins behind it.
    fn until(&mut self, rest: &'m [u8], end: &[u8]) -> Option<&'m [u8]> {
        let at = memchr::memmem::find(rest, end)?;
        self.rest = &rest[at + end.len()..];
        Some(&rest[..at])
    }
}

impl<'m> Iterator for Markup<'m> {
    type Item = Token<'m>;

    fn next(&mut self) -> Option<Token<'m>> {
        if self.rest.is_empty() || self.broken {
            return None;
        }
        let piece = self.piece();
        self.broken = piece.is_none();
        piece.or(Some(Token::Broken))
    }
}

impl<'m> Attributes<'m> {
    /// Name and value as written; `None` once, at something that is no attribute.
    pub(crate) fn iter(self) -> impl Iterator<Item = Option<(&'m [u8], &'m [u8])>> {
        let mut rest = Some(self.0.trim_ascii());
        std::iter::from_fn(move || {
            let text = rest.filter(|text| !text.is_empty())?;
            let read = attribute(text);
            rest = read.map(|(.., behind)| behind.trim_ascii_start());
            Some(read.map(|(name, value, _)| (name, value)))
        })
    }

    fn all(self, mut test: impl FnMut(Option<(&'m [u8], &'m [u8])>) -> bool) -> bool {
        self.iter().all(&mut test)
    }
}

/// A name without its prefix.
pub(crate) fn local(name: &[u8]) -> &[u8] {
    memchr::memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
}

/// A value with its references resolved. `None` for a reference that XML does not define by itself.
pub(crate) fn resolved(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        // The longest reference that means something is a number of eight digits.
        let end = rest[at..].iter().take(12).position(|byte| *byte == b';')? + at;
        let character = reference(&rest[at + 1..end])?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn reference(name: &[u8]) -> Option<char> {
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?;
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)
}

fn attribute(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let equals = text.iter().position(|byte| matches!(byte, b'=' | b'"' | b'\'' | b'<'))?;
    let name = text[..equals].trim_ascii_end();
    let value = text[equals..].strip_prefix(b"=")?.trim_ascii_start();
    let quote = *value.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
    let end = memchr::memchr(quote, &value[1..])? + 1;
    is_name(name).then(|| (name, &value[1..end], &value[end + 1..]))
}

fn is_name(name: &[u8]) -> bool {
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | 0x80..);
    !name.is_empty() && name.iter().all(plain) && !name[0].is_ascii_digit()
}

/// Where the tag ends, quotes observed.
fn tag_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', &text[at..])?;
        match text[at] {
            b'>' => return Some(at),
            quote => at += memchr::memchr(quote, &text[at + 1..])? + 2,
        }
    }
}

/// Where the document type ends: quotes and one pair of square brackets observed.
fn doctype_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut inside = false;
    loop {
        at += text[at..].iter().position(|byte| matches!(byte, b'>' | b'"' | b'\'' | b'[' | b']'))?;
        match text[at] {
            b'>' if !inside => return Some(at),
            b'[' => inside = true,
            b']' => inside = false,
            quote @ (b'"' | b'\'') => at += memchr::memchr(quote, &text[at + 1..])? + 1,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_in_pieces() {
        let text = b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b '>'>]><a x = \"1>2\"><!-- <c> --><![CDATA[<d>]]></a>";
        let tokens: Vec<_> = Markup::new(text).filter(|token| *token != Token::Text(b"")).collect();
        assert_eq!(
            tokens,
            [
                Token::Instruction { target: b"xml" },
                Token::Doctype(b"!DOCTYPE a [<!ENTITY b '>'>]"),
                Token::Start { name: b"a", attributes: Attributes(b" x = \"1>2\"") },
                Token::Text(b"<d>"),
                Token::End { name: b"a" },
            ]
        );
        assert_eq!(Markup::new(text).root(), Some(&b"a"[..]));
    }

    #[test]
    fn what_is_not_well_formed_is_broken() {
        for text in ["<a b>", "<a b=c>", "<a", "<!-- ", "<a b='", "<1>", "< a>", "</>", "<a b='1'\"c\">"] {
            assert_eq!(Markup::new(text.as_bytes()).last(), Some(Token::Broken), "{text}");
        }
    }

    #[test]
    fn references_are_resolved_or_refused() {
        assert_eq!(resolved(b"&#106;&#x61;va&amp;").as_deref(), Some(&b"java&"[..]));
        assert_eq!(resolved(b"&colon;"), None);
        assert_eq!(resolved(b"a & b"), None);
    }
}
