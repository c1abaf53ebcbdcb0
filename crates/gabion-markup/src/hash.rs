//! What a script says, as policies and pages name it.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use gabion_crypto::digest;
use serde::Serialize;

/// The SHA-256 of a script's text. Its text form is that of policies and of `integrity`: `sha256-` and base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct ContentHash([u8; digest::SHA256_BYTES]);

/// The text is no `sha256-` hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sha256 hash in base64")]
pub struct NotAHash;

impl ContentHash {
    /// The hash of `text`.
    pub fn of(text: &[u8]) -> Self {
        Self(digest::sha256(text))
    }

    /// The hash that `digest` comes to.
    pub fn finish(digest: digest::Sha256) -> Self {
        Self(digest.finish())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

impl FromStr for ContentHash {
    type Err = NotAHash;

    /// Takes both alphabets of base64, as policies do (CSP level 3, section 2.3.1).
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let (algorithm, value) = text.split_once('-').ok_or(NotAHash)?;
        if !algorithm.eq_ignore_ascii_case("sha256") {
            return Err(NotAHash);
        }
        let url_safe = value.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let bytes = BASE64URL_NOPAD.decode(url_safe.as_bytes()).map_err(|_| NotAHash)?;
        bytes.try_into().map(Self).map_err(|_| NotAHash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_that_of_policies() {
        let hash = ContentHash::of(b"alert(1)");
        assert_eq!(hash.to_string(), "sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("SHA256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF-pI".parse(), Ok(hash));
        for text in ["sha384-bhHH", "sha256-bhHH", "sha256", "sha256-*"] {
            assert_eq!(text.parse::<ContentHash>(), Err(NotAHash), "{text}");
        }
    }
}
