//! What a page is for: it decides how closely it is watched and what it may run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Rules of one site that are kept.
pub const CLASS_RULES_MAX: usize = 200;
/// Bytes of the path of a rule.
pub const CLASS_PATH_BYTES_MAX: usize = 256;

/// What a page is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageClass {
    /// Where people pay, or are led to where they pay: every serving is watched.
    Payment,
    /// Where people say who they are.
    SignIn,
    /// Where people see or change what is known of them.
    Account,
    /// Anything else.
    #[default]
    Other,
}

/// The text names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a page is one of payment, sign_in, account, other")]
pub struct NotAClass;

/// Which pages are of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRule {
    /// Which paths.
    pub path: PathRule,
    /// What they are for.
    pub class: PageClass,
}

/// Paths: one, or everything below one when it ends with `/*`; `*` alone as a segment is any one segment. Compared as the
/// shop gets them, without the query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathRule(String);

/// The text is no path of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path begins with /, has no ?, # or spaces, and at most 256 bytes")]
pub struct NotAPathRule;

impl PageClass {
    /// All of them, the most watched first.
    pub const ALL: [Self; 4] = [Self::Payment, Self::SignIn, Self::Account, Self::Other];

    /// The name in settings, the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::SignIn => "sign_in",
            Self::Account => "account",
            Self::Other => "other",
        }
    }

    /// The class of `path` by the first rule that fits; [`PageClass::Other`] when none does.
    pub fn of(path: &str, rules: &[ClassRule]) -> Self {
        rules.iter().find(|rule| rule.path.fits(path)).map_or(Self::Other, |rule| rule.class)
    }
}

impl fmt::Display for PageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PageClass {
    type Err = NotAClass;

    fn from_str(text: &str) -> Result<Self, NotAClass> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(NotAClass)
    }
}

impl PathRule {
    /// Whether `path` is one of them.
    pub fn fits(&self, path: &str) -> bool {
        let (rule, below) = match self.0.strip_suffix("/*") {
            Some(start) => (start, true),
            None => (self.0.as_str(), false),
        };
        let mut parts = path.trim_end_matches('/').split('/');
        for wanted in rule.trim_end_matches('/').split('/') {
            match parts.next() {
                Some(part) if wanted == "*" || wanted == part => {}
                _ => return false,
            }
        }
        below || parts.next().is_none()
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathRule {
    type Err = NotAPathRule;

    fn from_str(text: &str) -> Result<Self, NotAPathRule> {
        let plain = text.bytes().all(|byte| byte > b' ' && byte != 0x7f && !matches!(byte, b'?' | b'#'));
        let fits = text.starts_with('/') && plain && text.len() <= CLASS_PATH_BYTES_MAX;
        fits.then(|| Self(text.to_owned())).ok_or(NotAPathRule)
    }
}

impl TryFrom<String> for PathRule {
    type Error = NotAPathRule;

    fn try_from(text: String) -> Result<Self, NotAPathRule> {
        text.parse()
    }
}

impl From<PathRule> for String {
    fn from(rule: PathRule) -> Self {
        rule.0
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, class: PageClass) -> ClassRule {
        ClassRule { path: path.parse().expect("a path"), class }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = [
            rule("/checkout/thanks", PageClass::Other),
            rule("/checkout/*", PageClass::Payment),
            rule("/*/login", PageClass::SignIn),
            rule("/cart", PageClass::Payment),
        ];
        for (path, class) in [
            ("/checkout/thanks", PageClass::Other),
            ("/checkout", PageClass::Payment),
            ("/checkout/", PageClass::Payment),
            ("/checkout/pay/card", PageClass::Payment),
            ("/checkouts", PageClass::Other),
            ("/de/login", PageClass::SignIn),
            ("/de/at/login", PageClass::Other),
            ("/cart/", PageClass::Payment),
            ("/cart/x", PageClass::Other),
            ("/", PageClass::Other),
        ] {
            assert_eq!(PageClass::of(path, &rules), class, "{path}");
        }
        assert_eq!(PageClass::of("/anything", &[rule("/*", PageClass::Account)]), PageClass::Account);
        assert_eq!(PageClass::of("/", &[rule("/", PageClass::Account)]), PageClass::Account);
        assert_eq!(PageClass::of("/anything", &[rule("/", PageClass::Account)]), PageClass::Other);
    }

    #[test]
    fn a_path_of_a_rule_is_plain() {
        for text in ["", "checkout", "/a b", "/a?b", "/a#b", &format!("/{}", "a".repeat(256))] {
            assert_eq!(text.parse::<PathRule>(), Err(NotAPathRule), "{text}");
        }
    }
}
