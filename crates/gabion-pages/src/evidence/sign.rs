//! Signing an export, and checking one: Ed25519 over the document as it stands in the file.

use std::fmt;

use data_encoding::BASE64;
use gabion_core::Timestamp;
use gabion_crypto::KeyUse;
use gabion_crypto::digest::sha256;
use gabion_crypto::sign::{SigningKey, verify};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Pages;

/// The form of an export. Changes with its meaning.
pub const FORMAT: &str = "gabion-page-evidence/1";

/// An export: the document and who signed it.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: String,
    /// The epoch of the key, to find it again.
    key_epoch: u32,
    /// The public key in base64; trust it only if it is one that the installation told you.
    public_key: String,
    /// Over the bytes of `document`, in base64.
    signature: String,
    #[serde(borrow)]
    document: &'a RawValue,
}

/// What a checked export is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The site.
    pub site: String,
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub until: Timestamp,
    /// When it was made.
    pub made_at: Timestamp,
    /// The epoch of the key that signed it.
    pub key_epoch: u32,
}

/// Why an export is not what it seems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The text is no export of this form.
    #[error("this is no evidence of pages, or of another form")]
    NotEvidence,
    /// Another key signed it.
    #[error("another key signed this")]
    OtherKey,
    /// The document was changed after it was signed, also in its white space.
    #[error("this was changed after it was signed")]
    Changed,
}

#[derive(Deserialize)]
struct Head {
    site: String,
    period: HeadPeriod,
    made_at: Timestamp,
}

#[derive(Deserialize)]
struct HeadPeriod {
    from: Timestamp,
    until: Timestamp,
}

/// Checks an export against the public key (32 bytes) of whoever is said to have signed it. Needs no installation: the
/// signature is Ed25519 (RFC 8032) over the bytes of the member `document` as they stand in the file.
///
/// # Errors
/// [`EvidenceError`].
pub fn verify_evidence(text: &str, public_key: &[u8]) -> Result<Verified, EvidenceError> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| EvidenceError::NotEvidence)?;
    if envelope.format != FORMAT {
        return Err(EvidenceError::NotEvidence);
    }
    let decode = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| EvidenceError::NotEvidence);
    if decode(&envelope.public_key)? != public_key {
        return Err(EvidenceError::OtherKey);
    }
    let document = envelope.document.get();
    if !verify(public_key, document.as_bytes(), &decode(&envelope.signature)?) {
        return Err(EvidenceError::Changed);
    }
    let head: Head = serde_json::from_str(document).map_err(|_| EvidenceError::NotEvidence)?;
    let Head { site, period: HeadPeriod { from, until }, made_at } = head;
    Ok(Verified { site, from, until, made_at, key_epoch: envelope.key_epoch })
}

impl Pages {
    /// The public key that signs evidence now, in base64: give it to whoever is to check exports.
    pub fn evidence_key(&self) -> String {
        BASE64.encode(&SigningKey::new(&self.db().keys().current(KeyUse::Evidence).secret).public_key())
    }

    /// Checks an export of this installation, also one of an older key.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn verify_evidence(&self, text: &str) -> Result<Verified, EvidenceError> {
        let ring = self.db().keys();
        let keys = ring.epochs(KeyUse::Evidence).map(|key| SigningKey::new(&key.secret).public_key());
        let mut last = EvidenceError::OtherKey;
        for key in keys {
            match verify_evidence(text, &key) {
                Err(EvidenceError::OtherKey) => {}
                Err(other) => last = other,
                verified => return verified,
            }
        }
        Err(last)
    }

    /// Puts a document into its envelope.
    pub(super) fn sign_evidence(&self, document: &RawValue) -> Signed {
        let ring = self.db().keys();
        let key = ring.current(KeyUse::Evidence);
        let signing = SigningKey::new(&key.secret);
        let envelope = Envelope {
            format: FORMAT.to_owned(),
            key_epoch: key.epoch,
            public_key: BASE64.encode(&signing.public_key()),
            signature: BASE64.encode(&signing.sign(document.get().as_bytes())),
            document,
        };
        let text = serde_json::to_string(&envelope).expect("an envelope serializes");
        let digest = Digest(sha256(document.get().as_bytes()));
        Signed { text, digest }
    }
}

/// A signed export.
pub(super) struct Signed {
    pub(super) text: String,
    pub(super) digest: Digest,
}

/// The SHA-256 of a document.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}
