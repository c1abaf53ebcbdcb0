//! Failures of one authenticator, by known devices and all others.

use std::time::Duration;

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::digest::DeviceId;

/// Failures before waits begin.
pub const FAILURES_FREE: u32 = 10;
/// Failures of all unknown devices together; then they are stopped. With [`FAILURES_OF_KNOWN_MAX`] that makes the 100
/// consecutive failures of NIST SP 800-63B-4 section 3.2.2.
pub const FAILURES_OF_UNKNOWN_MAX: u32 = 80;
/// Failures of all known devices together; then they are stopped.
pub const FAILURES_OF_KNOWN_MAX: u32 = 20;
/// First wait; doubled with each further failure.
pub const WAIT_FIRST: Duration = Duration::from_secs(30);
/// Longest wait. NIST SP 800-63B-4 section 3.2.2 names 30 seconds to an hour.
pub const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// Known devices counted apart. Beyond it, what the device that failed longest ago had counts for the next.
pub const DEVICES_MAX: usize = 8;

/// Consecutive failures, and the last one's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    fn wait(self, now: Timestamp) -> Duration {
        let wait = match self.count.checked_sub(FAILURES_FREE) {
            None => Duration::ZERO,
            Some(over) => WAIT_MAX.min(WAIT_FIRST * 2u32.pow(over.min(10))),
        };
        wait.saturating_sub(now.since(self.last))
    }

    fn fail(&mut self, now: Timestamp) {
        *self = Self { count: self.count.saturating_add(1), last: self.last.max(now) };
    }
}

/// The failures of one authenticator of one account: plain data of bounded size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    unknown: Failures,
    known: Vec<(DeviceId, Failures)>,
}

impl Ladder {
    /// Whether an attempt from `device` may be made now. None stands for every device that is not known.
    ///
    /// # Errors
    /// When it has to wait or is stopped.
    pub fn check(&self, device: Option<DeviceId>, now: Timestamp) -> Result<(), Refusal> {
        let (stopped, wait) = match device {
            None => (self.unknown.count >= FAILURES_OF_UNKNOWN_MAX, self.unknown.wait(now)),
            Some(device) => {
                let wait = self.of(device).map_or(Duration::ZERO, |failures| failures.wait(now));
                (self.failures_of_known() >= FAILURES_OF_KNOWN_MAX, wait)
            }
        };
        match (stopped, wait) {
            (true, _) => Err(Refusal::Stopped),
            (false, Duration::ZERO) => Ok(()),
            (false, wait) => Err(Refusal::Wait(wait)),
        }
    }

    /// Consecutive failures of all unknown devices.
    pub const fn failures_of_unknown(&self) -> u32 {
        self.unknown.count
    }

    /// Consecutive failures of all known devices.
    pub fn failures_of_known(&self) -> u32 {
        self.known.iter().map(|(_, failures)| failures.count).fold(0, u32::saturating_add)
    }

    /// Whether losing it would give a guesser something: when waits have begun.
    pub fn is_worth_keeping(&self) -> bool {
        self.unknown.count >= FAILURES_FREE || self.failures_of_known() >= FAILURES_FREE
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.unknown.count == 0 && self.known.is_empty()
    }

    pub(super) fn fail(&mut self, device: Option<DeviceId>, now: Timestamp) {
        match device {
            None => self.unknown.fail(now),
            Some(device) => self.of_or_new(device).fail(now),
        }
    }

    pub(super) fn succeed(&mut self, device: Option<DeviceId>) {
        match device {
            None => self.unknown = Failures::default(),
            Some(device) => self.known.retain(|(known, _)| *known != device),
        }
    }

    pub(super) fn take_back(&mut self, device: Option<DeviceId>) {
        let failures = match device {
            None => Some(&mut self.unknown),
            Some(device) => self.known.iter_mut().find(|(known, _)| *known == device).map(|(_, f)| f),
        };
        if let Some(failures) = failures {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    fn of(&self, device: DeviceId) -> Option<&Failures> {
        self.known.iter().find(|(known, _)| *known == device).map(|(_, failures)| failures)
    }

    fn of_or_new(&mut self, device: DeviceId) -> &mut Failures {
        let at = self.known.iter().position(|(known, _)| *known == device).unwrap_or_else(|| {
            // The place is taken over with its failures: many devices do not make the sum smaller.
            let failures =
                if self.known.len() == DEVICES_MAX { self.take_oldest() } else { Failures::default() };
            self.known.push((device, failures));
            self.known.len() - 1
        });
        &mut self.known[at].1
    }

    fn take_oldest(&mut self) -> Failures {
        let oldest = self.known.iter().enumerate().min_by_key(|(_, (_, failures))| failures.last);
        let at = oldest.map(|(at, _)| at).expect("a full list has an oldest");
        self.known.swap_remove(at).1
    }
}
