//! Keys of ours that sign tokens.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use gabion_core::{Entropy, Secret};
use serde_json::json;

use crate::envelope;
use crate::jwk::{Algorithm, PublicKey};
use crate::ring::{KeyRing, KeyUse};
use crate::signature::P256_COORDINATE_BYTES;

/// Bytes of the epoch that a sealed key begins with.
const EPOCH_BYTES: usize = 4;

/// A private key with its public one. It leaves only [sealed](Self::seal).
pub struct TokenKey {
    pair: Pair,
    public: PublicKey,
    key_id: String,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// A sealed key that could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenKeyError {
    /// The key ring has no key of the epoch that it was sealed under.
    #[error("no key of epoch {epoch} in the key ring opens token keys")]
    EpochMissing {
        /// The epoch it names.
        epoch: u32,
    },
    /// The bytes were changed, are of another key, or hold none.
    #[error("the sealed token key is damaged or another one")]
    Damaged,
}

impl TokenKey {
    /// A new key on P-256, which every client knows. Drawn by the cipher library.
    pub fn new_es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self::of(Pair::Es256(pair.expect("the cipher library makes keys")))
    }

    /// A new key of Ed25519. Drawn by the cipher library.
    pub fn new_eddsa() -> Self {
        Self::of(Pair::EdDsa(Ed25519KeyPair::generate().expect("the cipher library makes keys")))
    }

    /// The public key, to verify with and to publish.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The algorithm it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The name of the key in tokens: its thumbprint (RFC 7638).
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The token that says `payload`, with `typ` in its header. Signatures of ES256 differ each time.
    pub fn sign(&self, typ: &str, payload: &[u8]) -> String {
        let header = json!({"alg": self.public.algorithm().as_str(), "kid": self.key_id, "typ": typ});
        let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
        let signed = format!("{header}.{}", BASE64URL_NOPAD.encode(payload));
        let signature = match &self.pair {
            Pair::Es256(pair) => {
                pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("a key on P-256 signs every text")
            }
            Pair::EdDsa(pair) => pair.sign(signed.as_bytes()),
        };
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    /// The private key as PKCS#8, encrypted under the key ring. Store it beside its [`key_id`](Self::key_id).
    pub fn seal(&self, ring: &KeyRing, entropy: &dyn Entropy) -> Vec<u8> {
        let key = ring.current(KeyUse::TokenKey);
        let sealed = envelope::wrap(&key.secret, entropy, &context(&self.key_id), self.pkcs8().expose());
        [key.epoch.to_be_bytes().as_slice(), &sealed].concat()
    }

    /// Opens what [`seal`](Self::seal) made of the key with this id.
    ///
    /// # Errors
    /// [`OpenKeyError`].
    pub fn open(sealed: &[u8], key_id: &str, ring: &KeyRing) -> Result<Self, OpenKeyError> {
        let (epoch, sealed) = sealed.split_first_chunk::<EPOCH_BYTES>().ok_or(OpenKeyError::Damaged)?;
        let epoch = u32::from_be_bytes(*epoch);
        let key = ring.by_epoch(KeyUse::TokenKey, epoch).ok_or(OpenKeyError::EpochMissing { epoch })?;
        let pkcs8 =
            envelope::unwrap(&key.secret, &context(key_id), sealed).map_err(|_| OpenKeyError::Damaged)?;
        let opened = Self::from_pkcs8(&pkcs8).ok_or(OpenKeyError::Damaged)?;
        if opened.key_id == key_id { Ok(opened) } else { Err(OpenKeyError::Damaged) }
    }

    fn of(pair: Pair) -> Self {
        let public = match &pair {
            Pair::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(P256_COORDINATE_BYTES);
                let half = |half: &[u8]| half.try_into().expect("a point has two coordinates");
                PublicKey::p256(half(x), half(y))
            }
            Pair::EdDsa(pair) => {
                PublicKey::ed25519(pair.public_key().as_ref().try_into().expect("it has 32 bytes"))
            }
        };
        let public = public.expect("a pair has a good public key");
        Self { key_id: public.thumbprint(), public, pair }
    }

    fn pkcs8(&self) -> Secret<Vec<u8>> {
        let document = match &self.pair {
            Pair::Es256(pair) => pair.to_pkcs8v1(),
            Pair::EdDsa(pair) => pair.to_pkcs8v1(),
        };
        Secret::new(document.expect("the cipher library writes its keys").as_ref().to_vec())
    }

    /// PKCS#8 says itself of which kind the key is.
    fn from_pkcs8(pkcs8: &Secret<Vec<u8>>) -> Option<Self> {
        let bytes = pkcs8.expose();
        let es256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).map(Pair::Es256);
        let eddsa = || Ed25519KeyPair::from_pkcs8(bytes).map(Pair::EdDsa);
        es256().or_else(|_| eddsa()).ok().map(Self::of)
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({}, {})", self.algorithm(), self.key_id)
    }
}

fn context(key_id: &str) -> Vec<u8> {
    envelope::context(&[b"token_key", key_id.as_bytes()])
}
