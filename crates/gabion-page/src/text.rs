//! Texts by language, from the files in `texts/`.
//!
//! Keys are `section.name`. English is complete; a text that another language lacks is shown in English.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

mod language;

pub use language::{Language, UnknownLanguage};

/// The text for a key, in this language or else in English; an unknown key is answered with itself.
#[must_use]
pub fn text(language: Language, key: &'static str) -> &'static str {
    TEXTS.text(language, key)
}

/// The texts of one part of the product.
#[derive(Debug)]
pub struct Texts(HashMap<Language, HashMap<String, String>>);

impl Texts {
    /// Reads files of texts, sections of strings each.
    ///
    /// # Panics
    /// When a file is not of that form. They are built in, so the first test that shows a text finds it.
    #[must_use]
    pub fn new(files: &[(Language, &str)]) -> Self {
        Self(files.iter().map(|(language, source)| (*language, parse(source))).collect())
    }

    /// The text for a key, in this language or else in English; an unknown key is answered with itself.
    #[must_use]
    pub fn text(&self, language: Language, key: &'static str) -> &str {
        let find = |language: Language| self.0.get(&language).and_then(|texts| texts.get(key));
        find(language).or_else(|| find(Language::En)).map_or(key, String::as_str)
    }

    /// The languages there are files for.
    pub fn languages(&self) -> impl Iterator<Item = Language> {
        self.0.keys().copied()
    }

    /// What differs between the languages: keys that one lacks, placeholders that are not the same, empty texts. For a test of
    /// whoever has texts.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let Some(english) = self.0.get(&Language::En) else { return vec!["there is no English".to_owned()] };
        let mut found = Vec::new();
        for (language, texts) in &self.0 {
            let missing = english.keys().filter(|key| !texts.contains_key(*key));
            found.extend(missing.map(|key| format!("{language} lacks {key}")));
            for (key, text) in texts {
                match english.get(key) {
                    None => found.push(format!("{language} has {key}, which English lacks")),
                    Some(other) if placeholders(text) != placeholders(other) => {
                        found.push(format!("{language} {key} has other placeholders"));
                    }
                    Some(_) if text.trim().is_empty() => found.push(format!("{language} {key} is empty")),
                    Some(_) => {}
                }
            }
        }
        found
    }
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

/// Puts values in the place of `{name}`; values are taken as they are, so escape the result where it is shown.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        filled.push_str(before);
        let value = from.find('}').and_then(|close| {
            let (_, value) = values.iter().find(|(name, _)| *name == &from[1..close])?;
            Some((close, value))
        });
        rest = match value {
            Some((close, value)) => {
                filled.push_str(value);
                &from[close + 1..]
            }
            None => {
                filled.push('{');
                &from[1..]
            }
        };
    }
    filled.push_str(rest);
    filled
}

static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(&Language::ALL.map(|language| (language, source(language)))));

fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../texts/en.toml"),
        Language::De => include_str!("../texts/de.toml"),
        Language::Fr => include_str!("../texts/fr.toml"),
        Language::Es => include_str!("../texts/es.toml"),
        Language::Nl => include_str!("../texts/nl.toml"),
        Language::It => include_str!("../texts/it.toml"),
    }
}

fn parse(source: &str) -> HashMap<String, String> {
    let sections: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(source).expect("built-in texts are sections of strings, checked by a test");
    let texts = sections.into_iter().flat_map(|(section, texts)| {
        texts.into_iter().map(move |(name, text)| (format!("{section}.{name}"), text))
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        assert_eq!(TEXTS.differences(), Vec::<String>::new());
        assert_eq!(TEXTS.languages().count(), Language::ALL.len());
    }

    #[test]
    fn no_text_promises_what_nobody_can_promise() {
        for (key, text) in &TEXTS.0[&Language::En] {
            for word in ["secure", "certified", "compliant", "guarantee", "sorry"] {
                assert!(!text.to_lowercase().contains(word), "{key} says {word}");
            }
        }
    }

    #[test]
    fn a_text_is_found_by_language() {
        assert_eq!(text(Language::De, "error.again"), "Noch einmal versuchen");
        assert_eq!(text(Language::De, "no.such-key"), "no.such-key");
    }

    #[test]
    fn placeholders_are_filled_once_and_unknown_ones_stay() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(fill(text, &[("site", "{count} & Co"), ("count", "3")]), expected, "{text}");
        }
        check("{site} rests", "{count} & Co rests");
        check("{count} of {count}", "3 of 3");
        check("{other} {site", "{other} {site");
        check("{{count}}", "{3}");
        check("", "");
    }
}
