//! Random secrets that are shown once and stored as SHA-256 digests: sessions, links, API keys.
//!
//! They are random enough (160 bits and more) that a plain digest cannot be searched.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use gabion_core::entropy::draw;
use gabion_core::{Entropy, Secret};
use gabion_crypto::digest::sha256;

/// What every API key begins with, so that scanners for leaked secrets can recognize one.
pub const API_KEY_PREFIX: &str = "gbk_";

/// Characters of the random part of an API key: 160 bits in base 32.
const API_KEY_CHARS: usize = 32;

/// Characters of a session or link token: 256 bits in base 64.
const TOKEN_CHARS: usize = 43;

/// A secret and its stored form.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Shown once, to the person it is for.
    pub(crate) secret: Secret<String>,
    /// What the database keeps.
    pub(crate) digest: [u8; 32],
}

impl Token {
    /// A new token for a session's cookie or a one-time link.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self::from_text(BASE64URL_NOPAD.encode(&draw::<32>(entropy)))
    }

    /// A new API key.
    pub(crate) fn api_key(entropy: &dyn Entropy) -> Self {
        let random = BASE32_NOPAD.encode(&draw::<20>(entropy)).to_ascii_lowercase();
        Self::from_text(format!("{API_KEY_PREFIX}{random}"))
    }

    fn from_text(text: String) -> Self {
        Self { digest: sha256(text.as_bytes()), secret: Secret::new(text) }
    }
}

/// The stored form of a token somebody presents; none for a text that cannot be one.
pub(crate) fn digest_of(text: &str) -> Option<[u8; 32]> {
    let fits =
        text.len() == TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    fits.then(|| sha256(text.as_bytes()))
}

/// The stored form of an API key somebody presents; none for a text that cannot be one.
pub(crate) fn api_key_digest_of(text: &str) -> Option<[u8; 32]> {
    let random = text.strip_prefix(API_KEY_PREFIX)?;
    let fits =
        random.len() == API_KEY_CHARS && random.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    fits.then(|| sha256(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use gabion_test::SeededEntropy;

    use super::*;

    #[test]
    fn own_tokens_are_recognized_by_their_digest() {
        let entropy = SeededEntropy::new(1);
        let (token, key) = (Token::new(&entropy), Token::api_key(&entropy));
        assert_eq!(digest_of(token.secret.expose()), Some(token.digest));
        assert_eq!(api_key_digest_of(key.secret.expose()), Some(key.digest));
        assert!(key.secret.expose().starts_with("gbk_") && key.secret.expose().len() == 36);
    }

    #[test]
    fn texts_that_cannot_be_tokens_are_not_looked_up() {
        for bad in ["", "gbk_", "short", &"x".repeat(44), &"!".repeat(43)] {
            assert_eq!(digest_of(bad), None, "{bad}");
            assert_eq!(api_key_digest_of(bad), None, "{bad}");
        }
        assert_eq!(api_key_digest_of(&format!("gbk_{}", "A".repeat(32))), None);
    }
}
