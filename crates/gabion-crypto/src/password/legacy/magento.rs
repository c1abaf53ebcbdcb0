//! Magento 2: a chain of hashes, each over the hex of the one before, the oldest first.

use argon2::{Algorithm, Version};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::fast::md5;
use super::text::number;
use super::{LegacyError, LegacyFormat, MAGENTO_STEPS_MAX, argon};
use crate::password::{Cost, PasswordError, argon2};

/// Bytes that libsodium takes of a salt: a shorter one is repeated.
const SODIUM_SALT_BYTES: usize = 16;
/// Digest bytes, memory in KiB and passes of version 2, which does not write them down.
const INTERACTIVE: (usize, [u64; 3]) = (32, [65_536, 2, 1]);
/// Bytes of a digest that version 3 may name.
const DIGEST_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// `<salt>:<version>`, with further versions.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Magento {
    salt: String,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Md5,
    Sha256,
    Argon { cost: Cost, digest_bytes: usize },
}

impl Magento {
    pub(super) fn parse(setting: &str) -> Result<Self, LegacyError> {
        let malformed = || LegacyError::Malformed(LegacyFormat::Magento2);
        let (salt, versions) = setting.split_once(':').ok_or_else(malformed)?;
        if salt.is_empty() || versions.split(':').count() > MAGENTO_STEPS_MAX {
            return Err(malformed());
        }
        let steps = versions.split(':').map(Step::parse).collect::<Result<Vec<_>, _>>()?;
        argon::work(steps.iter().map(Step::work_kib).sum())?;
        Ok(Self { salt: salt.to_owned(), steps })
    }

    pub(super) fn digest_bytes(&self) -> usize {
        self.steps.last().map_or(0, Step::digest_bytes)
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.steps.iter().map(Step::memory_kib).max().unwrap_or(0)
    }

    pub(super) fn digest(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let mut input = Zeroizing::new(password.to_vec());
        let mut digest = Zeroizing::new(Vec::new());
        for step in &self.steps {
            digest = step.digest(&input, self.salt.as_bytes())?;
            input = Zeroizing::new(HEXLOWER.encode(&digest).into_bytes());
        }
        Ok(digest)
    }
}

impl Step {
    fn parse(version: &str) -> Result<Self, LegacyError> {
        let malformed = LegacyError::Malformed(LegacyFormat::Magento2);
        let (digest_bytes, cost) = match version {
            "0" => return Ok(Self::Md5),
            "1" => return Ok(Self::Sha256),
            "2" => INTERACTIVE,
            _ => agnostic(version).ok_or(malformed.clone())?,
        };
        let cost = argon::cost(cost)?;
        let in_bounds = DIGEST_BYTES.contains(&digest_bytes) && cost.memory_kib >= 8 && cost.passes > 0;
        if in_bounds { Ok(Self::Argon { cost, digest_bytes }) } else { Err(malformed) }
    }

    const fn digest_bytes(&self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 => 32,
            Self::Argon { digest_bytes, .. } => *digest_bytes,
        }
    }

    const fn memory_kib(&self) -> u32 {
        match self {
            Self::Md5 | Self::Sha256 => 0,
            Self::Argon { cost, .. } => cost.memory_kib,
        }
    }

    fn work_kib(&self) -> u64 {
        match self {
            Self::Md5 | Self::Sha256 => 0,
            Self::Argon { cost, .. } => u64::from(cost.memory_kib) * u64::from(cost.passes),
        }
    }

    fn digest(&self, input: &[u8], salt: &[u8]) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        match *self {
            Self::Md5 => Ok(md5(&[salt, input])),
            Self::Sha256 => {
                let input = Zeroizing::new([salt, input].concat());
                Ok(Zeroizing::new(digest(&SHA256, &input).as_ref().to_vec()))
            }
            Self::Argon { cost, digest_bytes } => {
                let salt: Vec<u8> = salt.iter().copied().cycle().take(SODIUM_SALT_BYTES).collect();
                let mut out = Zeroizing::new(vec![0; digest_bytes]);
                argon2(Algorithm::Argon2id, Version::V0x13, cost, input, &salt, &mut out)?;
                Ok(out)
            }
        }
    }
}

/// `3_<digest bytes>_<passes>_<memory in bytes>`.
fn agnostic(version: &str) -> Option<(usize, [u64; 3])> {
    let mut numbers = version.strip_prefix("3_")?.split('_').map(number);
    let (digest_bytes, passes, memory_bytes) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let cost = [memory_bytes / 1024, passes, 1];
    numbers.next().is_none().then_some((usize::try_from(digest_bytes).ok()?, cost))
}
