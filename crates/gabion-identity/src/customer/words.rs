//! The words of customers' pages and letters, by language, from the files in `texts/`.

use std::sync::LazyLock;

use gabion_core::Timestamp;
use gabion_page::text::{Language, Texts, fill};
use gabion_risk::{Agent, Browser, Os};

/// English and German; other languages read English until somebody writes theirs.
static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    Texts::new(&[
        (Language::En, include_str!("../../texts/en.toml")),
        (Language::De, include_str!("../../texts/de.toml")),
    ])
});

/// The words in one language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    language: Language,
}

impl Words {
    /// In this language, or the one that stands in for it.
    pub(crate) fn new(wanted: Language) -> Self {
        let is_there = TEXTS.languages().any(|language| language == wanted);
        Self { language: if is_there { wanted } else { Language::En } }
    }

    pub(crate) fn language(self) -> Language {
        self.language
    }

    /// The text of a key.
    pub(crate) fn text(self, key: &'static str) -> &'static str {
        TEXTS.text(self.language, key)
    }

    /// The text of a key with one value in it.
    pub(crate) fn with(self, key: &'static str, name: &str, value: impl std::fmt::Display) -> String {
        fill(self.text(key), &[(name, &value.to_string())])
    }

    /// A browser and its system: `Firefox, Android`.
    pub(crate) fn agent(self, agent: &Agent) -> String {
        let browser = match agent.browser {
            Browser::Chrome => "Chrome",
            Browser::Edge => "Edge",
            Browser::Firefox => "Firefox",
            Browser::Opera => "Opera",
            Browser::Safari => "Safari",
            Browser::Samsung => "Samsung Internet",
            Browser::Other => self.text("account.some-browser"),
        };
        let system = match agent.os {
            Os::Android => "Android",
            Os::ChromeOs => "ChromeOS",
            Os::Ios => "iPhone, iPad",
            Os::Linux => "Linux",
            Os::MacOs => "Mac",
            Os::Windows => "Windows",
            Os::Other => return browser.to_owned(),
        };
        format!("{browser}, {system}")
    }

    /// A date as people of the language write it.
    pub(crate) fn date(self, at: &Timestamp) -> String {
        let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX);
        let pattern = if self.language == Language::De { "%-d.%-m.%Y" } else { "%-d %B %Y" };
        at.strftime(pattern).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(TEXTS.differences(), Vec::<String>::new());
    }

    #[test]
    fn a_language_without_texts_is_english() {
        assert_eq!(Words::new(Language::Fr).text("sign-in.title"), "Sign in");
        assert_eq!(Words::new(Language::De).text("sign-in.title"), "Anmelden");
    }

    #[test]
    fn dates_are_written_as_the_language_does() {
        let at = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(Words::new(Language::En).date(&at), "14 November 2023");
        assert_eq!(Words::new(Language::De).date(&at), "14.11.2023");
    }
}
