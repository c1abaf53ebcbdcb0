//! The tokens of JSON. RFC 8259 sections 2 to 7.

use std::borrow::Cow;

use super::Error;

/// A place in a body that is known to be UTF-8.
pub(super) struct Scanner<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Scanner<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(super) const fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// # Errors
    /// When the body is over.
    pub(super) fn peek(&self) -> Result<u8, Error> {
        self.bytes.get(self.at).copied().ok_or(Error::Truncated)
    }

    /// Steps over that byte if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let next = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(next);
        next
    }

    /// # Errors
    /// When another byte comes next.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// # Errors
    /// When the body is not over.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    const fn unexpected(&self) -> Error {
        if self.at < self.bytes.len() { Error::Syntax { at: self.at } } else { Error::Truncated }
    }

    /// The value of a string, number or literal.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn scalar(&mut self) -> Result<Cow<'b, [u8]>, Error> {
        match self.peek()? {
            b'"' => self.string(),
            b't' => self.literal(b"true").map(Cow::Borrowed),
            b'f' => self.literal(b"false").map(Cow::Borrowed),
            b'n' => self.literal(b"null").map(|_| Cow::Borrowed(&b""[..])),
            b'-' | b'0'..=b'9' => self.number().map(Cow::Borrowed),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<&'b [u8], Error> {
        let start = self.at;
        for byte in word {
            self.expect(*byte)?;
        }
        Ok(&self.bytes[start..self.at])
    }

    fn number(&mut self) -> Result<&'b [u8], Error> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(&self.bytes[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Error> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.unexpected()) } else { Ok(()) }
    }

    /// A string without its quotes and escapes.
    ///
    /// # Errors
    /// When there is none, or it has an escape or a byte that it must not have.
    pub(super) fn string(&mut self) -> Result<Cow<'b, [u8]>, Error> {
        self.expect(b'"')?;
        let plain = self.plain();
        if self.take(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut value = plain.to_vec();
        loop {
            match self.peek()? {
                b'\\' => self.escape(&mut value)?,
                b'"' => break,
                _ => return Err(self.unexpected()),
            }
            value.extend_from_slice(self.plain());
        }
        self.skip(1);
        Ok(Cow::Owned(value))
    }

    /// Steps over what may stand in a string unescaped.
    fn plain(&mut self) -> &'b [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn escape(&mut self, value: &mut Vec<u8>) -> Result<(), Error> {
        self.skip(1);
        let byte = match self.peek()? {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.skip(1);
                let character = self.unicode()?;
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.unexpected()),
        };
        self.skip(1);
        value.push(byte);
        Ok(())
    }

    /// The character of `\uXXXX` or of a pair of them; half a pair is a question mark, as in ModSecurity.
    fn unicode(&mut self) -> Result<char, Error> {
        let unit = self.unit()?;
        if !matches!(unit, 0xd800..0xdc00) || !self.bytes[self.at..].starts_with(b"\\u") {
            return Ok(char::from_u32(unit).unwrap_or('?'));
        }
        let after_first = self.at;
        self.skip(2);
        match self.unit()? {
            low @ 0xdc00..0xe000 => {
                Ok(char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('?'))
            }
            _ => {
                self.at = after_first;
                Ok('?')
            }
        }
    }

    fn unit(&mut self) -> Result<u32, Error> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()?).to_digit(16).ok_or_else(|| self.unexpected())?;
            unit = unit << 4 | digit;
            self.skip(1);
        }
        Ok(unit)
    }
}
