//! Public keys as JSON (RFC 7517), each with the one algorithm it is for.
//!
//! Three kinds are read: points on P-256, Ed25519 (RFC 8037) and RSA of 2048 to 4096 bits. A key that brings private
//! members is refused: whoever sends one has lost it.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::digest::sha256;
use crate::json::{self, InvalidJson, Members};
use crate::signature::{ED25519_KEY_BYTES, InvalidKey, P256_COORDINATE_BYTES, VerifyingKey};

/// Bytes of a key at most. One of RSA with 4096 bits has some 800.
pub const JWK_BYTES_MAX: usize = 4096;

/// Members that only private or symmetric keys have (RFC 7518 section 6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// An algorithm of signatures (RFC 7518 section 3, RFC 8037). There is no `none`, and none with a shared key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// The name in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// The algorithm of a name in `alg`; none for any other, `none` included.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Longer than [`JWK_BYTES_MAX`].
    #[error("longer than {JWK_BYTES_MAX} bytes")]
    TooLong,
    /// Not the JSON of a key.
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// It has a private member.
    #[error("the key has the private member {0}")]
    Private(&'static str),
    /// A member is missing, or is of another type, length or form.
    #[error("the member {0} is missing or malformed")]
    Member(&'static str),
    /// The kind of key or the curve is none of ours.
    #[error("the kind of key or its curve is not supported")]
    Kind,
    /// The algorithm is none of ours or not the one of this kind of key; or a key of RSA names none.
    #[error("the key is not for a supported algorithm")]
    Algorithm,
    /// The key is not for signatures.
    #[error("the key is not for verifying signatures")]
    Use,
    /// The numbers make no key.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

/// A public key together with the one algorithm it is for.
#[derive(Clone, Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    material: Material,
    verifying: VerifyingKey,
}

#[derive(Clone, Debug)]
enum Material {
    P256 { x: [u8; P256_COORDINATE_BYTES], y: [u8; P256_COORDINATE_BYTES] },
    Ed25519 { x: [u8; ED25519_KEY_BYTES] },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    /// Reads a key. One of RSA must name its algorithm in `alg`; the others have only one. Unknown members are ignored
    /// (RFC 7517 section 4).
    ///
    /// # Errors
    /// What is wrong with the key.
    pub fn parse(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > JWK_BYTES_MAX {
            return Err(JwkError::TooLong);
        }
        Self::from_members(&json::object(json)?, None)
    }

    /// Reads a key whose algorithm may be named outside of it; a name inside must then be the same.
    pub(crate) fn from_members(members: &Members, outside: Option<Algorithm>) -> Result<Self, JwkError> {
        if let Some(private) = PRIVATE_MEMBERS.into_iter().find(|name| members.contains_key(*name)) {
            return Err(JwkError::Private(private));
        }
        usable(members)?;
        let inside = match members.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::named).ok_or(JwkError::Algorithm)?),
        };
        let material = Material::read(members)?;
        let of_kind = match material {
            Material::P256 { .. } => Some(Algorithm::Es256),
            Material::Ed25519 { .. } => Some(Algorithm::EdDsa),
            Material::Rsa { .. } => {
                inside.or(outside).filter(|named| matches!(named, Algorithm::Rs256 | Algorithm::Ps256))
            }
        };
        let algorithm = of_kind.ok_or(JwkError::Algorithm)?;
        if [inside, outside].into_iter().flatten().any(|named| named != algorithm) {
            return Err(JwkError::Algorithm);
        }
        Self::new(algorithm, material)
    }

    /// A point on P-256, for ES256.
    pub(crate) fn p256(
        x: [u8; P256_COORDINATE_BYTES],
        y: [u8; P256_COORDINATE_BYTES],
    ) -> Result<Self, JwkError> {
        Self::new(Algorithm::Es256, Material::P256 { x, y })
    }

    /// A key of Ed25519, for EdDSA.
    pub(crate) fn ed25519(x: [u8; ED25519_KEY_BYTES]) -> Result<Self, JwkError> {
        Self::new(Algorithm::EdDsa, Material::Ed25519 { x })
    }

    fn new(algorithm: Algorithm, material: Material) -> Result<Self, JwkError> {
        let verifying = match &material {
            Material::P256 { x, y } => VerifyingKey::ecdsa_p256_sha256_fixed(x, y)?,
            Material::Ed25519 { x } => VerifyingKey::ed25519(x)?,
            Material::Rsa { n, e } if algorithm == Algorithm::Ps256 => VerifyingKey::rsa_pss_sha256(n, e)?,
            Material::Rsa { n, e } => VerifyingKey::rsa_pkcs1_sha256(n, e)?,
        };
        Ok(Self { algorithm, material, verifying })
    }

    /// The algorithm it is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as JSON for a set of keys: with its algorithm, and its thumbprint as `kid`.
    pub fn to_jwk(&self) -> Value {
        let members = json::object(self.material.canonical().as_bytes()).expect("our own JSON is an object");
        let mut jwk = Value::Object(members);
        jwk["alg"] = self.algorithm.as_str().into();
        jwk["use"] = "sig".into();
        jwk["kid"] = self.thumbprint().into();
        jwk
    }

    /// SHA-256 over what makes the key, in base64url (RFC 7638): its name, the same everywhere.
    pub fn thumbprint(&self) -> String {
        BASE64URL_NOPAD.encode(&sha256(self.material.canonical().as_bytes()))
    }

    /// Says whether `signature` is one of `message` by the holder of the private key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.verifies(message, signature)
    }
}

impl Material {
    fn read(members: &Members) -> Result<Self, JwkError> {
        let curve = || text(members, "crv");
        match text(members, "kty")? {
            "EC" if curve()? == "P-256" => {
                Ok(Self::P256 { x: coordinate(members, "x")?, y: coordinate(members, "y")? })
            }
            "OKP" if curve()? == "Ed25519" => Ok(Self::Ed25519 { x: coordinate(members, "x")? }),
            "RSA" => Ok(Self::Rsa { n: bytes(members, "n")?, e: bytes(members, "e")? }),
            _ => Err(JwkError::Kind),
        }
    }

    /// The members that make the key, in the order of their names and without spaces (RFC 7638 section 3).
    fn canonical(&self) -> String {
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        match self {
            Self::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
        }
    }
}

/// Refuses keys whose members say that they are for something else (RFC 7517 sections 4.2 and 4.3).
fn usable(members: &Members) -> Result<(), JwkError> {
    let signs = members.get("use").is_none_or(|value| value == "sig");
    let verifies = match members.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => false,
    };
    if signs && verifies { Ok(()) } else { Err(JwkError::Use) }
}

fn text<'a>(members: &'a Members, name: &'static str) -> Result<&'a str, JwkError> {
    members.get(name).and_then(Value::as_str).ok_or(JwkError::Member(name))
}

fn bytes(members: &Members, name: &'static str) -> Result<Vec<u8>, JwkError> {
    BASE64URL_NOPAD.decode(text(members, name)?.as_bytes()).map_err(|_| JwkError::Member(name))
}

fn coordinate<const N: usize>(members: &Members, name: &'static str) -> Result<[u8; N], JwkError> {
    bytes(members, name)?.try_into().map_err(|_| JwkError::Member(name))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.3.1, without the private member.
    pub(crate) const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    /// RFC 8037 appendix A.2.
    pub(crate) const ED25519: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// RFC 7638 section 3.1.
    pub(crate) const RSA: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    fn parse(json: &str) -> Result<PublicKey, JwkError> {
        PublicKey::parse(json.as_bytes())
    }

    #[test]
    fn each_kind_has_its_algorithm() {
        for (json, algorithm) in
            [(P256, Algorithm::Es256), (ED25519, Algorithm::EdDsa), (RSA, Algorithm::Rs256)]
        {
            assert_eq!(parse(json).unwrap().algorithm(), algorithm);
        }
        assert_eq!(parse(&RSA.replace("RS256", "PS256")).unwrap().algorithm(), Algorithm::Ps256);
    }

    #[test]
    fn thumbprints_of_rfc_7638_and_rfc_8037() {
        assert_eq!(parse(RSA).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(parse(ED25519).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_written_key_reads_as_itself() {
        for json in [P256, ED25519, RSA] {
            let key = parse(json).unwrap();
            let again = parse(&key.to_jwk().to_string()).unwrap();
            assert_eq!((again.thumbprint(), again.algorithm()), (key.thumbprint(), key.algorithm()));
        }
        let jwk = parse(ED25519).unwrap().to_jwk();
        assert_eq!(
            jwk,
            json!({
                "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "alg": "EdDSA", "use": "sig", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
            })
        );
    }

    #[track_caller]
    fn refuse(json: &str, expected: JwkError) {
        assert_eq!(parse(json).unwrap_err(), expected, "{json}");
    }

    fn with(json: &str, member: &str) -> String {
        json.replacen('{', &format!("{{{member},"), 1)
    }

    #[test]
    fn private_members_are_refused() {
        for name in PRIVATE_MEMBERS {
            for json in [P256, ED25519, RSA] {
                refuse(&with(json, &format!(r#""{name}":"AA""#)), JwkError::Private(name));
            }
        }
        refuse(r#"{"kty":"oct","k":"AAEC"}"#, JwkError::Private("k"));
    }

    #[test]
    fn an_algorithm_of_another_kind_is_refused() {
        for alg in ["none", "HS256", "ES384", "RS256", "EdDSA", "es256", ""] {
            refuse(&with(P256, &format!(r#""alg":"{alg}""#)), JwkError::Algorithm);
        }
        refuse(&with(P256, r#""alg":1"#), JwkError::Algorithm);
        refuse(&RSA.replace("RS256", "ES256"), JwkError::Algorithm);
        refuse(&RSA.replace(r#","alg":"RS256""#, ""), JwkError::Algorithm);
    }

    #[test]
    fn an_algorithm_outside_the_key_must_be_the_one_inside() {
        let read = |json: &str, outside| {
            PublicKey::from_members(&json::object(json.as_bytes()).unwrap(), Some(outside))
                .map(|key| key.algorithm())
        };
        let silent = RSA.replace(r#","alg":"RS256""#, "");
        assert_eq!(read(&silent, Algorithm::Ps256), Ok(Algorithm::Ps256));
        assert_eq!(read(RSA, Algorithm::Rs256), Ok(Algorithm::Rs256));
        assert_eq!(read(RSA, Algorithm::Ps256), Err(JwkError::Algorithm));
        assert_eq!(read(&silent, Algorithm::Es256), Err(JwkError::Algorithm));
        assert_eq!(read(P256, Algorithm::EdDsa), Err(JwkError::Algorithm));
    }

    #[test]
    fn other_kinds_curves_and_uses_are_refused() {
        refuse(&P256.replace("P-256", "P-384"), JwkError::Kind);
        refuse(&P256.replace("P-256", "secp256k1"), JwkError::Kind);
        refuse(&P256.replace("EC", "OKP"), JwkError::Kind);
        refuse(&ED25519.replace("Ed25519", "X25519"), JwkError::Kind);
        refuse(&with(P256, r#""use":"enc""#), JwkError::Use);
        refuse(&with(P256, r#""key_ops":["sign"]"#), JwkError::Use);
        refuse(&with(P256, r#""key_ops":"verify""#), JwkError::Use);
        assert!(parse(&with(P256, r#""key_ops":["verify"],"use":"sig","ext":true"#)).is_ok());
    }

    #[test]
    fn malformed_members_are_named() {
        refuse(&P256.replace("f83O", "f83"), JwkError::Member("x"));
        refuse(&P256.replace("f83O", "f83+"), JwkError::Member("x"));
        refuse(&P256.replace("RVEU", "RVEU="), JwkError::Member("x"));
        refuse(&P256.replace("RVEU", "RVEV"), JwkError::Member("x"));
        refuse(&P256.replace("\"y\"", "\"z\""), JwkError::Member("y"));
        refuse(&P256.replace(r#""crv":"P-256","#, ""), JwkError::Member("crv"));
        refuse("{}", JwkError::Member("kty"));
        refuse(&P256.replace("x_FE", "x_FF"), JwkError::Invalid(InvalidKey::NotOnCurve));
        refuse(&RSA.replace("AQAB", "Ag"), JwkError::Invalid(InvalidKey::Exponent));
        refuse(&RSA.replace("AQAB", "AAEAAQ"), JwkError::Invalid(InvalidKey::LeadingZeros));
        refuse(
            r#"{"kty":"RSA","alg":"RS256","n":"AQAB","e":"AQAB"}"#,
            JwkError::Invalid(InvalidKey::Modulus),
        );
    }

    #[test]
    fn what_is_no_object_is_twice_there_or_too_long_is_refused() {
        refuse("[]", JwkError::Json(InvalidJson));
        refuse(&with(P256, r#""kty":"EC""#), JwkError::Json(InvalidJson));
        refuse(&" ".repeat(JWK_BYTES_MAX + 1), JwkError::TooLong);
    }
}
