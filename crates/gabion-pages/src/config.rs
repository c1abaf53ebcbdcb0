//! The `[pages]` settings.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

/// Range of `look_every_hours`. PCI DSS 4.0.1 requirement 11.6.1 asks for a look at least every seven days.
pub const LOOK_EVERY_HOURS: RangeInclusive<u32> = 1..=24 * 7;

/// `[pages]`: how pages are watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PagesConfig {
    /// Hours between two looks from outside at a payment page. Default 24.
    pub look_every_hours: u32,
}

impl Default for PagesConfig {
    fn default() -> Self {
        Self { look_every_hours: 24 }
    }
}

/// A setting outside its range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("pages.look_every_hours: {given} is not between {} and {}", LOOK_EVERY_HOURS.start(), LOOK_EVERY_HOURS.end())]
pub struct ConfigError {
    given: u32,
}

impl PagesConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let given = self.look_every_hours;
        if LOOK_EVERY_HOURS.contains(&given) { Ok(()) } else { Err(ConfigError { given }) }
    }

    pub(crate) fn look_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.look_every_hours) * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_the_longest_time_between_two_looks() {
        assert_eq!(PagesConfig::default().check(), Ok(()));
        let rare = PagesConfig { look_every_hours: 169 };
        let error = rare.check().expect_err("too rare").to_string();
        assert_eq!(error, "pages.look_every_hours: 169 is not between 1 and 168");
    }
}
