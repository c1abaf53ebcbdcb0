//! Signed tokens: compact JWS (RFC 7515), with the advice of RFC 8725 built in.
//!
//! The key says which algorithm a token must have, never the token. A payload is readable only once its signature was
//! verified. The one place where a token may bring its own key is [`Unverified::verify_embedded`], for proofs of
//! possession (RFC 9449).

mod token_key;

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::json::{self, InvalidJson, Members};
use crate::jwk::{Algorithm, JwkError, PublicKey};

pub use token_key::{OpenKeyError, TokenKey};

/// Bytes of a token at most. Ours have under a thousand; headers of requests are limited to 64 KiB.
pub const JWS_BYTES_MAX: usize = 16 * 1024;

/// Header members that bring a key or tell where to fetch one.
const KEY_MEMBERS: [&str; 4] = ["jwk", "jku", "x5c", "x5u"];

/// Why a token was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than [`JWS_BYTES_MAX`].
    #[error("longer than {JWS_BYTES_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url without padding.
    #[error("not three parts of base64url")]
    Form,
    /// The header is not JSON that can be read in one way.
    #[error("the header is {0}")]
    Header(#[from] InvalidJson),
    /// A header member is missing or of another type.
    #[error("the header member {0} is missing or malformed")]
    Member(&'static str),
    /// The header demands an extension; we know none (RFC 7515 section 4.1.11).
    #[error("the header demands an extension")]
    Critical,
    /// The header brings a key, or says where to get one.
    #[error("the header brings a key: {0}")]
    KeyInside(&'static str),
    /// The algorithm is not the key's, or is not allowed.
    #[error("the algorithm is not the one of the key")]
    Algorithm,
    /// The header says that this is something else (RFC 8725 section 3.11).
    #[error("the token is of another type")]
    Type,
    /// The key in the header is not acceptable.
    #[error("the key in the header: {0}")]
    Key(#[from] JwkError),
    /// The signature is of another key or another text.
    #[error("the signature is wrong")]
    Signature,
}

/// A token that was read and not verified. Nothing in it is true yet.
pub struct Unverified<'a> {
    /// What is signed: header and payload as they stand.
    signed: &'a str,
    header: Members,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Reads a token.
    ///
    /// # Errors
    /// [`JwsError`], of form and header only.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > JWS_BYTES_MAX {
            return Err(JwsError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Form)?;
        // A fourth part would be a dot in the payload, which is no letter of base64url.
        let header = json::object(&decode(header)?)?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(JwsError::Critical);
        }
        for optional in ["kid", "typ"] {
            if header.get(optional).is_some_and(|value| !value.is_string()) {
                return Err(JwsError::Member(optional));
            }
        }
        if !header.get("alg").is_some_and(Value::is_string) {
            return Err(JwsError::Member("alg"));
        }
        Ok(Self { signed, header, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The name of the key, by which to look for one of ours. Chosen by whoever wrote the token.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Verifies it with a key that we know already. With `typ` the header must name that type, without regard to case.
    ///
    /// # Errors
    /// [`JwsError::KeyInside`], [`JwsError::Algorithm`], [`JwsError::Type`] and [`JwsError::Signature`].
    pub fn verify(self, key: &PublicKey, typ: Option<&str>) -> Result<Verified, JwsError> {
        self.brings_none_of(&KEY_MEMBERS)?;
        self.check(key, typ)
    }

    /// Verifies it with the public key in its own header, of an algorithm in `allowed`, and gives that key too. This
    /// proves that whoever wrote the token holds the key, and nothing else: compare its thumbprint with what is expected.
    ///
    /// # Errors
    /// As [`verify`](Self::verify); [`JwsError::Member`] when there is no key and [`JwsError::Key`] when it is unacceptable.
    pub fn verify_embedded(
        self,
        typ: &str,
        allowed: &[Algorithm],
    ) -> Result<(Verified, PublicKey), JwsError> {
        self.brings_none_of(&KEY_MEMBERS[1..])?;
        let Some(Value::Object(jwk)) = self.header.get("jwk") else { return Err(JwsError::Member("jwk")) };
        let algorithm = Algorithm::named(self.algorithm()).filter(|named| allowed.contains(named));
        let key = PublicKey::from_members(jwk, Some(algorithm.ok_or(JwsError::Algorithm)?))?;
        Ok((self.check(&key, Some(typ))?, key))
    }

    fn check(self, key: &PublicKey, typ: Option<&str>) -> Result<Verified, JwsError> {
        if self.algorithm() != key.algorithm().as_str() {
            return Err(JwsError::Algorithm);
        }
        let given = self.header.get("typ").and_then(Value::as_str);
        if let Some(expected) = typ
            && !given.is_some_and(|given| given.eq_ignore_ascii_case(expected))
        {
            return Err(JwsError::Type);
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(JwsError::Signature);
        }
        Ok(Verified { header: self.header, payload: self.payload })
    }

    fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).expect("it was there when the token was read")
    }

    fn brings_none_of(&self, members: &[&'static str]) -> Result<(), JwsError> {
        let inside = members.iter().find(|name| self.header.contains_key(**name));
        inside.map_or(Ok(()), |name| Err(JwsError::KeyInside(name)))
    }
}

impl std::fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unverified(..)")
    }
}

/// A token whose signature was right. Made only by [`Unverified`].
pub struct Verified {
    header: Members,
    payload: Vec<u8>,
}

impl Verified {
    /// The header.
    pub const fn header(&self) -> &Members {
        &self.header
    }

    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as an object in which each member is there once.
    ///
    /// # Errors
    /// [`InvalidJson`].
    pub fn claims(&self) -> Result<Members, InvalidJson> {
        json::object(&self.payload)
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verified(..)")
    }
}

fn decode(text: &str) -> Result<Vec<u8>, JwsError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JwsError::Form)
}

#[cfg(test)]
mod tests;
