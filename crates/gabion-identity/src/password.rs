//! Which passwords are accepted: NIST SP 800-63B-4 section 3.1.1.2, where the password is the only factor.
//!
//! At least 15 characters, any characters, no composition rules, no expiry; the whole password is compared with
//! what people commonly choose and with words of its own context, and the reason is told.

use gabion_core::Secret;
use gabion_crypto::password::PASSWORD_BYTES_MAX;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Characters (Unicode code points after normalization) of the shortest password.
pub const PASSWORD_CHARS_MIN: usize = 15;

/// Common passwords and phrases, lower case, letters and digits only, one per line.
const COMMON: &str = include_str!("../common-passwords.txt");

/// Letters of the shortest context word: shorter ones would be found in anything.
const CONTEXT_CHARS_MIN: usize = 3;

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too few characters.
    #[error("use at least {PASSWORD_CHARS_MIN} characters; several words in a row are easy to remember")]
    Short,
    /// Too many bytes.
    #[error("use at most {PASSWORD_BYTES_MAX} bytes")]
    Long,
    /// The same piece again and again.
    #[error("this repeats the same few characters; use several different words")]
    Repeated,
    /// Neighbors in the alphabet or on the keyboard.
    #[error("this follows the alphabet or the keyboard; use several different words")]
    Sequence,
    /// One of the passwords everybody tries first.
    #[error("this is a commonly used password, or one with digits added; use several different words")]
    Common,
    /// Made of the account's own name, address or the product's name.
    #[error("this is made of your name, your address or the name of this product; use other words")]
    Context,
}

impl Weakness {
    /// The name of the reason for programs and texts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
            Self::Repeated => "repeated",
            Self::Sequence => "sequence",
            Self::Common => "common",
            Self::Context => "context",
        }
    }
}

/// A password somebody chose, accepted by the policy and normalized.
#[derive(Clone, Debug)]
pub struct NewPassword(Secret<String>);

impl NewPassword {
    /// Accepts `chosen` or says why not. `context` holds what is known about the person: address, name.
    ///
    /// # Errors
    /// [`Weakness`].
    pub fn accept(chosen: &Secret<String>, context: &[&str]) -> Result<Self, Weakness> {
        if chosen.expose().len() > PASSWORD_BYTES_MAX {
            return Err(Weakness::Long);
        }
        let normal = normalize(chosen);
        if normal.expose().chars().count() < PASSWORD_CHARS_MIN {
            return Err(Weakness::Short);
        }
        if normal.expose().len() > PASSWORD_BYTES_MAX {
            return Err(Weakness::Long);
        }
        let plain = Zeroizing::new(plain(normal.expose()));
        if repeats(normal.expose()) || repeats(&plain) {
            return Err(Weakness::Repeated);
        }
        if is_sequence(&plain) {
            return Err(Weakness::Sequence);
        }
        let core = core(&plain);
        if COMMON.lines().any(|common| common == *plain || common == core) {
            return Err(Weakness::Common);
        }
        if !core.is_empty() && made_of(core, &context_words(context)) {
            return Err(Weakness::Context);
        }
        Ok(Self(normal))
    }

    /// The normalized password.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }

    /// The same, for whoever hashes it.
    pub fn into_secret(self) -> Secret<String> {
        self.0
    }
}

/// The form in which passwords are hashed and checked: Unicode NFC, so that the same letters typed on another
/// machine are the same password.
pub fn normalize(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().nfc().collect())
}

/// Lower-case letters and digits only.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What remains without digits at both ends.
fn core(plain: &str) -> &str {
    plain.trim_matches(|c: char| c.is_numeric())
}

/// Whether the whole text is one piece of at most half its length, repeated (the last time perhaps cut).
fn repeats(text: &str) -> bool {
    let chars = Zeroizing::new(text.chars().map(u32::from).collect::<Vec<u32>>());
    (1..=chars.len() / 2).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// Whether the text is cut from the alphabet, the digits or rows of a keyboard, forwards or backwards.
fn is_sequence(plain: &str) -> bool {
    const ROWS: [&str; 4] = [
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "0123456789012345678901234567890123456789",
        "1234567890qwertyuiopasdfghjklzxcvbnm1234567890qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnmqwertzuiopasdfghjklyxcvbnm",
    ];
    let backwards = Zeroizing::new(plain.chars().rev().collect::<String>());
    !plain.is_empty() && ROWS.iter().any(|row| row.contains(plain) || row.contains(&**backwards))
}

fn context_words(context: &[&str]) -> Vec<String> {
    let pieces = context.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let whole = context.iter().copied();
    let words = pieces.chain(whole).chain(["gabion", "password", "admin", "owner", "shop"]);
    words.map(plain).filter(|word| word.chars().count() >= CONTEXT_CHARS_MIN).collect()
}

/// Whether `text` is nothing but context words and digits in a row.
fn made_of(text: &str, words: &[String]) -> bool {
    // reachable[n]: the first n bytes can be written with words and digits.
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for at in 0..text.len() {
        if !reachable[at] || !text.is_char_boundary(at) {
            continue;
        }
        let rest = &text[at..];
        for word in words.iter().filter(|word| rest.starts_with(word.as_str())) {
            reachable[at + word.len()] = true;
        }
        if let Some(digit) = rest.chars().next().filter(|c| c.is_numeric()) {
            reachable[at + digit.len_utf8()] = true;
        }
    }
    reachable[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(password: &str, expected: Result<(), Weakness>) {
        let context = ["ann.lee@tidewater.example", "Ann Lee"];
        let accepted = NewPassword::accept(&Secret::new(password.to_owned()), &context);
        assert_eq!(accepted.map(drop), expected, "{password}");
    }

    #[test]
    fn length_counts_characters_and_nothing_else_is_required() {
        check("kettle harbor mi", Ok(()));
        check("fjord plum kite", Ok(()));
        check("fjord plum kit", Err(Weakness::Short));
        check("茶香水路天日山川木石花鳥風月雪", Ok(()));
        check("茶香水路天日", Err(Weakness::Short));
        check(&"ab1 ".repeat(300), Err(Weakness::Long));
        check("no digits or capitals needed", Ok(()));
    }

    #[test]
    fn decomposed_letters_count_once() {
        check("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", Err(Weakness::Short));
        let composed = Secret::new("fj\u{f6}rd plum kites".to_owned());
        let decomposed = Secret::new("fjo\u{308}rd plum kites".to_owned());
        assert_eq!(normalize(&composed).expose(), normalize(&decomposed).expose());
    }

    #[test]
    fn what_everybody_tries_first_is_refused_with_the_reason() {
        check("passwordpassword", Err(Weakness::Repeated));
        check("aaaaaaaaaaaaaaaa", Err(Weakness::Repeated));
        check("Abc-Abc-Abc-Abc-", Err(Weakness::Repeated));
        check("123456789012345", Err(Weakness::Sequence));
        check("abcdefghijklmnop", Err(Weakness::Sequence));
        check("qwertyuiopasdfgh", Err(Weakness::Sequence));
        check("poiuytrewq098765", Err(Weakness::Sequence));
        check("correct horse battery staple", Err(Weakness::Common));
        check("Password1234567!", Err(Weakness::Common));
        check("1q2w3e4r5t6y7u8i", Err(Weakness::Common));
    }

    #[test]
    fn words_of_the_context_are_refused_when_nothing_else_is_there() {
        check("ann.lee@tidewater.example", Err(Weakness::Context));
        check("gabion-tidewater-2024", Err(Weakness::Context));
        check("LeeAnnTidewater1", Err(Weakness::Context));
        check("tidewater kettle morning", Ok(()));
        check("8361 5920 4471 2093", Ok(()));
    }
}
