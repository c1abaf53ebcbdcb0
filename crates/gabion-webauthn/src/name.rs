//! The byte strings of a ceremony, each within its length.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base64url::Base64Url;

/// Bytes of a credential's id at most (WebAuthn Level 3 section 6.5.1).
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1023;

/// Bytes of a user handle at most (WebAuthn Level 3 section 5.4.3).
pub const USER_HANDLE_BYTES_MAX: usize = 64;

/// Bytes of a challenge at least (WebAuthn Level 3 section 13.4.3).
pub const CHALLENGE_BYTES_MIN: usize = 16;

/// Bytes of a challenge at most. More adds nothing.
pub const CHALLENGE_BYTES_MAX: usize = 128;

/// The bytes are too few or too many for what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {min} to {max} bytes")]
pub struct WrongLength {
    what: &'static str,
    min: usize,
    max: usize,
}

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "Base64Url", into = "Base64Url")]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Takes these bytes.
            ///
            /// # Errors
            /// [`WrongLength`].
            pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, WrongLength> {
                let bytes = bytes.into();
                if ($min..=$max).contains(&bytes.len()) {
                    return Ok(Self(bytes));
                }
                Err(WrongLength { what: $what, min: $min, max: $max })
            }

            /// The bytes themselves.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// Base64url without padding.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Base64Url(self.0.clone()), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl TryFrom<Base64Url> for $name {
            type Error = WrongLength;

            fn try_from(bytes: Base64Url) -> Result<Self, WrongLength> {
                Self::new(bytes.0)
            }
        }

        impl From<$name> for Base64Url {
            fn from(name: $name) -> Self {
                Self(name.0)
            }
        }
    };
}

bytes! {
    /// What an authenticator calls a credential. Unique among all credentials of all authenticators.
    CredentialId, "a credential id", 1, CREDENTIAL_ID_BYTES_MAX
}

bytes! {
    /// What the shop calls an account towards authenticators: random, the same for all passkeys of the account, and no
    /// address or name, since an authenticator shows it to whoever holds it (WebAuthn Level 3 section 14.6.1).
    UserHandle, "a user handle", 1, USER_HANDLE_BYTES_MAX
}

bytes! {
    /// What one ceremony signs so that no other can be answered with it: random bytes, used once.
    Challenge, "a challenge", CHALLENGE_BYTES_MIN, CHALLENGE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_kept() {
        assert!(CredentialId::new([]).is_err() && UserHandle::new([]).is_err());
        assert!(CredentialId::new([0; CREDENTIAL_ID_BYTES_MAX]).is_ok());
        assert!(CredentialId::new([0; CREDENTIAL_ID_BYTES_MAX + 1]).is_err());
        assert!(UserHandle::new([0; USER_HANDLE_BYTES_MAX + 1]).is_err());
        assert!(Challenge::new([0; CHALLENGE_BYTES_MIN - 1]).is_err());
        let error = Challenge::new([0; CHALLENGE_BYTES_MAX + 1]).unwrap_err();
        assert_eq!(error.to_string(), "a challenge has 16 to 128 bytes");
    }

    #[test]
    fn json_that_is_too_long_is_refused_too() {
        let long = format!("\"{}\"", "A".repeat(88));
        assert!(serde_json::from_str::<UserHandle>(&long).is_err());
        let handle: UserHandle = serde_json::from_str("\"AAEC\"").unwrap();
        assert_eq!((handle.as_bytes(), handle.to_string().as_str()), ([0, 1, 2].as_slice(), "AAEC"));
    }
}
