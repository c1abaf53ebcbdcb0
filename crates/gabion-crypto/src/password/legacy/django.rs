//! PBKDF2 with HMAC-SHA-256, as Django writes it.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use zeroize::Zeroizing;

use super::text::{at_most, base64, number};
use super::{LegacyError, LegacyFormat, PBKDF2_ITERATIONS_MAX};

/// `<iterations>$<salt>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Django {
    iterations: NonZeroU32,
    salt: String,
}

/// Divides `pbkdf2_sha256$…`.
pub(super) fn split(text: &str) -> Option<(String, Vec<u8>)> {
    let (setting, digest) = text.strip_prefix("pbkdf2_sha256$")?.rsplit_once('$')?;
    Some((setting.to_owned(), base64(digest)?))
}

impl Django {
    pub(super) const DIGEST_BYTES: usize = 32;

    pub(super) fn parse(setting: &str) -> Result<Self, LegacyError> {
        let malformed = || LegacyError::Malformed(LegacyFormat::Django);
        let (iterations, salt) = setting.split_once('$').ok_or_else(malformed)?;
        let iterations = number(iterations).ok_or_else(malformed)?;
        let iterations = at_most("the number of iterations of PBKDF2", iterations, PBKDF2_ITERATIONS_MAX)?;
        let iterations = NonZeroU32::new(iterations).ok_or_else(malformed)?;
        Ok(Self { iterations, salt: salt.to_owned() })
    }

    pub(super) fn digest(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![0; Self::DIGEST_BYTES]);
        pbkdf2::derive(PBKDF2_HMAC_SHA256, self.iterations, self.salt.as_bytes(), password, &mut out);
        out
    }
}
