//! Ids of what is kept, and the small words that rows are made of.

use std::fmt;

use gabion_core::{SiteId, Timestamp};
use gabion_crypto::digest::Sha256;
use serde::{Deserialize, Serialize};

gabion_core::id!(
    /// A script of one class of pages.
    pub ScriptId, "scr"
);
gabion_core::id!(
    /// A place that pages of one class send to or load from.
    pub DestinationId, "dst"
);
gabion_core::id!(
    /// Something that became different.
    pub ChangeId, "chg"
);
gabion_core::id!(
    /// What a person decided.
    pub DecisionId, "dec"
);

/// The bits of an id that is the same whenever the same thing is seen for the first time at the same moment: writing it
/// twice changes nothing.
pub(crate) fn bits_of(at: Timestamp, parts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update_framed(part.as_bytes()));
    let digest = hash.finish();
    let random = u128::from_be_bytes(digest[..16].try_into().expect("a digest has 32 bytes"));
    let millis = u128::from(u64::try_from(at.millis()).unwrap_or(0)) & 0xffff_ffff_ffff;
    millis << 80 | (random & ((1 << 80) - 1))
}

/// As [`bits_of`], of something on a site.
pub(crate) fn site_bits(at: Timestamp, site: &SiteId, parts: &[&str]) -> u128 {
    let mut all = vec![site.as_str()];
    all.extend(parts);
    bits_of(at, &all)
}

/// What people decided about something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing yet.
    #[default]
    New,
    /// It may be there.
    Authorized,
    /// It may not.
    Denied,
}

/// A word that is none of those a column or a filter may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known word")]
pub struct UnknownWord;

/// Gives an enum its name in the database, the API and filters: the words of `serde`.
macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the database, the API and filters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::identity::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or($crate::identity::UnknownWord)
            }
        }
    };
}
pub(crate) use words;

words!(Status { New => "new", Authorized => "authorized", Denied => "denied" });

/// Who saw something: several of them, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenBy(pub(crate) u32);

impl SeenBy {
    /// In a page or file that was served.
    pub const SERVED: Self = Self(1);
    /// In a report of a browser that a policy stopped it, or would have.
    pub const REPORT: Self = Self(2);
    /// In a report of a browser that it ran.
    pub const HASH_REPORT: Self = Self(4);
    /// By a look from outside.
    pub const OUTSIDE: Self = Self(8);

    /// Whether all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether only browsers told of it: anybody can send a report.
    pub const fn is_hearsay(self) -> bool {
        self.0 & (Self::SERVED.0 | Self::OUTSIDE.0) == 0
    }

    /// The words for it.
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (Self::SERVED, "html"),
            (Self::REPORT, "report"),
            (Self::HASH_REPORT, "hash_report"),
            (Self::OUTSIDE, "outside"),
        ];
        all.iter().filter(|(who, _)| self.has(*who)).map(|(_, word)| *word).collect()
    }
}

impl fmt::Display for SeenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(", "))
    }
}

impl Serialize for SeenBy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

/// What people enter on the pages where something was seen, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entered(pub(crate) u32);

impl Entered {
    /// Of a card or bank account.
    pub const CARD: Self = Self(1);
    /// Passwords and one-time codes.
    pub const PASSWORD: Self = Self(2);
    /// Addresses of mail, telephone numbers, names, streets.
    pub const CONTACT: Self = Self(4);

    /// Whether all of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words for it.
    pub fn words(self) -> Vec<&'static str> {
        let all = [(Self::CARD, "card"), (Self::PASSWORD, "password"), (Self::CONTACT, "contact")];
        all.iter().filter(|(what, _)| self.has(*what)).map(|(_, word)| *word).collect()
    }
}

impl std::ops::BitOr for Entered {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Serialize for Entered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_has_the_same_id_and_another_site_another() {
        let at = Timestamp::from_seconds(5);
        let (tea, cake) = ("tea".parse().expect("a site"), "cake".parse().expect("a site"));
        assert_eq!(site_bits(at, &tea, &["a", "b"]), site_bits(at, &tea, &["a", "b"]));
        assert_ne!(site_bits(at, &tea, &["a", "b"]), site_bits(at, &tea, &["ab"]));
        assert_ne!(site_bits(at, &tea, &["a"]), site_bits(at, &cake, &["a"]));
        assert!(site_bits(at, &tea, &["a"]) < site_bits(Timestamp::from_seconds(6), &tea, &["a"]));
    }

    #[test]
    fn what_only_browsers_tell_is_hearsay() {
        assert!(SeenBy(6).is_hearsay());
        assert!(!SeenBy(3).is_hearsay());
        assert_eq!(SeenBy(9).words(), ["html", "outside"]);
        assert_eq!("denied".parse(), Ok(Status::Denied));
        assert_eq!("gone".parse::<Status>(), Err(UnknownWord));
    }
}
