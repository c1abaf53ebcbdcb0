//! Message authentication: proof that whoever wrote a text held the key.

use aws_lc_rs::{constant_time, hmac};
use gabion_core::Secret;

/// Bytes of a tag.
pub const TAG_BYTES: usize = 32;

/// A key for HMAC-SHA-256 (RFC 2104).
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Takes 32 secret bytes as the key.
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self::from_bytes(key.expose())
    }

    fn from_bytes(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag of `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; TAG_BYTES] {
        hmac::sign(&self.0, message).as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }

    /// Says whether `tag` is the tag of `message`, in time that does not depend on where they differ.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// Compares two secrets in time that depends only on their lengths.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn rfc_4231_case_2() {
        let tag = MacKey::from_bytes(b"Jefe").sign(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(HEXLOWER.encode(&tag), expected);
    }

    #[test]
    fn a_changed_message_key_or_length_is_refused() {
        let key = MacKey::new(&Secret::new([1; 32]));
        let tag = key.sign(b"message");
        assert!(key.verify(b"message", &tag));
        assert!(!key.verify(b"massage", &tag));
        assert!(!key.verify(b"message", &tag[..31]));
        assert!(!MacKey::new(&Secret::new([2; 32])).verify(b"message", &tag));
    }

    #[test]
    fn comparison_needs_equal_length_and_content() {
        assert!(constant_time_eq(b"same", b"same"));
        assert!(!constant_time_eq(b"same", b"sane"));
        assert!(!constant_time_eq(b"same", b"same "));
        assert!(constant_time_eq(b"", b""));
    }
}
