//! Password hashes that customers bring along from the shop before.
//!
//! A [`LegacyHash`] is read from the old database's text, with its costs held against limits before any work is done,
//! and [wrapped](LegacyHash::wrap) at once: what is stored is argon2id with our pepper over the old digest, and what is
//! needed to compute that digest from a password. No MD5 or SHA digest stays readable. When the customer signs in,
//! [`verify`](super::verify) answers [`MatchNeedsRehash`](super::Verdict::MatchNeedsRehash).

mod argon;
mod bcrypt;
mod django;
mod fast;
mod firebase;
mod magento;
mod phpass;
pub(super) mod recipe;
mod text;

use std::fmt;
use std::str::FromStr;

use gabion_core::Entropy;
use zeroize::Zeroizing;

use super::{PasswordError, PasswordHash, stretch};
use crate::ring::KeyRing;
use recipe::Recipe;

/// Bytes of an imported hash with its salt. The longest known form, Firebase's, has some 250.
pub const LEGACY_HASH_BYTES_MAX: usize = 512;

/// Most memory an imported argon2 may ask for, in KiB: 256 MiB, four times what PHP and Magento use.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 262_144;
/// Most passes an imported argon2 may ask for.
pub const ARGON2_PASSES_MAX: u32 = 10;
/// Most lanes an imported argon2 may ask for; Django uses 8.
pub const ARGON2_LANES_MAX: u32 = 16;
/// Memory times passes of an imported argon2, in KiB, over all steps of a chain: about a second of one core.
pub const ARGON2_WORK_KIB_MAX: u32 = 1_048_576;

/// Highest cost of an imported bcrypt: about a second of one core. PHP uses 10 to 12.
pub const BCRYPT_COST_MAX: u8 = 14;

/// Most rounds of an imported phpass as a power of two: about 200 ms of one core. WordPress uses 13, Drupal 15 or 16.
pub const PHPASS_ROUNDS_LOG2_MAX: u8 = 18;

/// Most iterations of an imported PBKDF2: about a second of one core. Django 6 uses 1,200,000.
pub const PBKDF2_ITERATIONS_MAX: u32 = 2_000_000;

/// Highest memory cost of an imported scrypt, as a power of two; with blocks of 1 KiB it needs 128 MiB. Firebase uses 14.
pub const SCRYPT_LOG_N_MAX: u8 = 17;
/// Largest block of an imported scrypt, in units of 128 bytes.
pub const SCRYPT_BLOCK_MAX: u8 = 8;
/// Most lanes of an imported scrypt. Firebase uses one.
pub const SCRYPT_LANES_MAX: u8 = 2;

/// Most steps of a Magento hash that was upgraded again and again; Magento has four kinds of steps.
pub const MAGENTO_STEPS_MAX: usize = 4;

/// How the shop before hashed its passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegacyFormat {
    /// WordPress and WooCommerce from 6.8: `$wp$2y$…`.
    WordPress,
    /// WordPress before 6.8, phpBB: `$P$…`, `$H$…`.
    Phpass,
    /// MD5 of the password in hex, nothing else.
    Md5,
    /// Magento 2: `<hash>:<salt>:<version>`, with further versions where hashes were upgraded.
    Magento2,
    /// Magento 1: `<md5 of salt and password>:<salt>`.
    Magento1,
    /// PrestaShop before 1.7: MD5 of the shop's cookie key and the password. The key is the salt.
    PrestaShop,
    /// OpenCart before 4: SHA-1 three times, with the salt of a column of its own.
    OpenCart,
    /// bcrypt: `$2a$…`, `$2b$…`, `$2y$…`. PrestaShop from 1.7, Joomla, Drupal from 10.1, OpenCart 4.
    Bcrypt,
    /// Drupal 7 to 10.0: `$S$…`.
    Drupal7,
    /// argon2i and argon2id: `$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`, with Django's `argon2` before it or not.
    Argon2,
    /// Django: `pbkdf2_sha256$<iterations>$<salt>$<hash>`.
    Django,
    /// Firebase's own scrypt: `$firescrypt$ln=14,r=8,p=1$<salt>$<hash>$<salt separator>$<signer key>`.
    Firebase,
}

impl LegacyFormat {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::WordPress,
        Self::Phpass,
        Self::Md5,
        Self::Magento2,
        Self::Magento1,
        Self::PrestaShop,
        Self::OpenCart,
        Self::Bcrypt,
        Self::Drupal7,
        Self::Argon2,
        Self::Django,
        Self::Firebase,
    ];

    /// The name in import files and stored hashes. Never renamed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WordPress => "wordpress",
            Self::Phpass => "phpass",
            Self::Md5 => "md5",
            Self::Magento2 => "magento2",
            Self::Magento1 => "magento1",
            Self::PrestaShop => "prestashop",
            Self::OpenCart => "opencart",
            Self::Bcrypt => "bcrypt",
            Self::Drupal7 => "drupal7",
            Self::Argon2 => "argon2",
            Self::Django => "django",
            Self::Firebase => "firebase",
        }
    }

    /// Says whether the salt is not part of the hash's text and must be given beside it.
    pub const fn needs_salt(self) -> bool {
        matches!(self, Self::PrestaShop | Self::OpenCart)
    }

    /// The format a text shows to be of, if any. Those that need a salt beside them are never recognized.
    pub fn recognize(text: &str) -> Option<Self> {
        const PREFIXES: [(&str, LegacyFormat); 11] = [
            ("$wp$2y$", LegacyFormat::WordPress),
            ("$P$", LegacyFormat::Phpass),
            ("$H$", LegacyFormat::Phpass),
            ("$S$", LegacyFormat::Drupal7),
            ("$2a$", LegacyFormat::Bcrypt),
            ("$2b$", LegacyFormat::Bcrypt),
            ("$2y$", LegacyFormat::Bcrypt),
            ("$argon2i", LegacyFormat::Argon2),
            ("argon2$argon2i", LegacyFormat::Argon2),
            ("pbkdf2_sha256$", LegacyFormat::Django),
            ("$firescrypt$", LegacyFormat::Firebase),
        ];
        let by_prefix = PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix));
        by_prefix.map(|(_, format)| *format).or_else(|| {
            let (hash, rest) = text.split_once(':').unwrap_or((text, ""));
            let digest = hash.bytes().all(|b| b.is_ascii_hexdigit()).then_some(hash.len())?;
            match (digest, text.matches(':').count(), rest.is_empty()) {
                (32, 0, _) => Some(Self::Md5),
                (32, 1, false) => Some(Self::Magento1),
                (32..=128, 2.., false) => Some(Self::Magento2),
                _ => None,
            }
        })
    }
}

impl fmt::Display for LegacyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no password format has this name")]
pub struct UnknownFormat;

impl FromStr for LegacyFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(UnknownFormat)
    }
}

/// Why an imported hash was not taken. Never contains a part of it but a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// Longer than [`LEGACY_HASH_BYTES_MAX`].
    #[error("longer than {LEGACY_HASH_BYTES_MAX} bytes")]
    TooLong,
    /// No format was named, and the text does not show it.
    #[error("no known form of a password hash")]
    Unrecognized,
    /// The text is not of the format.
    #[error("not a hash of the format {0}")]
    Malformed(LegacyFormat),
    /// Checking a password would take more than the limits allow.
    #[error("{what} is {given}, more than {max}")]
    TooCostly {
        /// The parameter in words.
        what: &'static str,
        /// What the hash asks for.
        given: u64,
        /// What it may ask for.
        max: u64,
    },
    /// The format needs a salt beside the hash, and none was given.
    #[error("the format {0} needs a salt")]
    SaltMissing(LegacyFormat),
    /// A salt was given, and the format has none beside the hash.
    #[error("the format {0} has its salt in the hash")]
    SaltUnexpected(LegacyFormat),
}

/// An imported hash, parsed and within limits. It cannot be stored as it is: [`wrap`](Self::wrap) it.
pub struct LegacyHash {
    recipe: Recipe,
    digest: Zeroizing<Vec<u8>>,
}

impl LegacyHash {
    /// Reads a hash of a named format, or of the one that it shows itself. `salt` is what the old shop kept beside the
    /// hash: OpenCart's column, PrestaShop's cookie key. Computes nothing.
    ///
    /// # Errors
    /// What is wrong with the text or the salt.
    pub fn parse(text: &str, format: Option<LegacyFormat>, salt: Option<&str>) -> Result<Self, LegacyError> {
        if text.len() + salt.map_or(0, str::len) > LEGACY_HASH_BYTES_MAX {
            return Err(LegacyError::TooLong);
        }
        let format = format.or_else(|| LegacyFormat::recognize(text)).ok_or(LegacyError::Unrecognized)?;
        match (format.needs_salt(), salt) {
            (true, None) => return Err(LegacyError::SaltMissing(format)),
            (false, Some(_)) => return Err(LegacyError::SaltUnexpected(format)),
            _ => {}
        }
        let (setting, digest) =
            split(format, text, salt.unwrap_or_default()).ok_or(LegacyError::Malformed(format))?;
        let recipe = Recipe::parse(format, setting)?;
        if digest.len() != recipe.digest_bytes() {
            return Err(LegacyError::Malformed(format));
        }
        Ok(Self { recipe, digest })
    }

    /// The format it is of.
    pub const fn format(&self) -> LegacyFormat {
        self.recipe.format()
    }

    /// The form to store: argon2id with the current pepper over the old digest. As costly as
    /// [`hash`](super::hash); the old hash itself is not computed.
    ///
    /// # Errors
    /// [`PasswordError::OutOfMemory`].
    pub fn wrap(self, ring: &KeyRing, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
        let outer = stretch(&self.digest, ring, entropy)?;
        Ok(PasswordHash { legacy: Some(self.recipe), ..outer })
    }
}

impl fmt::Debug for LegacyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LegacyHash({})", self.format())
    }
}

/// The setting of a hash and its digest, which no one but the wrapping must see.
fn split(format: LegacyFormat, text: &str, salt: &str) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let (setting, digest) = match format {
        LegacyFormat::WordPress | LegacyFormat::Bcrypt => bcrypt::split(text)?,
        LegacyFormat::Phpass | LegacyFormat::Drupal7 => phpass::split(text)?,
        LegacyFormat::Md5 => (String::new(), text::hex(text)?),
        LegacyFormat::PrestaShop | LegacyFormat::OpenCart => (salt.to_owned(), text::hex(text)?),
        LegacyFormat::Magento1 | LegacyFormat::Magento2 => {
            let (digest, setting) = text.split_once(':')?;
            (setting.to_owned(), text::hex(digest)?)
        }
        LegacyFormat::Argon2 => argon::split(text)?,
        LegacyFormat::Django => django::split(text)?,
        LegacyFormat::Firebase => firebase::split(text)?,
    };
    Some((setting, Zeroizing::new(digest)))
}

#[cfg(test)]
mod tests;
