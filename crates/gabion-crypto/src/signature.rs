//! Public keys of others: they verify signatures here and never make any.
//!
//! Everything about a signature is public, so nothing here has to take constant time.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, EcdsaVerificationAlgorithm, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};

/// Bytes of one coordinate of a point on P-256.
pub const P256_COORDINATE_BYTES: usize = 32;

/// Bytes of an Ed25519 public key.
pub const ED25519_KEY_BYTES: usize = 32;

/// Bits of an RSA modulus at least. Below it factoring is within reach (NIST SP 800-131A).
pub const RSA_BITS_MIN: usize = 2048;

/// Bits of an RSA modulus at most. Verifying takes time with the square of it.
pub const RSA_BITS_MAX: usize = 4096;

/// Bytes of an RSA public exponent at most. 65537 has three; large ones only cost time.
pub const RSA_EXPONENT_BYTES_MAX: usize = 4;

/// Why a public key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The coordinates fulfil no equation of the curve, or are out of range.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// The modulus is even, or shorter or longer than the limits.
    #[error("the RSA modulus is not odd or not of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")]
    Modulus,
    /// The exponent is even, one, or longer than the limit.
    #[error("the RSA exponent is not an odd number from 3 to 2^32")]
    Exponent,
    /// A number has leading zeros.
    #[error("a number of the RSA key has leading zeros")]
    LeadingZeros,
    /// The cipher library does not take the key.
    #[error("the key is unusable")]
    Unusable,
}

/// A public key together with the one algorithm it is for.
#[derive(Clone)]
pub struct VerifyingKey(ParsedPublicKey);

impl VerifyingKey {
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5); signatures are DER. The point is checked to be on the curve.
    ///
    /// # Errors
    /// [`InvalidKey::NotOnCurve`].
    pub fn ecdsa_p256_sha256(
        x: &[u8; P256_COORDINATE_BYTES],
        y: &[u8; P256_COORDINATE_BYTES],
    ) -> Result<Self, InvalidKey> {
        Self::p256(x, y, &ECDSA_P256_SHA256_ASN1)
    }

    /// The same with signatures of two numbers of 32 bytes (RFC 7518 section 3.4).
    ///
    /// # Errors
    /// [`InvalidKey::NotOnCurve`].
    pub fn ecdsa_p256_sha256_fixed(
        x: &[u8; P256_COORDINATE_BYTES],
        y: &[u8; P256_COORDINATE_BYTES],
    ) -> Result<Self, InvalidKey> {
        Self::p256(x, y, &ECDSA_P256_SHA256_FIXED)
    }

    /// Ed25519 (RFC 8032). Bytes that are no point are taken, and no signature verifies with them.
    ///
    /// # Errors
    /// [`InvalidKey::Unusable`].
    pub fn ed25519(key: &[u8; ED25519_KEY_BYTES]) -> Result<Self, InvalidKey> {
        ParsedPublicKey::new(&ED25519, key).map(Self).map_err(|_| InvalidKey::Unusable)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017). Both numbers are big-endian without leading zeros.
    ///
    /// # Errors
    /// What is wrong with one of the numbers.
    pub fn rsa_pkcs1_sha256(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        Self::rsa(modulus, exponent, &RSA_PKCS1_2048_8192_SHA256)
    }

    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 8017). Both numbers as in
    /// [`rsa_pkcs1_sha256`](Self::rsa_pkcs1_sha256).
    ///
    /// # Errors
    /// What is wrong with one of the numbers.
    pub fn rsa_pss_sha256(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        Self::rsa(modulus, exponent, &RSA_PSS_2048_8192_SHA256)
    }

    /// Says whether `signature` is one of `message` by the holder of the private key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }

    fn p256(
        x: &[u8; P256_COORDINATE_BYTES],
        y: &[u8; P256_COORDINATE_BYTES],
        algorithm: &'static EcdsaVerificationAlgorithm,
    ) -> Result<Self, InvalidKey> {
        // SEC 1 section 2.3.3: an uncompressed point.
        let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
        ParsedPublicKey::new(algorithm, point).map(Self).map_err(|_| InvalidKey::NotOnCurve)
    }

    fn rsa(modulus: &[u8], exponent: &[u8], algorithm: &'static RsaParameters) -> Result<Self, InvalidKey> {
        let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
            return Err(InvalidKey::Modulus);
        };
        if *first == 0 || exponent.first() == Some(&0) {
            return Err(InvalidKey::LeadingZeros);
        }
        let bits = modulus.len() * 8 - first.leading_zeros() as usize;
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) || last % 2 == 0 {
            return Err(InvalidKey::Modulus);
        }
        let odd = exponent.last().is_some_and(|last| last % 2 == 1);
        if exponent.len() > RSA_EXPONENT_BYTES_MAX || !odd || exponent == [1] {
            return Err(InvalidKey::Exponent);
        }
        RsaPublicKeyComponents { n: modulus, e: exponent }
            .to_parsed_public_key(algorithm)
            .map(Self)
            .map_err(|_| InvalidKey::Unusable)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({:?})", self.0.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    };
    use data_encoding::HEXLOWER;

    use super::*;

    fn check(key: &VerifyingKey, signature: &[u8]) {
        assert!(key.verifies(b"message", signature));
        assert!(!key.verifies(b"massage", signature));
        assert!(!key.verifies(b"message", &signature[1..]));
        assert!(!key.verifies(b"message", &[]));
        let mut changed = signature.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        assert!(!key.verifies(b"message", &changed));
    }

    #[test]
    fn signatures_on_p256_verify() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key = VerifyingKey::ecdsa_p256_sha256(x.try_into().unwrap(), y.try_into().unwrap()).unwrap();
        check(&key, pair.sign(&SystemRandom::new(), b"message").unwrap().as_ref());
    }

    #[test]
    fn a_point_beside_the_curve_is_refused() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let mut beside: [u8; 32] = y.try_into().unwrap();
        beside[31] ^= 1;
        for (x, y) in [(x.try_into().unwrap(), beside), ([0; 32], [0; 32]), ([0xff; 32], [0xff; 32])] {
            assert_eq!(VerifyingKey::ecdsa_p256_sha256(&x, &y).unwrap_err(), InvalidKey::NotOnCurve);
        }
    }

    #[test]
    fn rfc_8032_test_1_verifies() {
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let key = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = hex(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        );
        assert!(VerifyingKey::ed25519(&key.try_into().unwrap()).unwrap().verifies(b"", &signature));
    }

    #[test]
    fn signatures_of_ed25519_verify() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = VerifyingKey::ed25519(pair.public_key().as_ref().try_into().unwrap()).unwrap();
        check(&key, pair.sign(b"message").as_ref());
    }

    #[test]
    fn signatures_of_rsa_verify_within_its_limits() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // RFC 8017 appendix A.1.1: a sequence of modulus and exponent, which is 65537.
        let n = &pair.public_key().as_ref()[9..][..256];
        let key = VerifyingKey::rsa_pkcs1_sha256(n, &[1, 0, 1]).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"message", &mut signature).unwrap();
        check(&key, &signature);

        let refuse = |n: &[u8], e: &[u8]| VerifyingKey::rsa_pkcs1_sha256(n, e).unwrap_err();
        let even = [&n[..255], &[n[255] ^ 1]].concat();
        let short = [&[0x7f], &n[1..]].concat();
        let long = [n, n, &[1]].concat();
        for modulus in [&even, &short, &long, &n[..255].to_vec(), &Vec::new()] {
            assert_eq!(refuse(modulus, &[1, 0, 1]), InvalidKey::Modulus);
        }
        for exponent in [&[][..], &[1], &[2], &[1, 0, 0, 0, 1]] {
            assert_eq!(refuse(n, exponent), InvalidKey::Exponent);
        }
        assert_eq!(refuse(&[&[0], n].concat(), &[3]), InvalidKey::LeadingZeros);
        assert_eq!(refuse(n, &[0, 3]), InvalidKey::LeadingZeros);
    }
}
