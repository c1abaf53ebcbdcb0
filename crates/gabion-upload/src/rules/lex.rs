//! Words, signs, numbers and texts of rule files.

use super::RuleFault;
use super::pattern::TEXT_BYTES_MAX;

/// Something is wrong in this line.
pub(super) type Wrong = (u32, RuleFault);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// `$name`, or `$name*` with the star.
    String(String),
    /// `#name`.
    Count(String),
    Number(u64),
    Text(Vec<u8>),
    Sign(&'static str),
    End,
}

/// Longer signs first.
const SIGNS: &[&str] = &[
    "..", "<=", ">=", "==", "!=", "{", "}", "(", ")", "[", "]", ":", "=", ",", "<", ">", "*", "-", "+", "@",
    "!", "|",
];

#[derive(Debug)]
pub(super) struct Lexer<'l> {
    rest: &'l str,
    pub(super) line: u32,
}

impl<'l> Lexer<'l> {
    pub(super) fn new(text: &'l str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 }
    }

    pub(super) fn next(&mut self) -> Result<Token, Wrong> {
        self.skip_space()?;
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        match first {
            '"' => self.text().map(Token::Text),
            '$' => {
                self.advance(1);
                let mut name = format!("${}", self.word());
                if self.rest.starts_with('*') {
                    self.advance(1);
                    name.push('*');
                }
                Ok(Token::String(name))
            }
            '#' => {
                self.advance(1);
                Ok(Token::Count(format!("${}", self.word())))
            }
            '0'..='9' => self.number(),
            _ if is_word(first) => Ok(Token::Word(self.word().to_owned())),
            _ => match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                Some(sign) => {
                    self.advance(sign.len());
                    Ok(Token::Sign(sign))
                }
                None => Err(self.expected("a word, a sign or a number", format!("{first:?}"))),
            },
        }
    }

    /// Whether a pattern of this kind begins here: `{` or `/`.
    pub(super) fn at(&mut self, sign: char) -> Result<bool, Wrong> {
        // A slash after an equals sign begins an expression, so only white space is skipped and no comment.
        self.skip_white();
        Ok(self.rest.starts_with(sign))
    }

    /// The inside of `{ ... }`, comments left out.
    pub(super) fn hex(&mut self) -> Result<String, Wrong> {
        self.advance(1);
        let mut out = String::new();
        loop {
            self.skip_space()?;
            let Some(next) = self.rest.chars().next() else {
                return Err(self.expected("} at the end of the bytes", "the end of the file"));
            };
            self.advance(next.len_utf8());
            if next == '}' {
                return Ok(out);
            }
            out.push(next);
        }
    }

    /// The inside of `/.../` and the letters behind it.
    pub(super) fn expression(&mut self) -> Result<(String, String), Wrong> {
        self.advance(1);
        let mut escaped = false;
        let end = self.rest.find(|next: char| {
            let ends = next == '\n' || next == '/' && !escaped;
            escaped = next == '\\' && !escaped;
            ends
        });
        let Some(end) = end.filter(|end| self.rest[*end..].starts_with('/')) else {
            return Err(self.expected("/ at the end of the expression", "the end of the line"));
        };
        let pattern = self.rest[..end].replace("\\/", "/");
        self.advance(end + 1);
        Ok((pattern, self.word().to_owned()))
    }

    pub(super) fn expected(&self, expected: impl Into<String>, found: impl Into<String>) -> Wrong {
        (self.line, RuleFault::Expected { expected: expected.into(), found: found.into() })
    }

    fn skip_white(&mut self) {
        let trimmed = self.rest.trim_start_matches(|next: char| next.is_ascii_whitespace());
        self.advance(self.rest.len() - trimmed.len());
    }

    fn skip_space(&mut self) -> Result<(), Wrong> {
        loop {
            self.skip_white();
            if self.rest.starts_with("//") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(end);
            } else if self.rest.starts_with("/*") {
                match self.rest.find("*/") {
                    Some(end) => self.advance(end + 2),
                    None => return Err(self.expected("*/ at the end of the comment", "the end of the file")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn word(&mut self) -> &'l str {
        let end = self.rest.find(|next| !is_word(next)).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.advance(end);
        word
    }

    fn number(&mut self) -> Result<Token, Wrong> {
        let word = self.word();
        let (digits, unit) = match word.strip_suffix("KB").map(|digits| (digits, 1024)) {
            Some(found) => found,
            None => word.strip_suffix("MB").map_or((word, 1), |digits| (digits, 1024 * 1024)),
        };
        let parsed = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        match parsed.and_then(|number: u64| number.checked_mul(unit)) {
            Some(number) => Ok(Token::Number(number)),
            None => Err(self.expected("a number such as 10, 0x1F, 4KB or 1MB", word)),
        }
    }

    fn text(&mut self) -> Result<Vec<u8>, Wrong> {
        self.advance(1);
        let mut out = Vec::new();
        loop {
            let Some(next) = self.rest.chars().next().filter(|next| *next != '\n') else {
                return Err(self.expected("\" at the end of the text", "the end of the line"));
            };
            self.advance(next.len_utf8());
            match next {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                _ => out.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            if out.len() > TEXT_BYTES_MAX {
                return Err((
                    self.line,
                    RuleFault::Limit { what: "bytes in one text", limit: TEXT_BYTES_MAX },
                ));
            }
        }
    }

    fn escape(&mut self) -> Result<u8, Wrong> {
        let escape = self.rest.chars().next().unwrap_or('\n');
        let hex = self.rest.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (byte, length) = match (escape, hex) {
            ('n', _) => (b'\n', 1),
            ('r', _) => (b'\r', 1),
            ('t', _) => (b'\t', 1),
            ('"', _) => (b'"', 1),
            ('\\', _) => (b'\\', 1),
            ('x', Some(byte)) => (byte, 3),
            _ => return Err(self.expected("one of \\n \\r \\t \\\" \\\\ \\x41", format!("\\{escape}"))),
        };
        self.advance(length);
        Ok(byte)
    }

    fn advance(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        let lines = gone.bytes().filter(|byte| *byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.rest = rest;
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

impl Token {
    /// As it is named in a sentence.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::String(name) => name.clone(),
            Self::Count(name) => name.replacen('$', "#", 1),
            Self::Number(number) => number.to_string(),
            Self::Text(_) => "a text".into(),
            Self::Sign(sign) => (*sign).into(),
            Self::End => "the end of the file".into(),
        }
    }
}
