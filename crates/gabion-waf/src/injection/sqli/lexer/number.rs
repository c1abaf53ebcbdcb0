//! Numbers and money.

use super::scan::{count_of, count_while, is_white};
use super::{Kind, Lexer, Token};

impl Lexer<'_> {
    pub(super) fn number(&mut self) -> Token {
        if let Some(token) = self.radix_number() {
            return token;
        }
        let rest = self.rest();
        let digits_from = |from: usize| from + count_while(&rest[from..], |byte| byte.is_ascii_digit());
        let mut length = digits_from(0);
        if rest.get(length) == Some(&b'.') {
            length = digits_from(length + 1);
            if length == 1 {
                return self.take(Kind::Dot, 1);
            }
        }
        let mut kind = Kind::Number;
        if let Some(b'e' | b'E') = rest.get(length) {
            let sign = matches!(rest.get(length + 1), Some(b'+' | b'-'));
            let exponent = length + 1 + usize::from(sign);
            length = digits_from(exponent);
            // `1.e` is a word.
            kind = if length == exponent { Kind::Bareword } else { Kind::Number };
        }
        // Oracle's suffixes of floating point numbers; `1fUNION` is two tokens.
        if let Some(b'd' | b'D' | b'f' | b'F') = rest.get(length)
            && rest.get(length + 1).is_none_or(|byte| is_white(*byte) || matches!(byte, b';' | b'u' | b'U'))
        {
            length += 1;
        }
        self.take(kind, length)
    }

    /// `0x1f` and `0b01`; without digits they are words.
    fn radix_number(&mut self) -> Option<Token> {
        let digits: &[u8] = match self.rest() {
            [b'0', b'x' | b'X', ..] => b"0123456789ABCDEFabcdef",
            [b'0', b'b' | b'B', ..] => b"01",
            _ => return None,
        };
        let length = count_of(&self.rest()[2..], digits);
        let kind = if length == 0 { Kind::Bareword } else { Kind::Number };
        Some(self.take(kind, length + 2))
    }

    /// Money, a string in dollar quotes, or a word that is nothing but `$`.
    pub(super) fn dollar(&mut self) -> Token {
        let amount = count_of(&self.rest()[1..], b"0123456789.,");
        match amount {
            0 => self.dollar_string().unwrap_or_else(|| self.take(Kind::Bareword, 1)),
            1 if self.peek(1) == Some(b'.') => self.word(),
            _ => self.take(Kind::Number, amount + 1),
        }
    }
}
