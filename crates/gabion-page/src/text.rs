//! Texts by language, from the files in `texts/`.
//!
//! Keys are `section.name`. English is complete; a text that another language lacks is shown in English.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

mod language;

pub use language::{Language, UnknownLanguage};

/// The text for a key, in this language or else in English; an unknown key is answered with itself.
#[must_use]
pub fn text(language: Language, key: &'static str) -> &'static str {
    let find = |language: Language| TEXTS.get(&language).and_then(|texts| texts.get(key));
    find(language).or_else(|| find(Language::En)).map_or(key, String::as_str)
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

static TEXTS: LazyLock<HashMap<Language, HashMap<String, String>>> =
    LazyLock::new(|| Language::ALL.into_iter().map(|language| (language, parse(source(language)))).collect());

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
    use std::collections::BTreeSet;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let english = &TEXTS[&Language::En];
        for language in Language::ALL {
            let texts = &TEXTS[&language];
            let keys = |texts: &HashMap<String, String>| texts.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(texts), keys(english), "{language}");
            for (key, text) in texts {
                assert_eq!(placeholders(text), placeholders(&english[key]), "{language} {key}");
                assert!(!text.trim().is_empty(), "{language} {key}");
            }
        }
    }

    #[test]
    fn no_text_promises_what_nobody_can_promise() {
        for (key, text) in &TEXTS[&Language::En] {
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
