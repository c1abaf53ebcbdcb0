//! Letters to a shop's customers: text first, and the same as simple HTML.
//!
//! The HTML is one file: no picture, no script, nothing from elsewhere, and nothing that tells whether it was read. It
//! follows the reader's light or dark mode where the mail program does.

use std::fmt;
use std::str::FromStr;

use askama::Template;

use crate::text::{Language, fill, text};

/// The mark under which a plain text says what is only a note, as mail programs know it.
const SIGNATURE: &str = "-- ";

/// The brightness, of 255, from which black is read better on a color than white.
const BRIGHT: u32 = 140;

/// A color of a shop, such as `#0f5f57`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// A text that is no color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a color is # and six hexadecimal digits, such as #0f5f57")]
pub struct InvalidColor;

impl Default for Color {
    fn default() -> Self {
        Self([0x0f, 0x5f, 0x57])
    }
}

impl Color {
    /// Black or white, whichever is read better on it.
    fn on(self) -> &'static str {
        let [red, green, blue] = self.0.map(u32::from);
        // Perceived brightness by ITU-R BT.601.
        let brightness = (299 * red + 587 * green + 114 * blue) / 1000;
        if brightness >= BRIGHT { "#000000" } else { "#ffffff" }
    }
}

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(InvalidColor)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidColor);
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).map_err(|_| InvalidColor)?.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A part of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// A code to be typed or copied, on a line of its own.
    Code(String),
    /// What to open: a label and a whole address. The text shows the address.
    Link(String, String),
    /// Facts, each with its name: when, where from.
    Facts(Vec<(String, String)>),
}

/// What a letter says, before it is written.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Language of the words around it; the parts are in it already.
    pub language: Language,
    /// Name of the shop.
    pub shop: &'a str,
    /// Color of the shop.
    pub color: Color,
    /// Its subject, which is also its heading.
    pub subject: &'a str,
    /// What it says, in order.
    pub parts: &'a [Part],
}

/// A letter, written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// For readers of text.
    pub text: String,
    /// For readers of HTML: the same words.
    pub html: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Page<'a> {
    language: Language,
    shop: &'a str,
    color: String,
    on_color: &'static str,
    subject: &'a str,
    parts: &'a [Part],
    why: &'a str,
}

impl Draft<'_> {
    /// Writes it, both ways.
    ///
    /// # Panics
    /// Never: the built-in template draws every draft.
    #[must_use]
    pub fn write(&self) -> Written {
        let why = fill(text(self.language, "letter.why"), &[("shop", self.shop)]);
        let page = Page {
            language: self.language,
            shop: self.shop,
            color: self.color.to_string(),
            on_color: self.color.on(),
            subject: self.subject,
            parts: self.parts,
            why: &why,
        };
        let html = page.render().expect("the built-in template draws every draft");
        Written { text: self.text(&why), html }
    }

    fn text(&self, why: &str) -> String {
        let mut text = String::new();
        for part in self.parts {
            text.push_str(&match part {
                Part::Text(paragraph) => paragraph.clone(),
                Part::Code(code) => format!("    {code}"),
                Part::Link(label, href) => format!("{label}:\n{href}"),
                Part::Facts(facts) => facts
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect::<Vec<_>>()
                    .join("\n"),
            });
            text.push_str("\n\n");
        }
        format!("{text}{SIGNATURE}\n{}\n{why}\n", self.shop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(language: Language, parts: &[Part]) -> Written {
        Draft { language, shop: "Müller & Töchter", color: Color::default(), subject: "Your <code>", parts }
            .write()
    }

    fn parts() -> Vec<Part> {
        vec![
            Part::Text("Hello Ann,".to_owned()),
            Part::Code("123456".to_owned()),
            Part::Link("Sign in".to_owned(), "https://shop.example/in?a=1&b=\"2\"".to_owned()),
            Part::Facts(vec![
                ("When".to_owned(), "12:00 UTC".to_owned()),
                ("From".to_owned(), "<b>".to_owned()),
            ]),
        ]
    }

    #[test]
    fn the_text_has_every_word_in_order() {
        assert_eq!(
            draft(Language::En, &parts()).text,
            "Hello Ann,\n\n    123456\n\nSign in:\nhttps://shop.example/in?a=1&b=\"2\"\n\nWhen: 12:00 UTC\nFrom: <b>\n\n\
             -- \nMüller & Töchter\nYou receive this because your address was given at Müller & Töchter.\n"
        );
    }

    #[test]
    fn the_html_says_the_same_and_fetches_nothing() {
        let html = draft(Language::De, &parts()).html;
        for words in [
            "Hello Ann,",
            "123456",
            "Sign in",
            "12:00 UTC",
            "Müller &#38; Töchter",
            "lang=\"de\"",
            "Your &#60;code&#62;",
        ] {
            assert!(html.contains(words), "{words} in {html}");
        }
        assert!(html.contains("&#60;b&#62;") && !html.contains("<b>"), "{html}");
        assert!(html.contains("prefers-color-scheme: dark"));
        for tag in ["<img", "<script", "<link", "<iframe", "src=", "url(", "@import", "<form"] {
            assert!(!html.contains(tag), "{tag} in {html}");
        }
        assert_eq!(html.matches("https://").count(), 2, "the link and its address: {html}");
    }

    #[test]
    fn colors_are_six_digits_and_words_on_them_can_be_read() {
        let color = |text: &str| text.parse::<Color>();
        assert_eq!(color("#0F5f57").map(|color| color.to_string()), Ok("#0f5f57".to_owned()));
        for bad in ["", "#fff", "0f5f57", "#0f5f5g", "#0f5f57;", "#0f5f5é", "#+f5f57", "red"] {
            assert_eq!(color(bad), Err(InvalidColor), "{bad}");
        }
        assert_eq!(
            (color("#ffe08a").map(Color::on), color("#0f5f57").map(Color::on)),
            (Ok("#000000"), Ok("#ffffff"))
        );
    }
}
