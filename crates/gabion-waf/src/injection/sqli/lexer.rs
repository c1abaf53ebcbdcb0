//! Splits an input into tokens that all databases together may see in it.

mod number;
mod quoted;
mod scan;

use super::tables;
use super::token::{Kind, Token};
use scan::{count_while, find_pair, is_white, table_of};

/// Ends a word; also white space and NUL.
static WORD_ENDS: [bool; 256] = table_of(b" []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r\"\xa0\0");
/// Ends a variable.
static VARIABLE_ENDS: [bool; 256] = table_of(b" <>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r'`\"\0");

/// Whose reading of comments is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--` always begins a comment, `#` is an operator.
    Ansi,
    /// `--` begins a comment before white space, `#` does always.
    MySql,
}

/// An input as far as it was split.
pub(super) struct Lexer<'i> {
    input: &'i [u8],
    at: usize,
    /// The quote that the input is thought to stand behind.
    quote: Option<u8>,
    dialect: Dialect,
    tokens: usize,
    is_dialect: bool,
}

impl<'i> Lexer<'i> {
    pub(super) const fn new(input: &'i [u8], quote: Option<u8>, dialect: Dialect) -> Self {
        Self { input, at: 0, quote, dialect, tokens: 0, is_dialect: false }
    }

    /// How many tokens there were so far.
    pub(super) const fn tokens(&self) -> usize {
        self.tokens
    }

    /// Whether there was something that the dialects read differently.
    pub(super) const fn is_dialect(&self) -> bool {
        self.is_dialect
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = match self.quote.filter(|_| self.at == 0 && !self.input.is_empty()) {
            Some(quote) => self.until_quote(0, quote, None),
            None => {
                let white = |byte: u8| matches!(byte, 0..=b' ' | 0x7f | 0xa0);
                self.at += count_while(self.rest(), white);
                let first = *self.rest().first()?;
                self.token(first)
            }
        };
        self.tokens += 1;
        Some(token)
    }

    fn token(&mut self, first: u8) -> Token {
        match first {
            b'(' => self.take(Kind::LeftParen, 1),
            b')' => self.take(Kind::RightParen, 1),
            b'{' => self.take(Kind::LeftBrace, 1),
            b'}' => self.take(Kind::RightBrace, 1),
            b',' => self.take(Kind::Comma, 1),
            b';' => self.take(Kind::Semicolon, 1),
            b'?' | b']' => self.take(Kind::Unknown, 1),
            b'%' | b'+' | b'^' | b'~' => self.take(Kind::Operator, 1),
            b'!' | b'&' | b'*' | b':' | b'<' | b'=' | b'>' | b'|' => self.operator(),
            b'"' | b'\'' => self.until_quote(self.at + 1, first, Some(first)),
            b'`' => self.backtick(),
            b'#' => self.hash(),
            b'-' => self.dash(),
            b'/' => self.slash(),
            b'\\' => self.backslash(),
            b'.' | b'0'..=b'9' => self.number(),
            b'$' => self.dollar(),
            b'@' => self.variable(),
            b'[' => self.bracketed(),
            b'B' | b'b' => self.literal(b"01").unwrap_or_else(|| self.word()),
            b'X' | b'x' => self.literal(b"0123456789ABCDEFabcdef").unwrap_or_else(|| self.word()),
            b'E' | b'e' => self.prefixed_string().unwrap_or_else(|| self.word()),
            b'N' | b'n' => {
                self.prefixed_string().or_else(|| self.oracle_string(1)).unwrap_or_else(|| self.word())
            }
            b'Q' | b'q' => self.oracle_string(0).unwrap_or_else(|| self.word()),
            b'U' | b'u' => self.unicode_string().unwrap_or_else(|| self.word()),
            _ => self.word(),
        }
    }

    fn rest(&self) -> &'i [u8] {
        &self.input[self.at..]
    }

    /// The byte so many behind this one.
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.input.get(self.at + ahead).copied()
    }

    /// Makes the next bytes a token.
    fn take(&mut self, kind: Kind, length: usize) -> Token {
        let token = Token::new(kind, &self.rest()[..length]);
        self.at += length;
        token
    }

    fn operator(&mut self) -> Token {
        if self.rest().starts_with(b"<=>") {
            return self.take(Kind::Operator, 3);
        }
        if let Some(kind) = self.rest().get(..2).and_then(tables::word) {
            return self.take(kind, 2);
        }
        let kind =
            if self.peek(0) == Some(b':') && self.rest().len() > 1 { Kind::Colon } else { Kind::Operator };
        self.take(kind, 1)
    }

    fn hash(&mut self) -> Token {
        self.is_dialect = true;
        match self.dialect {
            Dialect::Ansi => self.take(Kind::Operator, 1),
            Dialect::MySql => self.line_comment(),
        }
    }

    fn dash(&mut self) -> Token {
        if self.peek(1) != Some(b'-') {
            return self.take(Kind::Operator, 1);
        }
        if self.peek(2).is_none_or(is_white) {
            return self.line_comment();
        }
        match self.dialect {
            Dialect::Ansi => {
                self.is_dialect = true;
                self.line_comment()
            }
            Dialect::MySql => self.take(Kind::Operator, 1),
        }
    }

    fn line_comment(&mut self) -> Token {
        let line = memchr::memchr(b'\n', self.rest());
        let token = self.take(Kind::Comment, line.unwrap_or(self.rest().len()));
        self.at += usize::from(line.is_some());
        token
    }

    /// A comment, unless databases differ over where it ends or whether it is one.
    fn slash(&mut self) -> Token {
        if self.peek(1) != Some(b'*') {
            return self.take(Kind::Operator, 1);
        }
        let inner = &self.rest()[2..];
        let end = find_pair(inner, *b"*/");
        // PostgreSQL nests comments; the asterisk of the end may also be that of a beginning.
        let is_nested = end.is_some_and(|end| find_pair(&inner[..=end], *b"/*").is_some());
        // MySQL runs what is in `/*! */`.
        let kind = if is_nested || inner.first() == Some(&b'!') { Kind::Evil } else { Kind::Comment };
        self.take(kind, end.map_or(self.rest().len(), |end| end + 4))
    }

    /// MySQL reads `\N` as NULL.
    fn backslash(&mut self) -> Token {
        if self.peek(1) == Some(b'N') { self.take(Kind::Number, 2) } else { self.take(Kind::Backslash, 1) }
    }

    fn word(&mut self) -> Token {
        let length = count_while(self.rest(), |byte| !WORD_ENDS[usize::from(byte)]);
        let token = Token::new(Kind::Bareword, &self.rest()[..length]);
        // `SELECT.1` and SELECT`column` are two tokens.
        let value = token.value();
        for (end, _) in value.iter().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b'`')) {
            if let Some(kind) = tables::word(&value[..end]).filter(|kind| *kind != Kind::Bareword) {
                return self.take(kind, end);
            }
        }
        self.at += length;
        let kind = if length == value.len() { tables::word(value) } else { None };
        token.with_kind(kind.unwrap_or(Kind::Bareword))
    }

    /// SQL Server quotes names in brackets.
    fn bracketed(&mut self) -> Token {
        let end = memchr::memchr(b']', self.rest());
        self.take(Kind::Bareword, end.map_or(self.rest().len(), |end| end + 1))
    }

    /// MySQL quotes names in backticks, those of functions as well.
    fn backtick(&mut self) -> Token {
        let token = self.until_quote(self.at + 1, b'`', Some(b'`'));
        let is_function = tables::word(token.value()) == Some(Kind::Function);
        token.with_kind(if is_function { Kind::Function } else { Kind::Bareword })
    }

    fn variable(&mut self) -> Token {
        self.at += if self.peek(1) == Some(b'@') { 2 } else { 1 };
        match self.peek(0) {
            Some(b'`') => self.backtick().with_kind(Kind::Variable),
            Some(quote @ (b'\'' | b'"')) => {
                self.until_quote(self.at + 1, quote, Some(quote)).with_kind(Kind::Variable)
            }
            _ => {
                let length = count_while(self.rest(), |byte| !VARIABLE_ENDS[usize::from(byte)]);
                self.take(Kind::Variable, length)
            }
        }
    }
}
