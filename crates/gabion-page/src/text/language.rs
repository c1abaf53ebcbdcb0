//! The languages texts exist in, and the choice between them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bytes of an `Accept-Language` header that are looked at; the rest is ignored.
const ACCEPT_BYTES_MAX: usize = 512;
/// Language ranges of one `Accept-Language` header that are looked at. Browsers send fewer than ten.
const ACCEPT_RANGES_MAX: usize = 32;

/// A language texts exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Dutch.
    Nl,
    /// Italian.
    It,
}

/// The language is not among those texts exist in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no texts in this language: use one of en, de, fr, es, nl, it")]
pub struct UnknownLanguage;

impl Language {
    /// Every language.
    pub const ALL: [Self; 6] = [Self::En, Self::De, Self::Fr, Self::Es, Self::Nl, Self::It];

    /// Reads a BCP 47 tag by its primary part, in any case: `de-AT` is German.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The primary BCP 47 tag, for `lang` attributes and `Content-Language`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Nl => "nl",
            Self::It => "it",
        }
    }

    /// Chooses the language for a customer.
    ///
    /// The site's own language wins if the customer accepts it at all; otherwise the one they like best among those
    /// that exist; otherwise the site's. Only the first 512 bytes and 32 ranges of the header count (RFC 9110 section
    /// 12.5.4).
    #[must_use]
    pub fn negotiate(site: Self, accept_language: Option<&str>) -> Self {
        let ranges = accepted(accept_language.unwrap_or_default());
        // An exact range says more than the wildcard.
        let quality = |tag: &str| ranges.iter().find(|(range, _)| *range == tag).map(|(_, quality)| *quality);
        let wish = |language: Self| quality(language.tag()).or_else(|| quality("*")).unwrap_or(0);
        if ranges.is_empty() || wish(site) > 0 {
            return site;
        }
        let available = ranges.iter().filter(|(_, quality)| *quality > 0);
        // Of equal wishes the one named first wins, so the list is walked backwards.
        let best = available.rev().filter_map(|(range, quality)| Some((Self::parse(range)?, quality)));
        best.max_by_key(|(_, quality)| **quality).map_or(site, |(language, _)| language)
    }
}

/// Primary tags in lower case with their quality in thousandths; the best one where a tag repeats (`en-GB`, `en`).
fn accepted(header: &str) -> Vec<(String, u16)> {
    let end = header.floor_char_boundary(ACCEPT_BYTES_MAX);
    let mut ranges: Vec<(String, u16)> = Vec::new();
    for part in header[..end].split(',').take(ACCEPT_RANGES_MAX) {
        let mut fields = part.split(';').map(str::trim);
        let range = fields.next().unwrap_or_default();
        let primary = range.split('-').next().unwrap_or_default().to_ascii_lowercase();
        if primary.is_empty() {
            continue;
        }
        let quality = fields.find_map(|field| field.strip_prefix("q=")).map_or(1000, thousandths);
        match ranges.iter_mut().find(|(known, _)| *known == primary) {
            Some((_, known)) => *known = quality.max(*known),
            None => ranges.push((primary, quality)),
        }
    }
    ranges
}

/// Reads `0.8` as 800. What cannot be read counts as not wished.
fn thousandths(quality: &str) -> u16 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "0" if digits => format!("{fraction:0<3}").parse().unwrap_or(0),
        "1" => 1000,
        _ => 0,
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(tag: &str) -> Result<Self, UnknownLanguage> {
        Self::parse(tag).ok_or(UnknownLanguage)
    }
}

impl TryFrom<String> for Language {
    type Error = UnknownLanguage;

    fn try_from(tag: String) -> Result<Self, UnknownLanguage> {
        tag.parse()
    }
}

impl From<Language> for &'static str {
    fn from(language: Language) -> Self {
        language.tag()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_read_by_their_primary_part() {
        for (tag, expected) in [
            ("de", Some(Language::De)),
            ("de-AT", Some(Language::De)),
            ("FR-ca", Some(Language::Fr)),
            ("nl_BE", Some(Language::Nl)),
            ("deu", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(Language::parse(tag), expected, "{tag}");
        }
    }

    #[test]
    fn the_site_comes_first_unless_the_customer_asks_for_another() {
        #[track_caller]
        fn check(site: Language, header: &str, expected: Language) {
            assert_eq!(Language::negotiate(site, Some(header)), expected, "{site}, {header}");
        }
        use Language::{De, En, Fr};
        check(De, "en,de;q=0.1", De);
        check(De, "en-US,en;q=0.9", En);
        check(De, "ja", De);
        check(De, "ja,*;q=0.1", De);
        check(De, "fr,de;q=0", Fr);
        check(De, "fr;q=0.5,en;q=0.5", Fr);
        check(De, "fr;q=0.5,en;q=0.501", En);
        check(De, "*;q=0.5,de;q=0,en", En);
        check(De, "en;q=x", De);
        check(De, "en;q=0.0001, fr", Fr);
        check(De, " , ;;, EN-gb ; q=0.8", En);
        check(De, "", De);
        assert_eq!(Language::negotiate(Fr, None), Fr);
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(header in "\\PC*") {
            let chosen = Language::negotiate(Language::Es, Some(&header));
            prop_assert!(Language::ALL.contains(&chosen));
        }
    }
}
