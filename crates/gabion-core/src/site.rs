//! Which shop front a row, event or report belongs to.

use std::fmt;
use std::str::FromStr;

/// Bytes of the longest [`SiteId`].
pub const SITE_ID_BYTES_MAX: usize = 40;

/// The stable name of a site: lower-case letters, digits and inner hyphens, 1 to 40 bytes.
/// Taken from `[[site]] id`, or made from its `name` when no id is given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct SiteId(String);

/// A text that cannot be a site id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a site id is 1 to 40 lower-case letters, digits and inner hyphens")]
pub struct InvalidSiteId;

impl SiteId {
    /// Makes an id from a site's display name: "Tidewater Tea" becomes "tidewater-tea".
    ///
    /// # Errors
    /// When the name holds no ASCII letter or digit to make an id from.
    pub fn from_name(name: &str) -> Result<Self, InvalidSiteId> {
        let mut id = String::new();
        for c in name.chars().map(|c| c.to_ascii_lowercase()) {
            if id.len() == SITE_ID_BYTES_MAX {
                break;
            }
            if c.is_ascii_alphanumeric() {
                id.push(c);
            } else if !id.is_empty() && !id.ends_with('-') {
                id.push('-');
            }
        }
        id.trim_end_matches('-').parse()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SiteId {
    type Err = InvalidSiteId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let hyphen_outside = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > SITE_ID_BYTES_MAX || hyphen_outside || !text.bytes().all(allowed) {
            return Err(InvalidSiteId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for SiteId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<&str, InvalidSiteId>) {
        assert_eq!(SiteId::from_name(name).map(|id| id.0), expected.map(str::to_owned), "{name}");
    }

    #[test]
    fn names_become_ids() {
        check("Tidewater Tea", Ok("tidewater-tea"));
        check("  Café & Söhne GmbH ", Ok("caf-s-hne-gmbh"));
        check("a".repeat(60).as_str(), Ok("a".repeat(40).as_str()));
        check("茶", Err(InvalidSiteId));
        check("", Err(InvalidSiteId));
    }

    #[test]
    fn ids_are_strict() {
        for bad in ["", "-a", "a-", "A", "a b", "a_b", "é"] {
            assert_eq!(bad.parse::<SiteId>(), Err(InvalidSiteId), "{bad}");
        }
    }
}
