//! Keys from keys: HKDF-SHA-256 (RFC 5869) without salt, the input being a uniformly random key already.

use aws_lc_rs::hkdf;
use gabion_core::Secret;

/// A key that encrypts **exactly one** plaintext, ever: [`crate::envelope::seal_once`] uses a fixed nonce, so a
/// second plaintext under the same key would give both away. It can be made only by [`one_time_key`], cannot be
/// copied, and sealing takes it by value.
pub struct OneTimeKey(Secret<[u8; 32]>);

impl OneTimeKey {
    pub(crate) const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    #[cfg(test)]
    pub(crate) const fn for_test(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }
}

impl std::fmt::Debug for OneTimeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeKey(..)")
    }
}

/// Derives another key. Different `info` gives an unrelated key; parts are length-prefixed, so that
/// `["ab", "c"]` and `["a", "bc"]` are different.
pub fn derive(key: &Secret<[u8; 32]>, info: &[&[u8]]) -> Secret<[u8; 32]> {
    hkdf(key.expose(), info)
}

/// Derives the key of one plaintext. `info` must name that plaintext and its version and nothing else may ever
/// be sealed under the same name: use a random or never repeated id (an event's id), not a column name.
pub fn one_time_key(key: &Secret<[u8; 32]>, info: &[&[u8]]) -> OneTimeKey {
    let mut parts: Vec<&[u8]> = vec![b"gabion one-time key"];
    parts.extend(info);
    OneTimeKey(hkdf(key.expose(), &parts))
}

fn hkdf(key: &[u8], info: &[&[u8]]) -> Secret<[u8; 32]> {
    let lengths: Vec<[u8; 8]> = info.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let framed: Vec<&[u8]> =
        lengths.iter().zip(info).flat_map(|(length, part)| [length.as_slice(), *part]).collect();
    let mut out = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(key)
        .expand(&framed, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are within HKDF's limit");
    Secret::new(out)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn rfc_5869_case_3_first_block() {
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(HEXLOWER.encode(hkdf(&[0x0b; 22], &[]).expose()), expected);
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        let key = Secret::new([7; 32]);
        assert_ne!(derive(&key, &[b"ab", b"c"]).expose(), derive(&key, &[b"a", b"bc"]).expose());
        assert_ne!(derive(&key, &[b"ab"]).expose(), derive(&key, &[b"ab", b""]).expose());
        assert_eq!(derive(&key, &[b"ab"]).expose(), derive(&key, &[b"ab"]).expose());
    }

    #[test]
    fn one_time_keys_are_apart_from_derived_keys() {
        let key = Secret::new([7; 32]);
        assert_ne!(one_time_key(&key, &[b"a"]).expose(), derive(&key, &[b"a"]).expose());
    }
}
