//! Public keys as authenticators write them: COSE (RFC 9052 section 7, RFC 9053, RFC 8230), three algorithms of it.
//!
//! An algorithm is taken only with the one kind of key it is for, and a key only with the labels that the kind needs
//! (WebAuthn Level 3 sections 5.8.5 and 6.5.1). So no key can be read in two ways.

use gabion_crypto::VerifyingKey;
use gabion_crypto::signature::{ED25519_KEY_BYTES, InvalidKey, P256_COORDINATE_BYTES};
use serde::{Deserialize, Serialize};

use crate::cbor::{CborError, Map, Value};

/// Labels common to all keys: kind and algorithm.
const KTY: i64 = 1;
const ALG: i64 = 3;
/// Labels that mean something else in each kind: curve and coordinates, or modulus and exponent.
const FIRST: i64 = -1;
const SECOND: i64 = -2;
const THIRD: i64 = -3;

/// Kinds of keys and curves by their numbers in the registry.
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const ED25519: i64 = 6;

/// An algorithm that credentials sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "i64", try_from = "i64")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. Every authenticator knows it.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256. Some TPMs know nothing else.
    Rs256,
}

impl Algorithm {
    /// All of them, the best first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];
}

impl From<Algorithm> for i64 {
    /// The number in the registry of COSE algorithms.
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => -7,
            Algorithm::EdDsa => -8,
            Algorithm::Rs256 => -257,
        }
    }
}

/// The number names no algorithm that is taken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("algorithm {0} is not supported")]
pub struct UnknownAlgorithm(pub i64);

impl TryFrom<i64> for Algorithm {
    type Error = UnknownAlgorithm;

    fn try_from(number: i64) -> Result<Self, UnknownAlgorithm> {
        let known = Self::ALL.into_iter().find(|algorithm| i64::from(*algorithm) == number);
        known.ok_or(UnknownAlgorithm(number))
    }
}

/// Why a public key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not canonical CBOR.
    #[error("not canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// The value is no map, a label is missing or has the wrong type, or there is one too many.
    #[error("the labels are not exactly the ones of its kind")]
    Labels,
    /// The algorithm is not one of ours.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// The kind of the key or its curve is not the algorithm's.
    #[error("kind or curve do not fit the algorithm")]
    Confused,
    /// A coordinate has the wrong length, or is in compressed form.
    #[error("a coordinate has the wrong length")]
    Coordinate,
    /// The numbers make no key.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

/// A credential's public key.
#[derive(Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    verifying: VerifyingKey,
}

impl PublicKey {
    /// Reads a COSE key that takes up all of `bytes`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_value(&Value::read(bytes)?)
    }

    /// Reads the COSE key that `bytes` begin with; gives it, its own bytes, and what follows.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_first(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), KeyError> {
        let (value, rest) = Value::read_first(bytes)?;
        Ok((Self::from_value(&value)?, &bytes[..bytes.len() - rest.len()], rest))
    }

    /// The algorithm it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Says whether `signature` is one of `message` by the credential.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.verifies(message, signature)
    }

    fn from_value(value: &Value<'_>) -> Result<Self, KeyError> {
        let map = value.map().ok_or(KeyError::Labels)?;
        let algorithm = Algorithm::try_from(integer(map, ALG)?)?;
        let verifying = match (algorithm, integer(map, KTY)?) {
            (Algorithm::Es256, EC2) => {
                only(map, &[KTY, ALG, FIRST, SECOND, THIRD])?;
                on_curve(map, P256)?;
                let x: [u8; P256_COORDINATE_BYTES] = coordinate(map, SECOND)?;
                let y: [u8; P256_COORDINATE_BYTES] = coordinate(map, THIRD)?;
                VerifyingKey::ecdsa_p256_sha256(&x, &y)?
            }
            (Algorithm::EdDsa, OKP) => {
                only(map, &[KTY, ALG, FIRST, SECOND])?;
                on_curve(map, ED25519)?;
                let x: [u8; ED25519_KEY_BYTES] = coordinate(map, SECOND)?;
                VerifyingKey::ed25519(&x)?
            }
            (Algorithm::Rs256, RSA) => {
                only(map, &[KTY, ALG, FIRST, SECOND])?;
                VerifyingKey::rsa_pkcs1_sha256(bytes(map, FIRST)?, bytes(map, SECOND)?)?
            }
            _ => return Err(KeyError::Confused),
        };
        Ok(Self { algorithm, verifying })
    }
}

fn integer(map: &Map<'_>, label: i64) -> Result<i64, KeyError> {
    map.at(label).and_then(Value::integer).ok_or(KeyError::Labels)
}

fn bytes<'a>(map: &Map<'a>, label: i64) -> Result<&'a [u8], KeyError> {
    map.at(label).and_then(Value::bytes).ok_or(KeyError::Labels)
}

/// Exactly these labels: each key of a map is there once, so counting them is enough.
fn only(map: &Map<'_>, labels: &[i64]) -> Result<(), KeyError> {
    let all = map.len() == labels.len() && labels.iter().all(|label| map.at(*label).is_some());
    if all { Ok(()) } else { Err(KeyError::Labels) }
}

fn on_curve(map: &Map<'_>, curve: i64) -> Result<(), KeyError> {
    if integer(map, FIRST)? == curve { Ok(()) } else { Err(KeyError::Confused) }
}

fn coordinate<const N: usize>(map: &Map<'_>, label: i64) -> Result<[u8; N], KeyError> {
    // A boolean stands for the sign of a compressed point, which WebAuthn does not allow.
    let value = map.at(label).and_then(Value::bytes).ok_or(KeyError::Coordinate)?;
    value.try_into().map_err(|_| KeyError::Coordinate)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The example of WebAuthn Level 3 section 6.5.1.1.
    const X: &str = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d";
    const Y: &str = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";

    #[track_caller]
    fn check(hex: &str, expected: Result<Algorithm, KeyError>) {
        let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
        assert_eq!(PublicKey::read(&bytes).map(|key| key.algorithm()), expected, "{hex}");
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        check(&format!("a5010203262001215820{X}225820{Y}"), Ok(Algorithm::Es256));
    }

    #[test]
    fn keys_of_the_other_kinds_are_read() {
        check(&format!("a4010103272006215820{X}"), Ok(Algorithm::EdDsa));
        let modulus = format!("{}01", "ff".repeat(255));
        check(&format!("a401030339010020590100{modulus}2143010001"), Ok(Algorithm::Rs256));
    }

    #[test]
    fn an_algorithm_with_another_kind_or_curve_is_refused() {
        let confused = Err(KeyError::Confused);
        check(&format!("a5010203272001215820{X}225820{Y}"), confused);
        check(&format!("a5010103262001215820{X}225820{Y}"), confused);
        check(&format!("a5010203262002215820{X}225820{Y}"), confused);
        check(&format!("a5010203262006215820{X}225820{Y}"), confused);
        check(&format!("a4010203272006215820{X}"), confused);
        check(&format!("a4010103272001215820{X}"), confused);
        check(&format!("a4010303272006215820{X}"), confused);
        check(&format!("a50102033901002001215820{X}225820{Y}"), confused);
        check(&format!("a401030326205820{X}2143010001"), confused);
    }

    #[test]
    fn other_algorithms_are_refused() {
        let unknown = |number| Err(KeyError::Algorithm(UnknownAlgorithm(number)));
        check(&format!("a501020338222001215820{X}225820{Y}"), unknown(-35));
        check(&format!("a501020338242001215820{X}225820{Y}"), unknown(-37));
        check(&format!("a501020339fffe2001215820{X}225820{Y}"), unknown(-65535));
        check(&format!("a5010203052001215820{X}225820{Y}"), unknown(5));
    }

    #[test]
    fn labels_too_many_too_few_or_of_other_types_are_refused() {
        check(&format!("a6010202410103262001215820{X}225820{Y}"), Err(KeyError::Labels));
        check(&format!("a4010203262001215820{X}"), Err(KeyError::Labels));
        check(&format!("a420010102215820{X}225820{Y}"), Err(CborError::KeyOrder.into()));
        check("a0", Err(KeyError::Labels));
        check("80", Err(KeyError::Labels));
    }

    #[test]
    fn compressed_short_and_long_coordinates_are_refused() {
        let short = &X[2..];
        check(&format!("a5010203262001215820{X}22f5"), Err(KeyError::Coordinate));
        check(&format!("a501020326200121581f{short}225820{Y}"), Err(KeyError::Coordinate));
        check(&format!("a5010203262001215821{X}00225820{Y}"), Err(KeyError::Coordinate));
        check(&format!("a401010327200621581f{short}"), Err(KeyError::Coordinate));
    }

    #[test]
    fn points_beside_the_curve_and_weak_rsa_keys_are_refused() {
        check(&format!("a5010203262001215820{X}225820{X}"), Err(InvalidKey::NotOnCurve.into()));
        let short = format!("{}01", "ff".repeat(127));
        check(&format!("a4010303390100205880{short}2143010001"), Err(InvalidKey::Modulus.into()));
        let modulus = format!("{}01", "ff".repeat(255));
        check(&format!("a401030339010020590100{modulus}214101"), Err(InvalidKey::Exponent.into()));
    }
}
