//! argon2 in the form of the Password Hashing Competition.

use argon2::{Algorithm, Version};
use zeroize::Zeroizing;

use super::text::{at_most, base64, number, numbers};
use super::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, ARGON2_WORK_KIB_MAX, LegacyError,
    LegacyFormat,
};
use crate::password::{Cost, PasswordError, argon2};

/// Bytes of a salt and of a digest: what argon2 wants at least, and what anybody uses at most.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
const DIGEST_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// `$argon2id$v=19$m=65536,t=4,p=1$<salt>$<length of the digest>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Argon {
    algorithm: Algorithm,
    version: Version,
    cost: Cost,
    salt: Vec<u8>,
    digest_bytes: usize,
}

/// Divides the text; the length of the digest takes its place. Django writes `argon2` before it.
pub(super) fn split(text: &str) -> Option<(String, Vec<u8>)> {
    let (setting, digest) = text.strip_prefix("argon2").unwrap_or(text).rsplit_once('$')?;
    let digest = base64(digest)?;
    Some((format!("{setting}${}", digest.len()), digest))
}

impl Argon {
    pub(super) fn parse(setting: &str) -> Result<Self, LegacyError> {
        let malformed = LegacyError::Malformed(LegacyFormat::Argon2);
        let (algorithm, version, cost, salt, digest_bytes) = fields(setting).ok_or(malformed.clone())?;
        let cost = self::cost(cost)?;
        let digest_bytes = usize::try_from(digest_bytes).unwrap_or(usize::MAX);
        let in_bounds = SALT_BYTES.contains(&salt.len())
            && DIGEST_BYTES.contains(&digest_bytes)
            && cost.memory_kib >= 8 * cost.lanes
            && cost.passes > 0
            && cost.lanes > 0;
        if in_bounds { Ok(Self { algorithm, version, cost, salt, digest_bytes }) } else { Err(malformed) }
    }

    pub(super) const fn digest_bytes(&self) -> usize {
        self.digest_bytes
    }

    pub(super) const fn memory_kib(&self) -> u32 {
        self.cost.memory_kib
    }

    pub(super) fn digest(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let mut out = Zeroizing::new(vec![0; self.digest_bytes]);
        argon2(self.algorithm, self.version, self.cost, password, &self.salt, &mut out)?;
        Ok(out)
    }
}

/// Memory in KiB, passes and lanes, held against the limits.
pub(super) fn cost([memory_kib, passes, lanes]: [u64; 3]) -> Result<Cost, LegacyError> {
    let cost = Cost {
        memory_kib: at_most("the memory of argon2 in KiB", memory_kib, ARGON2_MEMORY_KIB_MAX)?,
        passes: at_most("the number of passes of argon2", passes, ARGON2_PASSES_MAX)?,
        lanes: at_most("the number of lanes of argon2", lanes, ARGON2_LANES_MAX)?,
    };
    work(memory_kib * passes)?;
    Ok(cost)
}

/// Refuses more work than the limit, given as memory in KiB times passes.
pub(super) fn work(kib: u64) -> Result<(), LegacyError> {
    at_most("the memory of argon2 in KiB times its passes", kib, ARGON2_WORK_KIB_MAX).map(|_| ())
}

type Fields = (Algorithm, Version, [u64; 3], Vec<u8>, u64);

fn fields(setting: &str) -> Option<Fields> {
    let mut parts = setting.split('$');
    let algorithm = match (parts.next()?, parts.next()?) {
        ("", "argon2i") => Algorithm::Argon2i,
        ("", "argon2id") => Algorithm::Argon2id,
        _ => return None,
    };
    let version = match parts.next()? {
        "v=16" => Version::V0x10,
        "v=19" => Version::V0x13,
        _ => return None,
    };
    let cost = numbers(parts.next()?, ["m", "t", "p"])?;
    let salt = base64(parts.next()?)?;
    let digest_bytes = number(parts.next()?)?;
    parts.next().is_none().then_some((algorithm, version, cost, salt, digest_bytes))
}
