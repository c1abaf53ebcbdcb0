//! Passkeys of accounts that do not exist: for a sign-in that asks for a name first, so that its question says nothing
//! about who has an account (WebAuthn Level 3 section 14.6.2).
//!
//! Better is [`SignIn::anyone`](crate::SignIn::anyone), which names no passkeys at all.

use data_encoding::HEXLOWER;
use gabion_core::Secret;
use gabion_crypto::kdf;
use gabion_crypto::mac::MacKey;

use crate::cose::{Algorithm, PublicKey};
use crate::credential::StoredCredential;
use crate::name::{CREDENTIAL_ID_BYTES_MAX, CredentialId};
use crate::options::{CredentialType, Descriptor};

/// What browsers are told of a passkey, but for its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    id_bytes: usize,
    transports: Vec<String>,
}

impl Shape {
    /// A shape whose ids have this many bytes, cut to 16 to 1023.
    pub fn new(id_bytes: usize, transports: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let id_bytes = id_bytes.clamp(16, CREDENTIAL_ID_BYTES_MAX);
        Self { id_bytes, transports: transports.into_iter().map(Into::into).collect() }
    }

    /// The shape of a passkey that somebody has.
    pub fn of(credential: &StoredCredential) -> Self {
        Self::new(credential.id.as_bytes().len(), credential.transports.iter().cloned())
    }
}

/// Makes up passkeys for names that nobody has: the same for a name every time, and with the secret only.
///
/// Two things give made-up passkeys away. If few real ones have their shape, so choose shapes from the passkeys that
/// customers have, and keep them: other shapes make other passkeys. And if they change, which they do when somebody
/// registers under the name.
#[derive(Debug)]
pub struct Decoys {
    key: MacKey,
    shapes: Vec<Shape>,
}

impl Decoys {
    /// Makes up passkeys of these shapes, each as often as it is there. Without any, of ids of 16, 20 and 32 bytes, as
    /// phones and computers make them.
    pub fn new(secret: &Secret<[u8; 32]>, shapes: Vec<Shape>) -> Self {
        let usual = || [16, 20, 32].map(|id_bytes| Shape::new(id_bytes, ["hybrid", "internal"])).to_vec();
        let key = MacKey::new(&kdf::derive(secret, &[b"webauthn decoys"]));
        Self { key, shapes: if shapes.is_empty() { usual() } else { shapes } }
    }

    /// The passkeys of `name`, in the form that real ones have in a question: one, or two for every fourth name. The name
    /// comes as it would be looked up.
    pub fn of(&self, name: &[u8]) -> Vec<Descriptor> {
        let count = if self.bytes(name, b"count", 1)[0].is_multiple_of(4) { 2 } else { 1 };
        (0..count).map(|place| self.passkey(name, place)).collect()
    }

    fn passkey(&self, name: &[u8], place: u8) -> Descriptor {
        let choice = self.bytes(name, &[b's', place], 8);
        let choice = u64::from_be_bytes(choice.try_into().expect("eight bytes were asked for"));
        let shape = &self.shapes[usize::try_from(choice % self.shapes.len() as u64).expect("it is an index")];
        let id = CredentialId::new(self.bytes(name, &[b'i', place], shape.id_bytes));
        Descriptor {
            r#type: CredentialType::PublicKey,
            id: id.expect("shapes are within the limits of ids"),
            transports: shape.transports.clone(),
        }
    }

    /// `count` bytes that only name and use decide.
    fn bytes(&self, name: &[u8], what: &[u8], count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = (what.len() as u64).to_be_bytes();
        for block in 0_u32.. {
            if bytes.len() >= count {
                break;
            }
            let message = [&block.to_be_bytes(), length.as_slice(), what, name].concat();
            bytes.extend(self.key.sign(&message));
        }
        bytes.truncate(count);
        bytes
    }
}

/// Verifies with a made-up key of every algorithm but `done`, so that each answer that is refused costs one verification of
/// each: how long it took says neither whether there is a key nor of which kind.
pub(crate) fn verify_others(done: Option<Algorithm>, message: &[u8], signature: &[u8]) {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| Some(*algorithm) != done) {
        public_key(algorithm).verifies(message, signature);
    }
}

/// Keys that nobody uses: the generators of P-256 (NIST SP 800-186) and Ed25519 (RFC 8032), whose private keys everybody
/// knows, and an RSA modulus of 2048 bits with known factors. Nothing may follow from what verifies with them.
fn public_key(algorithm: Algorithm) -> PublicKey {
    let hex = match algorithm {
        Algorithm::Es256 => concat!(
            "a50102032620012158206b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "2258204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        )
        .to_owned(),
        Algorithm::EdDsa => format!("a401010327200621582058{}", "66".repeat(31)),
        Algorithm::Rs256 => format!("a401030339010020590100{}2143010001", "ff".repeat(256)),
    };
    let bytes = HEXLOWER.decode(hex.as_bytes()).expect("the constants are hexadecimal");
    PublicKey::read(&bytes).expect("the constants are keys")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn decoys(secret: u8) -> Decoys {
        Decoys::new(&Secret::new([secret; 32]), Vec::new())
    }

    #[test]
    fn a_name_has_the_same_passkeys_every_time_and_others_have_others() {
        assert_eq!(decoys(1).of(b"ann@example.com"), decoys(1).of(b"ann@example.com"));
        assert_ne!(decoys(1).of(b"ann@example.com"), decoys(1).of(b"bob@example.com"));
        assert_ne!(decoys(1).of(b"ann@example.com"), decoys(2).of(b"ann@example.com"));
    }

    #[test]
    fn shapes_are_chosen_about_equally_and_no_id_comes_twice() {
        let (decoys, mut lengths, mut ids) = (decoys(1), BTreeMap::new(), std::collections::BTreeSet::new());
        for name in 0..3000_u32 {
            for descriptor in decoys.of(&name.to_be_bytes()) {
                *lengths.entry(descriptor.id.as_bytes().len()).or_insert(0) += 1;
                assert!(ids.insert(descriptor.id.as_bytes().to_vec()));
                assert_eq!(descriptor.transports, ["hybrid", "internal"]);
            }
        }
        assert_eq!(lengths.keys().copied().collect::<Vec<_>>(), [16, 20, 32]);
        assert!(lengths.values().all(|count| (1000..1500).contains(count)), "{lengths:?}");
    }

    #[test]
    fn shapes_are_those_that_were_given() {
        let shapes = vec![Shape::new(1023, ["usb"]), Shape::new(0, ["nfc"])];
        let decoys = Decoys::new(&Secret::new([1; 32]), shapes);
        for name in 0..50_u8 {
            for descriptor in decoys.of(&[name]) {
                let shape = (descriptor.id.as_bytes().len(), descriptor.transports[0].as_str());
                assert!(matches!(shape, (1023, "usb") | (16, "nfc")), "{shape:?}");
            }
        }
    }

    #[test]
    fn there_is_a_key_to_verify_with_for_every_algorithm() {
        for algorithm in Algorithm::ALL {
            let key = public_key(algorithm);
            assert_eq!(key.algorithm(), algorithm);
            assert!(!key.verifies(b"message", b"no signature"));
        }
    }
}
