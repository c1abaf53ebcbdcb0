//! Encryption of single values: a version byte, then the ciphertext with its tag.
//!
//! Two forms, told apart by the version byte:
//! - [`seal_once`]: AES-256-GCM with a fixed nonce under a key made for this one plaintext. Nonces cannot repeat
//!   because keys do not.
//! - [`wrap`]: AES-256-GCM-SIV (RFC 8452) with a random nonce, for one key that wraps many keys. A cloned or
//!   restored machine can repeat its random numbers; SIV then reveals only that two plaintexts were equal.
//!
//! `context` is authenticated with the value and must be given again to open it. Bind table, row and column
//! with [`context`], so that a value copied into another row does not open there.

use aws_lc_rs::aead::{
    AES_256_GCM, AES_256_GCM_SIV, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use gabion_core::entropy::draw;
use gabion_core::{Entropy, Secret};
use zeroize::Zeroize;

use crate::kdf::OneTimeKey;

const VERSION_ONCE: u8 = 1;
const VERSION_WRAP: u8 = 2;
const TAG_BYTES: usize = 16;

/// Bytes [`seal_once`] adds to a plaintext.
pub const ONCE_OVERHEAD_BYTES: usize = 1 + TAG_BYTES;

/// Bytes [`wrap`] adds to a plaintext.
pub const WRAP_OVERHEAD_BYTES: usize = 1 + NONCE_LEN + TAG_BYTES;

/// A value that could not be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or a version this program does not know.
    #[error("not an envelope of a known version")]
    Malformed,
    /// The key or the context is another one, or the value was changed.
    #[error("wrong key, wrong context, or changed ciphertext")]
    Rejected,
}

/// Joins the names of a value's place (table, row, column) into one context; parts cannot run into each other.
pub fn context(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Encrypts the one plaintext `key` was made for.
pub fn seal_once(key: OneTimeKey, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ONCE_OVERHEAD_BYTES + plaintext.len());
    out.push(VERSION_ONCE);
    out.extend(encrypt(&AES_256_GCM, key.expose(), [0; NONCE_LEN], &aad(VERSION_ONCE, context), plaintext));
    out
}

/// Opens what [`seal_once`] made.
///
/// # Errors
/// [`OpenError::Rejected`] for another key or context or any changed bit; [`OpenError::Malformed`] when the
/// bytes are no such envelope.
pub fn open_once(key: OneTimeKey, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (&VERSION_ONCE, body) = sealed.split_first().ok_or(OpenError::Malformed)? else {
        return Err(OpenError::Malformed);
    };
    decrypt(&AES_256_GCM, key.expose(), [0; NONCE_LEN], &aad(VERSION_ONCE, context), body)
}

/// Encrypts a key (or another short secret) under a key that wraps many.
pub fn wrap(key: &Secret<[u8; 32]>, entropy: &dyn Entropy, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = draw(entropy);
    let mut out = Vec::with_capacity(WRAP_OVERHEAD_BYTES + plaintext.len());
    out.push(VERSION_WRAP);
    out.extend_from_slice(&nonce);
    out.extend(encrypt(&AES_256_GCM_SIV, key.expose(), nonce, &aad(VERSION_WRAP, context), plaintext));
    out
}

/// Opens what [`wrap`] made.
///
/// # Errors
/// As [`open_once`].
pub fn unwrap(key: &Secret<[u8; 32]>, context: &[u8], wrapped: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
    let (&VERSION_WRAP, rest) = wrapped.split_first().ok_or(OpenError::Malformed)? else {
        return Err(OpenError::Malformed);
    };
    let (nonce, body) = rest.split_first_chunk().ok_or(OpenError::Malformed)?;
    decrypt(&AES_256_GCM_SIV, key.expose(), *nonce, &aad(VERSION_WRAP, context), body).map(Secret::new)
}

/// Opens what [`wrap`] made of a 32-byte key.
///
/// # Errors
/// As [`unwrap`]; [`OpenError::Malformed`] when the content is not 32 bytes long.
pub fn unwrap_key(
    key: &Secret<[u8; 32]>,
    context: &[u8],
    wrapped: &[u8],
) -> Result<Secret<[u8; 32]>, OpenError> {
    let content = unwrap(key, context, wrapped)?;
    content.expose().as_slice().try_into().map(Secret::new).map_err(|_| OpenError::Malformed)
}

fn aad(version: u8, context: &[u8]) -> Vec<u8> {
    [&[version], context].concat()
}

fn cipher(algorithm: &'static Algorithm, key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm, key).expect("both ciphers take 32-byte keys"))
}

fn encrypt(
    algorithm: &'static Algorithm,
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let mut in_out = Vec::with_capacity(plaintext.len() + TAG_BYTES);
    in_out.extend_from_slice(plaintext);
    cipher(algorithm, key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut in_out)
        .expect("values are far shorter than the cipher's limit");
    in_out
}

fn decrypt(
    algorithm: &'static Algorithm,
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    body: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let plaintext_bytes = body.len().checked_sub(TAG_BYTES).ok_or(OpenError::Malformed)?;
    let mut in_out = body.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    if cipher(algorithm, key).open_in_place(nonce, Aad::from(aad), &mut in_out).is_err() {
        in_out.zeroize();
        return Err(OpenError::Rejected);
    }
    in_out.truncate(plaintext_bytes);
    Ok(in_out)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;
    use crate::SystemEntropy;

    fn one_time() -> OneTimeKey {
        OneTimeKey::for_test([9; 32])
    }

    #[test]
    fn gcm_specification_case_14() {
        let sealed = encrypt(&AES_256_GCM, &[0; 32], [0; 12], &[], &[0; 16]);
        let expected = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
        assert_eq!(HEXLOWER.encode(&sealed), expected);
    }

    #[test]
    fn rfc_8452_appendix_c_2_empty_plaintext() {
        let (mut key, mut nonce) = ([0; 32], [0; 12]);
        (key[0], nonce[0]) = (1, 3);
        let sealed = encrypt(&AES_256_GCM_SIV, &key, nonce, &[], &[]);
        assert_eq!(HEXLOWER.encode(&sealed), "07f5f4169bbf55a8400cd47ea6fd400f");
    }

    #[test]
    fn another_context_does_not_open() {
        let sealed = seal_once(one_time(), &context(&[b"events", b"1"]), b"tea");
        assert_eq!(open_once(one_time(), &context(&[b"events", b"2"]), &sealed), Err(OpenError::Rejected));
        assert_eq!(open_once(one_time(), &context(&[b"events1"]), &sealed), Err(OpenError::Rejected));
    }

    #[test]
    fn the_two_forms_do_not_open_each_other() {
        let key = Secret::new([9; 32]);
        let wrapped = wrap(&key, &SystemEntropy::new(), b"c", b"tea");
        assert_eq!(open_once(one_time(), b"c", &wrapped), Err(OpenError::Malformed));
        let sealed = seal_once(one_time(), b"c", b"tea");
        assert!(matches!(unwrap(&key, b"c", &sealed), Err(OpenError::Malformed)));
    }

    #[test]
    fn wrapping_twice_gives_different_bytes() {
        let key = Secret::new([9; 32]);
        let entropy = SystemEntropy::new();
        assert_ne!(wrap(&key, &entropy, b"c", b"tea"), wrap(&key, &entropy, b"c", b"tea"));
    }

    #[test]
    fn a_wrapped_key_must_have_32_bytes() {
        let key = Secret::new([9; 32]);
        let entropy = SystemEntropy::new();
        let good = wrap(&key, &entropy, b"c", &[5; 32]);
        assert_eq!(unwrap_key(&key, b"c", &good).expect("opens").expose(), &[5; 32]);
        let short = wrap(&key, &entropy, b"c", &[5; 31]);
        assert!(matches!(unwrap_key(&key, b"c", &short), Err(OpenError::Malformed)));
    }

    proptest! {
        #[test]
        fn sealed_values_open_and_changed_ones_do_not(
            plaintext in proptest::collection::vec(any::<u8>(), 0..200),
            context in proptest::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let mut sealed = seal_once(one_time(), &context, &plaintext);
            prop_assert_eq!(open_once(one_time(), &context, &sealed), Ok(plaintext.clone()));
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open_once(one_time(), &context, &sealed).is_err());

            let key = Secret::new([3; 32]);
            let mut wrapped = wrap(&key, &SystemEntropy::new(), &context, &plaintext);
            let opened = unwrap(&key, &context, &wrapped).expect("opens");
            prop_assert_eq!(opened.expose(), &plaintext);
            wrapped[at] ^= 1 << bit;
            prop_assert!(unwrap(&key, &context, &wrapped).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(open_once(one_time(), b"", &bytes).is_err());
            prop_assert!(unwrap(&Secret::new([3; 32]), b"", &bytes).is_err());
        }
    }
}
