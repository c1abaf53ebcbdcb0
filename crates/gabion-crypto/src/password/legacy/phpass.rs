//! phpass, by Solar Designer: a digest of salt and password, then many of the digest before and the password.

use aws_lc_rs::digest::{SHA512, digest};
use zeroize::Zeroizing;

use super::fast::md5;
use super::text::{PHPASS, at_most};
use super::{LegacyError, LegacyFormat, PHPASS_ROUNDS_LOG2_MAX};

/// `$P$`, one character for the rounds, eight for the salt.
const SETTING_BYTES: usize = 12;
/// Fewest rounds, as a power of two, that phpass makes.
const ROUNDS_LOG2_MIN: u8 = 7;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Md5,
    /// As Drupal writes it: cut to 43 characters.
    Sha512,
}

/// `$P$B<salt>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Phpass {
    digest: Digest,
    rounds: u32,
    salt: String,
}

/// Divides the text. The digest stays in characters: Drupal's ends within a byte.
pub(super) fn split(text: &str) -> Option<(String, Vec<u8>)> {
    let (setting, digest) = text.split_at_checked(SETTING_BYTES)?;
    let symbols = PHPASS.specification().symbols;
    digest.chars().all(|c| symbols.contains(c)).then(|| (setting.to_owned(), digest.into()))
}

impl Phpass {
    pub(super) fn parse(format: LegacyFormat, setting: &str, digest: Digest) -> Result<Self, LegacyError> {
        let malformed = || LegacyError::Malformed(format);
        let (prefix, rest) = setting.split_at_checked(3).ok_or_else(malformed)?;
        let known = match digest {
            Digest::Md5 => matches!(prefix, "$P$" | "$H$"),
            Digest::Sha512 => prefix == "$S$",
        };
        let (rounds, salt) = rest.split_at_checked(1).ok_or_else(malformed)?;
        if !known || setting.len() != SETTING_BYTES {
            return Err(malformed());
        }
        let log2 = PHPASS.specification().symbols.find(rounds).ok_or_else(malformed)?;
        let log2 = at_most("the logarithm of phpass's rounds", log2 as u64, PHPASS_ROUNDS_LOG2_MAX)?;
        if log2 < ROUNDS_LOG2_MIN {
            return Err(malformed());
        }
        Ok(Self { digest, rounds: 1 << log2, salt: salt.to_owned() })
    }

    pub(super) const fn digest_bytes(&self) -> usize {
        match self.digest {
            Digest::Md5 => 22,
            Digest::Sha512 => 43,
        }
    }

    pub(super) fn digest(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut last = self.once(self.salt.as_bytes(), password);
        for _ in 0..self.rounds {
            last = self.once(&last, password);
        }
        let mut text = Zeroizing::new(PHPASS.encode(&last).into_bytes());
        text.truncate(self.digest_bytes());
        text
    }

    fn once(&self, before: &[u8], password: &[u8]) -> Zeroizing<Vec<u8>> {
        match self.digest {
            Digest::Md5 => md5(&[before, password]),
            Digest::Sha512 => {
                let input = Zeroizing::new([before, password].concat());
                Zeroizing::new(digest(&SHA512, &input).as_ref().to_vec())
            }
        }
    }
}
