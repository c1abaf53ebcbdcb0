//! SQL injection by fingerprints of token kinds.
//!
//! An input is read as SQL might be read by a database behind a sloppy program: as it is, behind an opening single
//! quote, behind an opening double quote. Each reading is folded to at most five tokens; their kinds are a
//! fingerprint, and a table says which fingerprints are attacks.

mod fold;
mod lexer;
mod tables;
mod token;
mod verdict;

use fold::Folded;
use lexer::{Dialect, Lexer};
use token::Kind;

/// Tokens of a fingerprint.
const TOKENS_MAX: usize = 5;

/// The kinds of the tokens that gave an attack away, such as `s&1c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    kinds: [u8; TOKENS_MAX],
    length: u8,
}

impl Fingerprint {
    /// One letter or sign for each token, as libinjection writes them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.kinds[..usize::from(self.length)]
    }

    fn of(kinds: impl Iterator<Item = Kind>) -> Self {
        let mut fingerprint = Self { kinds: [0; TOKENS_MAX], length: 0 };
        for (place, kind) in fingerprint.kinds.iter_mut().zip(kinds) {
            *place = kind.letter();
            fingerprint.length += 1;
        }
        fingerprint
    }
}

/// The fingerprint of an input that would change a SQL statement.
pub fn sqli(input: &[u8]) -> Option<Fingerprint> {
    if is_one_token(input) {
        return None;
    }
    let has = |quote| memchr::memchr(quote, input).is_some();
    let single = || has(b'\'').then(|| attack_in_dialects(input, Some(b'\''))).flatten();
    // MySQL alone takes double quotes for those of a string.
    let double = || has(b'"').then(|| Reading::of(input, Some(b'"'), Dialect::MySql).attack(input)).flatten();
    attack_in_dialects(input, None).or_else(single).or_else(double)
}

/// Whether an input is one word or one number, as most are, which no fingerprint is about.
fn is_one_token(input: &[u8]) -> bool {
    match input {
        [] => true,
        [b'a'..=b'z' | b'A'..=b'Z', rest @ ..] => {
            rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        }
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

fn attack_in_dialects(input: &[u8], quote: Option<u8>) -> Option<Fingerprint> {
    let ansi = Reading::of(input, quote, Dialect::Ansi);
    let mysql = || ansi.is_dialect.then(|| Reading::of(input, quote, Dialect::MySql).attack(input)).flatten();
    ansi.attack(input).or_else(mysql)
}

/// One way to read an input.
struct Reading {
    folded: Folded,
    /// Tokens before folding.
    tokens: usize,
    /// Whether MySQL would read it otherwise.
    is_dialect: bool,
}

impl Reading {
    fn of(input: &[u8], quote: Option<u8>, dialect: Dialect) -> Self {
        let mut lexer = Lexer::new(input, quote, dialect);
        let folded = Folded::of(&mut lexer);
        Self { folded, tokens: lexer.tokens(), is_dialect: lexer.is_dialect() }
    }

    /// The fingerprint, if it is one of an attack.
    fn attack(&self, input: &[u8]) -> Option<Fingerprint> {
        let tokens = self.folded.tokens();
        let fingerprint = Fingerprint::of(tokens.iter().map(|token| token.kind));
        let is_attack = tables::is_attack(fingerprint.as_bytes())
            && !verdict::is_harmless(fingerprint.as_bytes(), tokens, self.tokens, input);
        is_attack.then_some(fingerprint)
    }
}

#[cfg(test)]
mod tests;
