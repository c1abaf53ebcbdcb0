//! Names that nobody can read back.

use serde::{Deserialize, Serialize};

/// A keyed digest of an account's name or of a password, shortened to 128 bits. The caller makes it with a key of its
/// own (HMAC-SHA-256); an unkeyed digest of a password would be as good as the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// The first half of a tag of HMAC-SHA-256.
    pub fn of_tag(tag: &[u8; 32]) -> Self {
        let (half, _) = tag.split_first_chunk().expect("16 of 32 bytes");
        Self(*half)
    }
}

/// The digest of a device cookie's 128 random bits. The cookie itself is a secret and stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(pub [u8; 16]);
