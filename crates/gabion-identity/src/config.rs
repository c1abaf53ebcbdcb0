//! The `[identity]` settings.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

/// Range of `session_idle_minutes`: activity is written once a minute, so less than 5 would end sessions in use.
pub const SESSION_IDLE_MINUTES: RangeInclusive<u32> = 5..=60 * 24;
/// Range of `session_hours_max`.
pub const SESSION_HOURS_MAX: RangeInclusive<u32> = 1..=24 * 7;
/// Range of `hash_threads`: each needs 19 MiB while it hashes.
pub const HASH_THREADS: RangeInclusive<usize> = 1..=64;

/// `[identity]`: how long staff stay signed in, and how much may be spent on passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Minutes without a request after which a session is over. Default 30 (NIST SP 800-63B-4 section 2.2.3
    /// asks for at most 60).
    pub session_idle_minutes: u32,
    /// Hours after which a session is over whatever happens in it. Default 12 (the same source: at most 24).
    pub session_hours_max: u32,
    /// Passwords hashed at the same time; the number of cores when not set.
    pub hash_threads: Option<usize>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { session_idle_minutes: 30, session_hours_max: 12, hash_threads: None }
    }
}

/// A setting outside its range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{section}.{setting}: {given} is not between {} and {}", range.0, range.1)]
pub struct ConfigError {
    /// The section.
    pub section: &'static str,
    /// The setting.
    pub setting: &'static str,
    given: u64,
    range: (u64, u64),
}

impl IdentityConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        in_range("identity", "session_idle_minutes", self.session_idle_minutes, &SESSION_IDLE_MINUTES)?;
        in_range("identity", "session_hours_max", self.session_hours_max, &SESSION_HOURS_MAX)?;
        let (least, most) = (*HASH_THREADS.start() as u64, *HASH_THREADS.end() as u64);
        match self.hash_threads.map(|threads| threads as u64) {
            Some(given) if !(least..=most).contains(&given) => {
                Err(ConfigError { section: "identity", setting: "hash_threads", given, range: (least, most) })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn session_idle(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_idle_minutes) * 60)
    }

    pub(crate) fn session_max(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_hours_max) * 3600)
    }

    /// Threads that hash passwords.
    pub fn hash_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.hash_threads.unwrap_or_else(cores).clamp(*HASH_THREADS.start(), *HASH_THREADS.end())
    }
}

pub(crate) fn in_range(
    section: &'static str,
    setting: &'static str,
    given: u32,
    range: &RangeInclusive<u32>,
) -> Result<(), ConfigError> {
    if range.contains(&given) {
        return Ok(());
    }
    let range = (u64::from(*range.start()), u64::from(*range.end()));
    Err(ConfigError { section, setting, given: given.into(), range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_and_wrong_settings_are_named_with_their_range() {
        assert_eq!(IdentityConfig::default().check(), Ok(()));
        let idle = IdentityConfig { session_idle_minutes: 1, ..IdentityConfig::default() };
        assert_eq!(
            idle.check().expect_err("too short").to_string(),
            "identity.session_idle_minutes: 1 is not between 5 and 1440"
        );
        let threads = IdentityConfig { hash_threads: Some(0), ..IdentityConfig::default() };
        assert_eq!(threads.check().expect_err("no thread").setting, "hash_threads");
    }
}
