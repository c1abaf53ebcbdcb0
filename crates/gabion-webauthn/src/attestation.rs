//! Attestation objects: a new credential, and what its authenticator says of itself (WebAuthn Level 3 sections 6.5 and
//! 8).
//!
//! Attestation by certificates is not verified here: it needs lists of manufacturers, and a shop has no use for them.
//! What is not verified is called [`Attestation::Unverified`] and counts as none.

use gabion_crypto::digest::SHA256_BYTES;
use serde::{Deserialize, Serialize};

use crate::cbor::{CborError, Map, Value};
use crate::cose::PublicKey;

/// Bytes of an attestation object at most. With a chain of certificates it has some thousands.
pub const ATTESTATION_OBJECT_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a format's name at most (WebAuthn Level 3 section 8.1).
const FORMAT_BYTES_MAX: usize = 32;

/// What is known of the authenticator that made a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Attestation {
    /// Nothing was said.
    None,
    /// The credential signed its own making: whoever registered it holds its private key. Nothing about the model.
    SelfSigned,
    /// Something was said that was not looked at.
    Unverified {
        /// The statement's format.
        format: String,
    },
}

/// What the shop wants to know of authenticators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationPolicy {
    /// Nothing: `none` is asked for. A statement that comes nevertheless has to hold if it can be verified here, and is
    /// not looked at if it cannot.
    #[default]
    NotAsked,
    /// `direct` is asked for, and only what was verified here is taken: [`Attestation::SelfSigned`].
    Verified,
}

/// Why an attestation object or its statement was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Longer than [`ATTESTATION_OBJECT_BYTES_MAX`].
    #[error("longer than {ATTESTATION_OBJECT_BYTES_MAX} bytes")]
    TooLong,
    /// The bytes are not canonical CBOR.
    #[error("not canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// The value is no map with format, statement and authenticator data.
    #[error("not an attestation object")]
    Members,
    /// The format's name is too long, or has other characters than it may.
    #[error("the format has no valid name")]
    FormatName,
    /// The format cannot be verified here, and the policy wants it verified.
    #[error("the format cannot be verified")]
    Unsupported,
    /// The statement does not have its format's members.
    #[error("the statement does not have the members of its format")]
    Statement,
    /// The statement is for another algorithm than the credential's.
    #[error("the statement is for another algorithm")]
    Algorithm,
    /// The statement's signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The policy wants attestation, and there is none.
    #[error("there is none, and it is required")]
    Missing,
}

impl AttestationError {
    /// The step of WebAuthn Level 3 section 7.1.
    pub(crate) fn step(self) -> u8 {
        match self {
            Self::TooLong | Self::Cbor(_) | Self::Members => 13,
            Self::FormatName | Self::Unsupported => 21,
            Self::Statement | Self::Algorithm | Self::Signature => 22,
            Self::Missing => 24,
        }
    }
}

/// An attestation object that was read, its statement not yet verified.
#[derive(Debug)]
pub struct AttestationObject<'a> {
    format: &'a str,
    statement: Value<'a>,
    authenticator_data: &'a [u8],
}

impl<'a> AttestationObject<'a> {
    /// Reads an attestation object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, AttestationError> {
        use AttestationError::{FormatName, Members, TooLong};
        if bytes.len() > ATTESTATION_OBJECT_BYTES_MAX {
            return Err(TooLong);
        }
        let value = Value::read(bytes)?;
        let map = value.map().ok_or(Members)?;
        let format = map.named("fmt").and_then(Value::text).ok_or(Members)?;
        let authenticator_data = map.named("authData").and_then(Value::bytes).ok_or(Members)?;
        let statement = map.named("attStmt").ok_or(Members)?.clone();
        let valid = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if format.is_empty() || format.len() > FORMAT_BYTES_MAX || !format.bytes().all(valid) {
            return Err(FormatName);
        }
        Ok(Self { format, statement, authenticator_data })
    }

    /// The authenticator data within.
    pub fn authenticator_data(&self) -> &'a [u8] {
        self.authenticator_data
    }

    /// Steps 21 to 24 of section 7.1: says what the statement proves. `key` is the new credential's.
    ///
    /// # Errors
    /// When it proves less than `policy` wants, or is false.
    pub fn verify(
        &self,
        policy: AttestationPolicy,
        key: &PublicKey,
        client_data_hash: &[u8; SHA256_BYTES],
    ) -> Result<Attestation, AttestationError> {
        let attestation = match self.format {
            // Section 8.7.
            "none" if self.statement.map().is_some_and(Map::is_empty) => Attestation::None,
            "none" => return Err(AttestationError::Statement),
            "packed" => self.packed(key, client_data_hash)?,
            format => Attestation::Unverified { format: format.to_owned() },
        };
        match (policy, &attestation) {
            (AttestationPolicy::Verified, Attestation::None) => Err(AttestationError::Missing),
            (AttestationPolicy::Verified, Attestation::Unverified { .. }) => {
                Err(AttestationError::Unsupported)
            }
            _ => Ok(attestation),
        }
    }

    /// Section 8.2.
    fn packed(
        &self,
        key: &PublicKey,
        client_data_hash: &[u8; SHA256_BYTES],
    ) -> Result<Attestation, AttestationError> {
        let statement = self.statement.map().ok_or(AttestationError::Statement)?;
        let algorithm = statement.named("alg").and_then(Value::integer).ok_or(AttestationError::Statement)?;
        let signature = statement.named("sig").and_then(Value::bytes).ok_or(AttestationError::Statement)?;
        match (statement.len(), statement.named("x5c")) {
            (3, Some(Value::Array(chain))) if !chain.is_empty() => {
                return Ok(Attestation::Unverified { format: self.format.to_owned() });
            }
            (2, None) => {}
            _ => return Err(AttestationError::Statement),
        }
        if algorithm != i64::from(key.algorithm()) {
            return Err(AttestationError::Algorithm);
        }
        if !key.verifies(&[self.authenticator_data, client_data_hash].concat(), signature) {
            return Err(AttestationError::Signature);
        }
        Ok(Attestation::SelfSigned)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&[0x60 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    fn object(format: &str, statement: &[u8]) -> Vec<u8> {
        let format = if format.len() < 24 { text(format) } else { [&[0x78, 33], format.as_bytes()].concat() };
        [&[0xa3], text("fmt").as_slice(), &format, &text("attStmt"), statement, &text("authData"), &[0x41, 7]]
            .concat()
    }

    fn pair() -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        let key = PublicKey::read(&[&head, pair.public_key().as_ref()].concat()).unwrap();
        (pair, key)
    }

    #[track_caller]
    fn check(
        format: &str,
        statement: &[u8],
        not_asked: Result<Attestation, AttestationError>,
        verified: Result<Attestation, AttestationError>,
    ) {
        let bytes = object(format, statement);
        let object = AttestationObject::read(&bytes).unwrap();
        let (_, key) = pair();
        assert_eq!(object.verify(AttestationPolicy::NotAsked, &key, &[9; 32]), not_asked);
        assert_eq!(object.verify(AttestationPolicy::Verified, &key, &[9; 32]), verified);
    }

    fn packed(algorithm: u8, signature: &[u8]) -> Vec<u8> {
        let length = [0x58, u8::try_from(signature.len()).unwrap()];
        [&[0xa2], text("alg").as_slice(), &[algorithm], &text("sig"), &length, signature].concat()
    }

    #[test]
    fn none_says_nothing_and_has_to_say_nothing() {
        check("none", &[0xa0], Ok(Attestation::None), Err(AttestationError::Missing));
        for statement in [[0xa1, 0x01, 0x02].as_slice(), &[0x80], &[0xf6]] {
            let wrong = Err(AttestationError::Statement);
            check("none", statement, wrong.clone(), wrong);
        }
    }

    #[test]
    fn self_attestation_has_to_hold() {
        let (pair, _) = pair();
        let signature = pair.sign(&[&[7], [9; 32].as_slice()].concat());
        let holds = || Ok(Attestation::SelfSigned);
        check("packed", &packed(0x27, signature.as_ref()), holds(), holds());
        let algorithm = || Err(AttestationError::Algorithm);
        check("packed", &packed(0x26, signature.as_ref()), algorithm(), algorithm());
        let other = pair.sign(&[&[8], [9; 32].as_slice()].concat());
        let signature = || Err(AttestationError::Signature);
        check("packed", &packed(0x27, other.as_ref()), signature(), signature());
    }

    #[test]
    fn certificates_are_not_looked_at_and_nothing_else_passes_for_them() {
        let with = |name: &str, value: &[u8]| {
            let mut statement = packed(0x27, &[0; 64]);
            statement[0] = 0xa3;
            [statement, text(name), value.to_vec()].concat()
        };
        let unverified = || Ok(Attestation::Unverified { format: "packed".to_owned() });
        check("packed", &with("x5c", &[0x81, 0x41, 0x30]), unverified(), Err(AttestationError::Unsupported));
        for statement in [with("x5c", &[0x80]), with("x5c", &[0x40]), with("ecdaaKeyId", &[0x40]), vec![0xa0]]
        {
            let wrong = || Err(AttestationError::Statement);
            check("packed", &statement, wrong(), wrong());
        }
    }

    #[test]
    fn other_formats_are_taken_as_none_unless_verification_is_wanted() {
        let unverified = Attestation::Unverified { format: "tpm".to_owned() };
        check("tpm", &[0xa0], Ok(unverified), Err(AttestationError::Unsupported));
    }

    #[test]
    fn what_is_no_attestation_object_is_refused() {
        use AttestationError::{Cbor, FormatName, Members, TooLong};
        let refuse = |bytes: &[u8]| AttestationObject::read(bytes).unwrap_err();
        assert_eq!(refuse(&[0xa0]), Members);
        assert_eq!(refuse(&[0x80]), Members);
        assert_eq!(refuse(&[]), Cbor(CborError::Truncated));
        assert_eq!(refuse(&[object("none", &[0xa0]), vec![0]].concat()), Cbor(CborError::Trailing));
        assert_eq!(refuse(&vec![0; ATTESTATION_OBJECT_BYTES_MAX + 1]), TooLong);
        for name in ["", "a b", "a\"", "a\\", "ü", &"a".repeat(33)] {
            assert_eq!(refuse(&object(name, &[0xa0])), FormatName, "{name}");
        }
        let unordered =
            [&[0xa2], text("authData").as_slice(), &[0x41, 7], &text("fmt"), &text("none")].concat();
        assert_eq!(refuse(&unordered), Cbor(CborError::KeyOrder));
    }
}
