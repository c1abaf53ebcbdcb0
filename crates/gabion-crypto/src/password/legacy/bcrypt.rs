//! bcrypt, and what WordPress does before it.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::text::{BCRYPT, at_most, number};
use super::{BCRYPT_COST_MAX, LegacyError, LegacyFormat};

/// The lowest cost there is.
const COST_MIN: u8 = 4;
const SALT_CHARS: usize = 22;
const SALT_BYTES: usize = 16;
/// What bcrypt reads of a password and the zero behind it; the rest counts nothing.
const INPUT_BYTES_MAX: usize = 72;
/// `$2y$10$` and the salt.
const SETTING_BYTES: usize = 7 + SALT_CHARS;

/// `$2y$10$<salt>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Bcrypt {
    cost: u8,
    salt: [u8; SALT_BYTES],
}

/// Divides `$2y$…` or `$wp$2y$…`.
pub(super) fn split(text: &str) -> Option<(String, Vec<u8>)> {
    let prefix = if text.starts_with("$wp") { 3 } else { 0 };
    let (setting, digest) = text.split_at_checked(prefix + SETTING_BYTES)?;
    Some((setting.to_owned(), BCRYPT.decode(digest.as_bytes()).ok()?))
}

impl Bcrypt {
    /// The last of 24 bytes is never stored.
    pub(super) const DIGEST_BYTES: usize = 23;

    pub(super) fn parse(format: LegacyFormat, setting: &str) -> Result<Self, LegacyError> {
        let malformed = LegacyError::Malformed(format);
        let (cost, salt) = fields(setting).ok_or(malformed.clone())?;
        let cost = at_most("the cost of bcrypt", cost, BCRYPT_COST_MAX)?;
        if cost < COST_MIN { Err(malformed) } else { Ok(Self { cost, salt }) }
    }

    pub(super) fn digest(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut input = Zeroizing::new([password, &[0]].concat());
        input.truncate(INPUT_BYTES_MAX);
        let output = Zeroizing::new(bcrypt::bcrypt(self.cost.into(), self.salt, &input));
        Zeroizing::new(output[..Self::DIGEST_BYTES].to_vec())
    }
}

/// The cost and the salt. `$2x$` is the form of a program that hashed wrongly, and is refused.
fn fields(setting: &str) -> Option<(u64, [u8; SALT_BYTES])> {
    let mut parts = setting.strip_prefix('$')?.split('$');
    if !matches!(parts.next()?, "2a" | "2b" | "2y") {
        return None;
    }
    let cost = parts.next().filter(|cost| cost.len() == 2).and_then(number)?;
    let salt = parts.next().filter(|salt| salt.len() == SALT_CHARS)?;
    let salt = BCRYPT.decode(salt.as_bytes()).ok()?.try_into().ok()?;
    parts.next().is_none().then_some((cost, salt))
}

/// What WordPress gives to bcrypt, so that all of a long password counts.
pub(super) fn wordpress(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
    Zeroizing::new(BASE64.encode(hmac::sign(&key, password).as_ref()).into_bytes())
}
