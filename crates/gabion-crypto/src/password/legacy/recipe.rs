//! How to compute an old digest from a password.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::argon::Argon;
use super::bcrypt::Bcrypt;
use super::django::Django;
use super::fast::{OpenCart, SaltedMd5};
use super::firebase::Firebase;
use super::magento::Magento;
use super::phpass::{Digest, Phpass};
use super::{LEGACY_HASH_BYTES_MAX, LegacyError, LegacyFormat};
use crate::password::PasswordError;

/// What PHP's `trim` takes off both ends.
const TRIMMED: [char; 6] = [' ', '\t', '\n', '\r', '\0', '\x0b'];

/// Everything of an imported hash but its digest.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::password) struct Recipe {
    format: LegacyFormat,
    /// As it is stored; `work` is read from it.
    setting: String,
    work: Work,
}

#[derive(Clone, PartialEq, Eq)]
enum Work {
    /// WordPress hashes the password by a keyed hash before.
    WordPress(Bcrypt),
    Bcrypt(Bcrypt),
    Phpass(Phpass),
    Md5(SaltedMd5),
    OpenCart(OpenCart),
    Magento(Magento),
    Argon(Argon),
    Django(Django),
    Firebase(Firebase),
}

impl Recipe {
    /// Reads a setting, and refuses costs beyond the limits.
    pub(super) fn parse(format: LegacyFormat, setting: String) -> Result<Self, LegacyError> {
        if setting.len() > LEGACY_HASH_BYTES_MAX {
            return Err(LegacyError::TooLong);
        }
        let work = match format {
            LegacyFormat::WordPress => {
                let inner = setting.strip_prefix("$wp").ok_or(LegacyError::Malformed(format))?;
                Work::WordPress(Bcrypt::parse(format, inner)?)
            }
            LegacyFormat::Bcrypt => Work::Bcrypt(Bcrypt::parse(format, &setting)?),
            LegacyFormat::Phpass => Work::Phpass(Phpass::parse(format, &setting, Digest::Md5)?),
            LegacyFormat::Drupal7 => Work::Phpass(Phpass::parse(format, &setting, Digest::Sha512)?),
            LegacyFormat::Md5 if !setting.is_empty() => return Err(LegacyError::Malformed(format)),
            LegacyFormat::Md5 | LegacyFormat::Magento1 | LegacyFormat::PrestaShop => {
                Work::Md5(SaltedMd5::new(&setting))
            }
            LegacyFormat::OpenCart => Work::OpenCart(OpenCart::new(&setting)),
            LegacyFormat::Magento2 => Work::Magento(Magento::parse(&setting)?),
            LegacyFormat::Argon2 => Work::Argon(Argon::parse(&setting)?),
            LegacyFormat::Django => Work::Django(Django::parse(&setting)?),
            LegacyFormat::Firebase => Work::Firebase(Firebase::parse(&setting)?),
        };
        Ok(Self { format, setting, work })
    }

    pub(super) const fn format(&self) -> LegacyFormat {
        self.format
    }

    /// The length of what [`digests`](Self::digests) gives.
    pub(super) fn digest_bytes(&self) -> usize {
        match &self.work {
            Work::WordPress(_) | Work::Bcrypt(_) => Bcrypt::DIGEST_BYTES,
            Work::Phpass(phpass) => phpass.digest_bytes(),
            Work::Md5(_) => SaltedMd5::DIGEST_BYTES,
            Work::OpenCart(_) => OpenCart::DIGEST_BYTES,
            Work::Magento(magento) => magento.digest_bytes(),
            Work::Argon(argon) => argon.digest_bytes(),
            Work::Django(_) => Django::DIGEST_BYTES,
            Work::Firebase(firebase) => firebase.digest_bytes(),
        }
    }

    /// Memory that one digest takes, in KiB.
    pub(in crate::password) fn memory_kib(&self) -> u32 {
        match &self.work {
            Work::Argon(argon) => argon.memory_kib(),
            Work::Magento(magento) => magento.memory_kib(),
            Work::Firebase(firebase) => firebase.memory_kib(),
            _ => 0,
        }
    }

    /// The digests that `password` may have had. WordPress takes spaces off both ends, some of its plugins do not.
    pub(in crate::password) fn digests(
        &self,
        password: &str,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, PasswordError> {
        let mut digests = vec![self.digest(password.as_bytes())?];
        let trimmed = password.trim_matches(TRIMMED);
        let trims = matches!(self.format, LegacyFormat::WordPress | LegacyFormat::Phpass);
        if trims && trimmed != password {
            digests.push(self.digest(trimmed.as_bytes())?);
        }
        Ok(digests)
    }

    fn digest(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        match &self.work {
            Work::WordPress(bcrypt) => Ok(bcrypt.digest(&super::bcrypt::wordpress(password))),
            Work::Bcrypt(bcrypt) => Ok(bcrypt.digest(password)),
            Work::Phpass(phpass) => Ok(phpass.digest(password)),
            Work::Md5(md5) => Ok(md5.digest(password)),
            Work::OpenCart(opencart) => Ok(opencart.digest(password)),
            Work::Magento(magento) => magento.digest(password),
            Work::Argon(argon) => argon.digest(password),
            Work::Django(django) => Ok(django.digest(password)),
            Work::Firebase(firebase) => Ok(firebase.digest(password)),
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.format, self.setting)
    }
}

impl FromStr for Recipe {
    type Err = LegacyError;

    fn from_str(text: &str) -> Result<Self, LegacyError> {
        let (name, setting) = text.split_once(':').ok_or(LegacyError::Unrecognized)?;
        let format = name.parse().map_err(|_| LegacyError::Unrecognized)?;
        Self::parse(format, setting.to_owned())
    }
}
