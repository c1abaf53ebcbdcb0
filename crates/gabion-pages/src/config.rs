//! The `[looks]` settings.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

/// Range of `every_hours`. PCI DSS 4.0.1 requirement 11.6.1 asks for a look at least every seven days.
pub const EVERY_HOURS: RangeInclusive<u32> = 1..=24 * 7;

/// `[looks]`: how payment pages are looked at from outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LooksSection {
    /// Hours between two looks from outside at a payment page. Default 24.
    pub every_hours: u32,
}

impl Default for LooksSection {
    fn default() -> Self {
        Self { every_hours: 24 }
    }
}

/// A setting outside its range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("looks.every_hours: {given} is not between {} and {}", EVERY_HOURS.start(), EVERY_HOURS.end())]
pub struct ConfigError {
    given: u32,
}

impl LooksSection {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let given = self.every_hours;
        if EVERY_HOURS.contains(&given) { Ok(()) } else { Err(ConfigError { given }) }
    }

    pub(crate) fn look_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.every_hours) * 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_the_longest_time_between_two_looks() {
        assert_eq!(LooksSection::default().check(), Ok(()));
        let rare = LooksSection { every_hours: 169 };
        let error = rare.check().expect_err("too rare").to_string();
        assert_eq!(error, "looks.every_hours: 169 is not between 1 and 168");
    }
}
