//! What the fuzzer holds against this crate's parsers. The seeds in `fuzz/seeds` run as tests.

use crate::jwk::{Algorithm, PublicKey};
use crate::jws::Unverified;
use crate::password::legacy::{ARGON2_MEMORY_KIB_MAX, LEGACY_HASH_BYTES_MAX};
use crate::password::{LegacyFormat, LegacyHash, PasswordHash};

/// The point of RFC 7515 appendix A.3, whose private key is as public.
const OUR_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// An imported hash is taken by its name as by its looks, within its length; a stored one reads as it was written, and
/// asks for no more memory than the limit.
pub fn legacy_hash(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(hash) = LegacyHash::parse(text, None, None) {
        assert!(text.len() <= LEGACY_HASH_BYTES_MAX);
        assert!(!hash.format().needs_salt());
        assert!(LegacyHash::parse(text, Some(hash.format()), None).is_ok());
    }
    for format in LegacyFormat::ALL.into_iter().filter(|format| format.needs_salt()) {
        assert!(LegacyHash::parse(text, Some(format), None).is_err());
        if let Ok(hash) = LegacyHash::parse(text, Some(format), Some("salt")) {
            assert_eq!(hash.format(), format);
        }
    }
    let (salt, tag) = ("A".repeat(22), "A".repeat(43));
    let stored = format!("$argon2id-hmac$v=19$m=19456,t=2,p=1,k=1${salt}${tag}${text}");
    if let Ok(hash) = stored.parse::<PasswordHash>() {
        assert_eq!(hash.to_string(), stored);
        assert!(hash.memory_kib() <= ARGON2_MEMORY_KIB_MAX);
    }
}

/// A token is written in one way, verifies with no key that signed nothing, and with its own key is what it says.
pub fn jws(bytes: &[u8]) {
    let Ok(token) = str::from_utf8(bytes) else { return };
    let Ok(unverified) = Unverified::parse(token) else { return };
    assert_eq!(token.matches('.').count(), 2);
    let ours = PublicKey::parse(OUR_KEY.as_bytes()).expect("our key is one");
    let key_id = unverified.key_id().map(str::to_owned);
    if let Ok(verified) = unverified.verify(&ours, None) {
        assert_eq!(verified.header()["alg"], "ES256");
        assert_eq!(verified.header().get("kid").and_then(|kid| kid.as_str()), key_id.as_deref());
        assert!(!verified.header().contains_key("jwk"));
    }
    let again = Unverified::parse(token).expect("it was read before");
    if let Ok((verified, key)) = again.verify_embedded("dpop+jwt", &Algorithm::ALL) {
        assert_eq!(verified.header()["alg"], key.algorithm().as_str());
        assert!(verified.header()["jwk"].get("d").is_none());
    }
}

/// A key that is taken is written as a key that is the same.
pub fn jwk(bytes: &[u8]) {
    if let Ok(key) = PublicKey::parse(bytes) {
        let written = key.to_jwk().to_string();
        let again = PublicKey::parse(written.as_bytes()).expect("our own writing reads");
        assert_eq!((again.thumbprint(), again.algorithm()), (key.thumbprint(), key.algorithm()));
        assert!(!key.verifies(b"nobody signed this", b""));
    }
}

#[cfg(test)]
mod tests {
    use gabion_test::seeds;

    #[test]
    fn legacy_hash_seeds_hold() {
        seeds::each("legacy_hash", super::legacy_hash);
    }

    #[test]
    fn jws_seeds_hold() {
        seeds::each("jws", super::jws);
    }

    #[test]
    fn jwk_seeds_hold() {
        seeds::each("jwk", super::jwk);
    }
}
