//! Why a password is refused.

use std::fmt;

use gabion_crypto::password::PASSWORD_BYTES_MAX;

use super::CHARS_MAX;

/// Why a password is refused, said so that a better one is easy to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// Too few characters.
    #[error("use at least {chars_min} characters; several words in a row are easy to remember")]
    Short {
        /// Characters of the shortest password.
        chars_min: usize,
    },
    /// Too many characters or bytes.
    #[error("use at most {CHARS_MAX} characters and {PASSWORD_BYTES_MAX} bytes")]
    Long,
    /// A kind of characters is missing that the mode demands.
    #[error("use at least one {0}")]
    Missing(Requirement),
    /// The same piece again and again.
    #[error("this repeats the same few characters; use several different words")]
    Repeated,
    /// Neighbors in the alphabet or on the keyboard.
    #[error("this follows the alphabet or the keyboard; use several different words")]
    Sequence,
    /// One of the passwords everybody tries first.
    #[error("this is a commonly used password, or one with digits added; use several different words")]
    Common,
    /// Made of the account's own name or address, or the shop's.
    #[error("this is made of your name, your address or the name of this site; use other words")]
    Expected,
    /// It is in a list of leaked passwords.
    #[error(
        "this password is in a list of leaked passwords, which are tried first; use another one everywhere"
    )]
    Leaked,
}

impl Reason {
    /// The stable name, for interfaces, events and translations.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Short { .. } => "too-short",
            Self::Long => "too-long",
            Self::Missing(Requirement::Letter) => "needs-letter",
            Self::Missing(Requirement::Lower) => "needs-small-letter",
            Self::Missing(Requirement::Upper) => "needs-capital-letter",
            Self::Missing(Requirement::Digit) => "needs-digit",
            Self::Missing(Requirement::Symbol) => "needs-symbol",
            Self::Repeated => "repeated",
            Self::Sequence => "sequence",
            Self::Common => "common",
            Self::Expected => "expected",
            Self::Leaked => "leaked",
        }
    }
}

/// A kind of characters that a mode demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// A letter of any script.
    Letter,
    /// A small letter.
    Lower,
    /// A capital letter.
    Upper,
    /// A digit.
    Digit,
    /// Anything that is neither a letter nor a digit.
    Symbol,
}

impl Requirement {
    pub(super) fn is_met(self, text: &str) -> bool {
        text.chars().any(|c| match self {
            Self::Letter => c.is_alphabetic(),
            Self::Lower => c.is_lowercase(),
            Self::Upper => c.is_uppercase(),
            Self::Digit => c.is_numeric(),
            Self::Symbol => !c.is_alphanumeric(),
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Letter => "letter",
            Self::Lower => "small letter",
            Self::Upper => "capital letter",
            Self::Digit => "digit",
            Self::Symbol => "symbol",
        })
    }
}
