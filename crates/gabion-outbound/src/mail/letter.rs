//! What is written to somebody.

use gabion_core::{SiteId, SubjectId, Timestamp};

use super::Address;

/// Bytes of the longest subject. Longer ones are refused: nobody reads so far.
pub const SUBJECT_BYTES_MAX: usize = 300;

/// Bytes of the longest text. Longer ones are refused. With [`HTML_BYTES_MAX`] it fits into a message of the outbox.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;

/// Bytes of the longest HTML. Longer ones are refused.
pub const HTML_BYTES_MAX: usize = 48 * 1024;

/// Bytes of the longest kind.
const KIND_BYTES_MAX: usize = 40;

/// Bytes of the longest language tag.
const LANGUAGE_BYTES_MAX: usize = 35;

/// A letter to one person: text, and the same as HTML where there is some. Built with checks; what is built can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub(crate) kind: String,
    pub(crate) to: Address,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    pub(crate) language: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) person: Option<SubjectId>,
    pub(crate) site: Option<SiteId>,
}

/// A part of a letter that cannot be sent. What it says is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLetter {
    /// Empty, longer than [`SUBJECT_BYTES_MAX`], or with a line break or another control character.
    #[error("a letter's subject is one line of 1 to {SUBJECT_BYTES_MAX} bytes without control characters")]
    Subject,
    /// Empty, longer than [`TEXT_BYTES_MAX`], or with control characters other than line breaks and tabs.
    #[error("a letter's text has 1 to {TEXT_BYTES_MAX} bytes without control characters")]
    Text,
    /// As the text, with [`HTML_BYTES_MAX`].
    #[error("a letter's HTML has 1 to {HTML_BYTES_MAX} bytes without control characters")]
    Html,
    /// Not a word in lower case, as `sign_in.code`.
    #[error("a letter's kind is 1 to 40 lower-case letters, digits, dots and underscores")]
    Kind,
    /// No language tag, as `en` or `pt-BR`.
    #[error("a letter's language is a tag such as en or pt-BR")]
    Language,
}

impl Letter {
    /// A letter in English without HTML, which never expires. `kind` is what events and metrics call it, such as
    /// `sign_in.code`; it never holds anything personal.
    ///
    /// # Errors
    /// [`InvalidLetter`] names the part that cannot be sent.
    pub fn new(kind: &str, to: Address, subject: &str, text: &str) -> Result<Self, InvalidLetter> {
        let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'_';
        let checks = [
            (is_within(kind, KIND_BYTES_MAX) && kind.bytes().all(lower), InvalidLetter::Kind),
            (is_within(subject, SUBJECT_BYTES_MAX) && is_line(subject), InvalidLetter::Subject),
            (is_within(text, TEXT_BYTES_MAX) && is_text(text), InvalidLetter::Text),
        ];
        if let Some((_, wrong)) = checks.into_iter().find(|(good, _)| !good) {
            return Err(wrong);
        }
        Ok(Self {
            kind: kind.to_owned(),
            to,
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: None,
            language: "en".to_owned(),
            expires_at: None,
            person: None,
            site: None,
        })
    }

    /// Adds the same as HTML, for readers that show it.
    ///
    /// # Errors
    /// [`InvalidLetter::Html`].
    pub fn html(self, html: &str) -> Result<Self, InvalidLetter> {
        let good = is_within(html, HTML_BYTES_MAX) && is_text(html);
        if good { Ok(Self { html: Some(html.to_owned()), ..self }) } else { Err(InvalidLetter::Html) }
    }

    /// Says what language it is in, as `de`.
    ///
    /// # Errors
    /// [`InvalidLetter::Language`].
    pub fn language(self, tag: &str) -> Result<Self, InvalidLetter> {
        let good =
            is_within(tag, LANGUAGE_BYTES_MAX) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if good { Ok(Self { language: tag.to_owned(), ..self }) } else { Err(InvalidLetter::Language) }
    }

    /// Has it dropped, with an event, when it could not be sent before `at`: a code that no longer counts helps nobody.
    #[must_use]
    pub fn expires_at(self, at: Timestamp) -> Self {
        Self { expires_at: Some(at), ..self }
    }

    /// Says whose letter it is. Events about it then hold the address, under that person's key; without, they hold none.
    #[must_use]
    pub fn person(self, person: SubjectId) -> Self {
        Self { person: Some(person), ..self }
    }

    /// Says which site it comes from.
    #[must_use]
    pub fn site(self, site: &SiteId) -> Self {
        Self { site: Some(site.clone()), ..self }
    }
}

fn is_within(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len())
}

/// One line: nothing that a mail program could take for the end of a header.
fn is_line(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn is_text(text: &str) -> bool {
    let without_breaks = text.replace("\r\n", "\n");
    !without_breaks.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(subject: &str, text: &str) -> Result<Letter, InvalidLetter> {
        Letter::new("sign_in.code", "ann@shop.example".parse().expect("an address"), subject, text)
    }

    #[test]
    fn subjects_are_one_line() {
        for good in ["Your code", "Ihr Code für Müllers Tee ☕", &"x".repeat(SUBJECT_BYTES_MAX)] {
            assert!(letter(good, "x").is_ok(), "{good}");
        }
        for bad in [
            "",
            "Your code\r\nBcc: bob@shop.example",
            "a\nb",
            "a\rb",
            "a\0b",
            "a\u{85}b",
            "a\u{2028}b",
            &"x".repeat(SUBJECT_BYTES_MAX + 1),
        ] {
            assert_eq!(letter(bad, "x"), Err(InvalidLetter::Subject), "{bad:?}");
        }
    }

    #[test]
    fn texts_are_bounded_and_lines_may_end_either_way() {
        for good in ["one\ntwo", "one\r\ntwo\ttab", &"x".repeat(TEXT_BYTES_MAX)] {
            assert!(letter("x", good).is_ok(), "{good:?}");
        }
        for bad in ["", "a\0b", "a\u{1b}[2Jb", "a\rb", &"x".repeat(TEXT_BYTES_MAX + 1)] {
            assert_eq!(letter("x", bad), Err(InvalidLetter::Text), "{bad:?}");
        }
        let with_html = |html: &str| letter("x", "x").and_then(|letter| letter.html(html));
        assert!(with_html("<p>Hello</p>").is_ok());
        assert_eq!(with_html(&"x".repeat(HTML_BYTES_MAX + 1)), Err(InvalidLetter::Html));
    }

    #[test]
    fn kinds_and_languages_are_words() {
        let to: Address = "ann@shop.example".parse().expect("an address");
        for bad in ["", "Sign-In", "a b", "ann@shop.example", &"x".repeat(41)] {
            assert_eq!(Letter::new(bad, to.clone(), "x", "x"), Err(InvalidLetter::Kind), "{bad:?}");
        }
        let language = |tag: &str| letter("x", "x").and_then(|letter| letter.language(tag));
        assert!(language("pt-BR").is_ok());
        for bad in ["", "de\r\nBcc: x", "de_DE", &"x".repeat(36)] {
            assert_eq!(language(bad), Err(InvalidLetter::Language), "{bad:?}");
        }
    }
}
