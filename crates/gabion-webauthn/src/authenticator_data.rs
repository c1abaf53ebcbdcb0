//! What an authenticator signs: the relying party, what the user did, and the new credential (WebAuthn Level 3 section
//! 6.1).

use std::fmt;
use std::str::FromStr;

use gabion_crypto::digest::SHA256_BYTES;
use serde::{Deserialize, Serialize};

use crate::cbor::{CborError, Value};
use crate::cose::{KeyError, PublicKey};
use crate::name::{CREDENTIAL_ID_BYTES_MAX, CredentialId};

/// Bytes of authenticator data at most: the longest credential id, the longest key and two kilobytes for extensions.
pub const AUTHENTICATOR_DATA_BYTES_MAX: usize = 4096;

/// Bytes of what every authenticator data begins with.
const HEAD_BYTES: usize = SHA256_BYTES + 1 + 4;

/// Bytes of an AAGUID.
const AAGUID_BYTES: usize = 16;

/// What the user did and what the credential is, as the authenticator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    const EXTENSIONS: u8 = 1 << 7;
    const CREDENTIAL: u8 = 1 << 6;

    /// UP: somebody was there.
    pub fn user_present(self) -> bool {
        self.has(1 << 0)
    }

    /// UV: it was the owner, by fingerprint, face or PIN.
    pub fn user_verified(self) -> bool {
        self.has(1 << 2)
    }

    /// BE: the credential can be copied to other devices. That never changes.
    pub fn backup_eligible(self) -> bool {
        self.has(1 << 3)
    }

    /// BS: it has been.
    pub fn backed_up(self) -> bool {
        self.has(1 << 4)
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// The model of an authenticator, as it says itself. Proof only with attestation, which is not asked for; fit for
/// showing a name and a picture. All zeros: it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Aaguid(pub [u8; AAGUID_BYTES]);

impl fmt::Display for Aaguid {
    /// As a UUID, the way lists of authenticators write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

/// The text is no AAGUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in lower case")]
pub struct InvalidAaguid;

impl FromStr for Aaguid {
    type Err = InvalidAaguid;

    fn from_str(text: &str) -> Result<Self, InvalidAaguid> {
        let digits = text.replace('-', "");
        let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).map_err(|_| InvalidAaguid)?;
        let aaguid = Self(bytes.try_into().map_err(|_| InvalidAaguid)?);
        if aaguid.to_string() == text { Ok(aaguid) } else { Err(InvalidAaguid) }
    }
}

impl TryFrom<String> for Aaguid {
    type Error = InvalidAaguid;

    fn try_from(text: String) -> Result<Self, InvalidAaguid> {
        text.parse()
    }
}

impl From<Aaguid> for String {
    fn from(aaguid: Aaguid) -> Self {
        aaguid.to_string()
    }
}

/// Why bytes are no authenticator data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticatorDataError {
    /// Longer than [`AUTHENTICATOR_DATA_BYTES_MAX`].
    #[error("longer than {AUTHENTICATOR_DATA_BYTES_MAX} bytes")]
    TooLong,
    /// The bytes end before what the flags announce.
    #[error("ends early")]
    Truncated,
    /// Bytes follow what the flags announce.
    #[error("bytes follow what the flags announce")]
    Trailing,
    /// The credential's id is empty or too long.
    #[error("the credential id has {0} bytes, not 1 to {CREDENTIAL_ID_BYTES_MAX}")]
    CredentialId(u16),
    /// The credential's public key is refused.
    #[error("public key: {0}")]
    PublicKey(#[from] KeyError),
    /// The extensions are not a canonical map with names as keys.
    #[error("extensions: {0}")]
    Extensions(CborError),
    /// The extensions are something else.
    #[error("the extensions are no map of names")]
    ExtensionsNotNamed,
}

/// A credential that the authenticator made (section 6.5.1).
#[derive(Debug)]
pub struct AttestedCredential<'a> {
    /// The authenticator's model, as it says.
    pub aaguid: Aaguid,
    /// The credential's id.
    pub id: CredentialId,
    /// The credential's public key.
    pub key: PublicKey,
    /// The same as the bytes it was read from.
    pub key_bytes: &'a [u8],
}

/// Authenticator data that was read as a whole.
#[derive(Debug)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the relying party's id.
    pub rp_id_hash: [u8; SHA256_BYTES],
    /// What the user did, and what the credential is.
    pub flags: Flags,
    /// How often the authenticator signed, or zero where it does not count.
    pub sign_count: u32,
    /// The new credential, in a registration.
    pub credential: Option<AttestedCredential<'a>>,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads authenticator data. Extensions are read for their form and then ignored, reserved flags are ignored.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, AuthenticatorDataError> {
        use AuthenticatorDataError::{Extensions, ExtensionsNotNamed, TooLong, Trailing};
        if bytes.len() > AUTHENTICATOR_DATA_BYTES_MAX {
            return Err(TooLong);
        }
        let (head, mut rest) = split::<HEAD_BYTES>(bytes)?;
        let (rp_id_hash, head) = split::<SHA256_BYTES>(head)?;
        let ([flags], sign_count) = split::<1>(head)?;
        let (sign_count, _) = split::<4>(sign_count)?;
        let flags = Flags(*flags);
        let mut credential = None;
        if flags.has(Flags::CREDENTIAL) {
            let (read, after) = AttestedCredential::read(rest)?;
            (credential, rest) = (Some(read), after);
        }
        if flags.has(Flags::EXTENSIONS) {
            let (extensions, after) = Value::read_first(rest).map_err(Extensions)?;
            let named = extensions.map().is_some_and(|map| map.keys().all(|key| key.text().is_some()));
            if !named {
                return Err(ExtensionsNotNamed);
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Trailing);
        }
        let sign_count = u32::from_be_bytes(*sign_count);
        Ok(Self { rp_id_hash: *rp_id_hash, flags, sign_count, credential })
    }
}

impl<'a> AttestedCredential<'a> {
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), AuthenticatorDataError> {
        let (aaguid, rest) = split::<AAGUID_BYTES>(bytes)?;
        let (length, rest) = split::<2>(rest)?;
        let length = u16::from_be_bytes(*length);
        if length == 0 || usize::from(length) > CREDENTIAL_ID_BYTES_MAX {
            return Err(AuthenticatorDataError::CredentialId(length));
        }
        let (id, rest) =
            rest.split_at_checked(usize::from(length)).ok_or(AuthenticatorDataError::Truncated)?;
        let id = CredentialId::new(id).map_err(|_| AuthenticatorDataError::CredentialId(length))?;
        let (key, key_bytes, rest) = PublicKey::read_first(rest)?;
        Ok((Self { aaguid: Aaguid(*aaguid), id, key, key_bytes }, rest))
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), AuthenticatorDataError> {
    bytes.split_first_chunk().ok_or(AuthenticatorDataError::Truncated)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// An Ed25519 key: 42 bytes.
    const KEY: &str = "a4010103272006215820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn bytes(flags: u8, hex: &str) -> Vec<u8> {
        [&[0xab; 32], [flags, 0, 0, 1, 2].as_slice(), &HEXLOWER.decode(hex.as_bytes()).unwrap()].concat()
    }

    fn error(flags: u8, hex: &str) -> AuthenticatorDataError {
        AuthenticatorData::read(&bytes(flags, hex)).unwrap_err()
    }

    fn credential(id_bytes: u16) -> String {
        format!("{}{id_bytes:04x}{}{KEY}", "cd".repeat(16), "ef".repeat(id_bytes.into()))
    }

    #[test]
    fn an_assertions_data_is_read() {
        let bytes = bytes(0x1d, "");
        let data = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!((data.rp_id_hash, data.sign_count), ([0xab; 32], 0x102));
        assert!(data.flags.user_present() && data.flags.user_verified());
        assert!(data.flags.backup_eligible() && data.flags.backed_up());
        assert!(data.credential.is_none());
    }

    #[test]
    fn each_flag_is_one_bit() {
        let read = |flags| {
            let flags = AuthenticatorData::read(&bytes(flags, "")).unwrap().flags;
            [flags.user_present(), flags.user_verified(), flags.backup_eligible(), flags.backed_up()]
        };
        assert_eq!(read(0x01), [true, false, false, false]);
        assert_eq!(read(0x04), [false, true, false, false]);
        assert_eq!(read(0x08), [false, false, true, false]);
        assert_eq!(read(0x10), [false, false, false, true]);
        assert_eq!(read(0x22), [false; 4], "reserved flags are ignored");
    }

    #[test]
    fn a_registrations_data_is_read_with_and_without_extensions() {
        for (flags, extensions) in [(0x41, ""), (0xc1, "a16b6372656450726f7465637403"), (0xc1, "a0")] {
            let bytes = bytes(flags, &format!("{}{extensions}", credential(20)));
            let credential = AuthenticatorData::read(&bytes).unwrap().credential.unwrap();
            assert_eq!(credential.aaguid, Aaguid([0xcd; 16]));
            assert_eq!(credential.id.as_bytes(), [0xef; 20]);
            assert_eq!(HEXLOWER.encode(credential.key_bytes), KEY);
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        use AuthenticatorDataError::{CredentialId, TooLong, Trailing, Truncated};
        assert_eq!(AuthenticatorData::read(&[0; HEAD_BYTES - 1]).unwrap_err(), Truncated);
        assert_eq!(AuthenticatorData::read(&[0; AUTHENTICATOR_DATA_BYTES_MAX + 1]).unwrap_err(), TooLong);
        assert_eq!(error(0x01, "00"), Trailing);
        assert_eq!(error(0x41, &format!("{}00", credential(20))), Trailing);
        assert_eq!(error(0x41, ""), Truncated);
        assert_eq!(error(0x41, &credential(0)), CredentialId(0));
        assert_eq!(error(0x41, &credential(1024)), CredentialId(1024));
        assert_eq!(error(0x41, &format!("{}ffff", "00".repeat(16))), CredentialId(u16::MAX));
        assert_eq!(error(0x41, &format!("{}0014", "00".repeat(16))), Truncated);
        assert!(AuthenticatorData::read(&bytes(0x41, &credential(1023))).is_ok());
    }

    #[test]
    fn keys_and_extensions_that_are_none_are_refused() {
        use AuthenticatorDataError::{Extensions, ExtensionsNotNamed, PublicKey};
        let early = PublicKey(KeyError::Cbor(CborError::Truncated));
        assert_eq!(error(0x41, &credential(20)[..credential(20).len() - 2]), early);
        assert_eq!(error(0x81, ""), Extensions(CborError::Truncated));
        assert_eq!(error(0x81, "bfff"), Extensions(CborError::Indefinite));
        assert_eq!(error(0x81, "80"), ExtensionsNotNamed);
        assert_eq!(error(0x81, "a10102"), ExtensionsNotNamed);
    }

    #[test]
    fn models_are_written_as_uuids() {
        let aaguid = Aaguid(std::array::from_fn(|place| u8::try_from(place * 17).unwrap()));
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(aaguid.to_string(), text);
        assert_eq!(text.parse(), Ok(aaguid));
        for wrong in ["", "00112233445566778899aabbccddeeff", &text[1..], &text.to_uppercase()] {
            assert_eq!(wrong.parse::<Aaguid>(), Err(InvalidAaguid), "{wrong}");
        }
    }
}
