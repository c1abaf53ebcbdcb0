//! Strings in the quotes of all databases.

use super::scan::{count_of, find_pair};
use super::{Kind, Lexer, Token};

impl Lexer<'_> {
    /// The string from `start` to the next quote that is neither doubled nor escaped, or to the end.
    pub(super) fn until_quote(&mut self, start: usize, quote: u8, open: Option<u8>) -> Token {
        let mut from = start;
        let end = loop {
            let Some(found) = memchr::memchr(quote, &self.input[from..]) else { break None };
            let at = from + found;
            let backslashes = self.input[start..at].iter().rev().take_while(|byte| **byte == b'\\').count();
            if backslashes % 2 == 1 {
                from = at + 1;
            } else if self.input.get(at + 1) == Some(&quote) {
                from = at + 2;
            } else {
                break Some(at);
            }
        };
        self.string(start, end, 1, open, Some(quote))
    }

    /// The string from `start` to a quote of so many bytes, or to the end of the input, where no quote closes it.
    fn string(
        &mut self,
        start: usize,
        end: Option<usize>,
        quote_bytes: usize,
        open: Option<u8>,
        close: Option<u8>,
    ) -> Token {
        let text = &self.input[start..end.unwrap_or(self.input.len())];
        self.at = end.map_or(self.input.len(), |end| end + quote_bytes);
        Token::new(Kind::String, text).with_quotes(open, close.filter(|_| end.is_some()))
    }

    /// `E'...'` of PostgreSQL and `N'...'` of MySQL.
    pub(super) fn prefixed_string(&mut self) -> Option<Token> {
        let is_string = self.peek(1) == Some(b'\'') && self.peek(2).is_some();
        is_string.then(|| self.until_quote(self.at + 2, b'\'', Some(b'\'')))
    }

    /// `U&'...'` of PostgreSQL.
    pub(super) fn unicode_string(&mut self) -> Option<Token> {
        if !self.rest()[1..].starts_with(b"&'") {
            return None;
        }
        let token = self.until_quote(self.at + 3, b'\'', Some(b'\''));
        Some(token.with_quotes(Some(b'u'), token.close.map(|_| b'u')))
    }

    /// `q'[...]'` and `nq'[...]'` of Oracle, the latter behind one byte.
    pub(super) fn oracle_string(&mut self, behind: usize) -> Option<Token> {
        if !matches!(self.peek(behind), Some(b'q' | b'Q')) || self.peek(behind + 1) != Some(b'\'') {
            return None;
        }
        let close = match self.peek(behind + 2)? {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            byte @ 33..=127 => byte,
            _ => return None,
        };
        let start = self.at + behind + 3;
        let end = find_pair(&self.input[start..], [close, b'\'']).map(|end| start + end);
        Some(self.string(start, end, 2, Some(b'q'), Some(b'q')))
    }

    /// `B'01'` and `X'0f'`, which are numbers.
    pub(super) fn literal(&mut self, digits: &[u8]) -> Option<Token> {
        if self.peek(1) != Some(b'\'') {
            return None;
        }
        let length = count_of(&self.rest()[2..], digits);
        (self.peek(length + 2) == Some(b'\'')).then(|| self.take(Kind::Number, length + 3))
    }

    /// `$$...$$` and `$name$...$name$` of PostgreSQL, for which the names are letters.
    pub(super) fn dollar_string(&mut self) -> Option<Token> {
        let letters =
            self.rest()[1..].iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == 0).count();
        let quote = self.rest().get(..letters + 2).filter(|quote| quote.ends_with(b"$"))?;
        let start = self.at + quote.len();
        let end = memchr::memmem::find(&self.input[start..], quote).map(|end| start + end);
        Some(self.string(start, end, quote.len(), Some(b'$'), Some(b'$')))
    }
}
