//! Customers' accounts: what they are called, and what they sign in with.

use std::fmt;
use std::str::FromStr;

use gabion_core::{SiteId, SubjectId, Timestamp};
use gabion_page::text::Language;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::CustomerError;

gabion_core::id!(
    /// A customer's account at one site.
    pub AccountId, "acc"
);

impl AccountId {
    /// The person in events and of personal values.
    pub const fn subject(self) -> SubjectId {
        SubjectId::from_bits(self.bits())
    }
}

/// Bytes of the longest address, RFC 5321 section 4.5.3.1.3.
pub const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of the part before the `@`, RFC 5321 section 4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;
/// Characters of the longest name.
pub const NAME_CHARS_MAX: usize = 80;

/// An e-mail address, as it is written to, and as it is looked up.
///
/// Letters outside ASCII are taken in the domain only in their `xn--` form, as browsers write it, and not in front of the
/// `@`: an address that looks like another one's would be a way into their account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As typed, trimmed.
    written: String,
    /// In lower case.
    folded: String,
}

impl Address {
    /// The address to write to.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What stands for it in indexes and comparisons: addresses that differ in case only are the same.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.written.split_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Address {
    type Err = CustomerError;

    fn from_str(text: &str) -> Result<Self, CustomerError> {
        let written: String = text.trim().nfkc().collect();
        let refuse = || CustomerError::Field { field: "email", what: "address" };
        let (local, domain) = written.split_once('@').ok_or_else(refuse)?;
        // RFC 5322 section 3.2.3: atoms and dots. Quoted forms are legal and nobody has one.
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
        let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let fits = (1..=LOCAL_BYTES_MAX).contains(&local.len())
            && written.len() <= ADDRESS_BYTES_MAX
            && local.bytes().all(atom)
            && dots(local)
            && domain.contains('.')
            && domain.split('.').all(label);
        // What no letter can be sent to is no way back into an account.
        if !fits || written.parse::<gabion_outbound::mail::Address>().is_err() {
            return Err(refuse());
        }
        Ok(Self { folded: written.to_ascii_lowercase(), written })
    }
}

/// What somebody is called: 1 to 80 characters without control or direction characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = CustomerError;

    fn from_str(text: &str) -> Result<Self, CustomerError> {
        let name: String = text.trim().nfc().collect();
        // Unicode's bidirectional controls and zero-width characters make a name look like something else.
        let odd = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        let chars = name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&chars) || name.chars().any(odd) {
            return Err(CustomerError::Field { field: "name", what: "name" });
        }
        Ok(Self(name))
    }
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can.
    Active,
    /// Staff locked it: nobody signs in until they unlock it.
    Locked,
    /// Its holder erased it. Only the id is left, for what refers to it.
    Erased,
}

impl State {
    /// The name in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Erased => "erased",
        }
    }
}

/// A state this program does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of an account")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        [Self::Active, Self::Locked, Self::Erased]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownState)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An account, as its holder and staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// The shop front it is for.
    pub site: SiteId,
    /// Whether it can be used.
    pub state: State,
    /// The address it signs in with; none once it was erased.
    pub email: Option<String>,
    /// What its holder is called.
    pub name: Option<String>,
    /// The language of its mail.
    pub language: Language,
    /// Whether it has a password.
    pub has_password: bool,
    /// Since when it has this one.
    pub password_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody signed in to it last.
    pub signed_in_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_whatever_their_case_and_written_to_as_typed() {
        let address: Address = " Ann.Lee+tea@Tidewater.Example ".parse().expect("an address");
        assert_eq!(address.as_str(), "Ann.Lee+tea@Tidewater.Example");
        assert_eq!(address.folded(), "ann.lee+tea@tidewater.example");
        assert_eq!(address.local(), "Ann.Lee+tea");
        // Full-width letters are the same letters.
        let wide: Address = "\u{ff41}nn@tidewater.example".parse().expect("an address");
        assert_eq!(wide.folded(), "ann@tidewater.example");
    }

    #[test]
    fn addresses_that_look_like_another_are_refused() {
        let long_local = format!("{}@x.example", "a".repeat(LOCAL_BYTES_MAX + 1));
        let long_label = format!("a@{}.example", "b".repeat(64));
        for bad in [
            "",
            "ann",
            "@x.example",
            "ann@",
            "ann@localhost",
            "a@b@c.example",
            "a b@c.example",
            "\"ann\"@c.example",
            ".ann@c.example",
            "ann.@c.example",
            "a..n@c.example",
            "ann@-c.example",
            "ann@c..example",
            "\u{430}nn@tidewater.example",
            "ann@t\u{456}dewater.example",
            "ann\u{200b}@tidewater.example",
            "ann@tidewater.example\r\nBcc: all@tidewater.example",
            &long_local,
            &long_label,
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_what_they_look_like() {
        assert_eq!(" Ann Lee ".parse::<Name>().expect("a name").as_str(), "Ann Lee");
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for bad in ["", " ", "a\nb", "evil\u{202e}nnA", "a\u{200b}b", &long] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
