//! Signatures that anybody can check who has the public key: Ed25519 (RFC 8032).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use gabion_core::Secret;

/// Bytes of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Takes 32 secret bytes as the seed.
    pub fn new(seed: &Secret<[u8; 32]>) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("32 bytes are a seed of Ed25519"))
    }

    /// The signature of `message`; the same message has the same.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).as_ref().try_into().expect("a signature of Ed25519 has 64 bytes")
    }

    /// What others check signatures with.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.0.public_key().as_ref().try_into().expect("a public key of Ed25519 has 32 bytes")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Says whether `signature` was made over `message` by the key that belongs to `public_key`.
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn rfc_8032_test_1() {
        let seed = HEXLOWER
            .decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .expect("hex");
        let key = SigningKey::new(&Secret::new(seed.try_into().expect("32 bytes")));
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(HEXLOWER.encode(&key.public_key()), public);
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c\
            f9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(HEXLOWER.encode(&key.sign(b"")), signature);
    }

    #[test]
    fn a_changed_message_key_or_signature_is_refused() {
        let (key, other) = (SigningKey::new(&Secret::new([1; 32])), SigningKey::new(&Secret::new([2; 32])));
        let signature = key.sign(b"message");
        assert!(verify(&key.public_key(), b"message", &signature));
        assert!(!verify(&key.public_key(), b"massage", &signature));
        assert!(!verify(&other.public_key(), b"message", &signature));
        assert!(!verify(&key.public_key(), b"message", &signature[..63]));
        assert!(!verify(b"short", b"message", &signature));
    }
}
