//! Slows down guessing without locking owners out.
//!
//! For each account and authenticator there is a [`Ladder`]: after [`FAILURES_FREE`] failures each further attempt waits
//! twice as long, and after 100 the authenticator is stopped until it is set anew (NIST SP 800-63B-4 section 3.2.2: at most
//! 100 consecutive failures). Known devices have their own count and their own part of those 100: strangers use up theirs
//! and the owner still gets in (OWASP, *Slow Down Online Guessing Attacks with Device Cookies*). For each network there is
//! a [`Bucket`] of failures that refills.
//!
//! Passkeys are not among the [`Authenticator`]s. They cannot be guessed, and their failures count for no password.

use std::time::Duration;

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{DeviceId, Digest};
use crate::network::Network;
use crate::recent::Recent;

mod bucket;
mod ladder;

pub use bucket::Bucket;
pub use ladder::{
    DEVICES_MAX, FAILURES_FREE, FAILURES_OF_KNOWN_MAX, FAILURES_OF_UNKNOWN_MAX, Ladder, WAIT_FIRST, WAIT_MAX,
};

/// Accounts' ladders in memory, 100 bytes each with their index. Beyond it the one that failed longest ago is forgotten.
pub const LADDERS_MAX: usize = 65_536;
/// Networks' buckets in memory. Beyond it the one that failed longest ago starts anew.
pub const NETWORKS_MAX: usize = 65_536;

/// What can be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authenticator {
    /// The password.
    Password,
    /// Codes of an app.
    Totp,
    /// Codes by mail.
    MailCode,
    /// Recovery codes.
    RecoveryCode,
}

/// What is guarded: one authenticator of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guarded {
    /// The account, or what was typed as its name.
    pub account: Digest,
    /// The authenticator.
    pub authenticator: Authenticator,
}

/// An attempt at something guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// At what.
    pub guarded: Guarded,
    /// From which device that this account signed in from before. None for every other.
    pub device: Option<DeviceId>,
    /// Where from.
    pub network: Network,
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Try again after this long.
    Wait(Duration),
    /// Stopped for these devices until the authenticator is set anew ([`Throttle::set_anew`]), by recovery or after a
    /// sign-in with something else.
    Stopped,
}

/// Ladders and buckets, in memory and bounded.
///
/// Ladders that matter outlive the process and the limit through the caller's store: after a failure of a known account
/// keep [`ladder`](Self::ladder) with it when [`Ladder::is_worth_keeping`], and hand it to [`restore`](Self::restore)
/// before [`admit`](Self::admit).
#[derive(Debug)]
pub struct Throttle {
    ladders: Recent<Guarded, Ladder>,
    networks: Recent<Network, Bucket>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { ladders: Recent::new(LADDERS_MAX), networks: Recent::new(NETWORKS_MAX) }
    }
}

impl Throttle {
    /// Admits an attempt and counts it as failed until [`succeeded`](Self::succeeded) or [`withdrawn`](Self::withdrawn)
    /// says otherwise: many attempts at once cannot slip through together. A known device does not wait for its network.
    ///
    /// # Errors
    /// When it has to wait or is stopped; it is not counted then.
    pub fn admit(&mut self, attempt: &Attempt, now: Timestamp) -> Result<(), Refusal> {
        let ladder = self.ladders.get(&attempt.guarded).map_or(Ok(()), |l| l.check(attempt.device, now));
        let bucket = self.networks.get(&attempt.network).filter(|_| attempt.device.is_none());
        match (ladder, bucket.map_or(Ok(()), |bucket| bucket.check(now))) {
            (Ok(()), Ok(())) => (),
            (Err(Refusal::Wait(one)), Err(other)) => return Err(Refusal::Wait(one.max(other))),
            (Err(refusal), _) => return Err(refusal),
            (Ok(()), Err(wait)) => return Err(Refusal::Wait(wait)),
        }
        self.ladders.touch(attempt.guarded, Ladder::default).fail(attempt.device, now);
        if attempt.device.is_none() {
            self.networks.touch(attempt.network, || Bucket::full(now)).take(now);
        }
        Ok(())
    }

    /// It was right: its count starts anew, and its network gets the attempt back. Other devices' counts stay.
    pub fn succeeded(&mut self, attempt: &Attempt, now: Timestamp) {
        if let Some(ladder) = self.ladders.peek_mut(&attempt.guarded) {
            ladder.succeed(attempt.device);
            if ladder.is_empty() {
                self.ladders.remove(&attempt.guarded);
            }
        }
        self.give_back(attempt, now);
    }

    /// It was never checked, so it does not count.
    pub fn withdrawn(&mut self, attempt: &Attempt, now: Timestamp) {
        if let Some(ladder) = self.ladders.peek_mut(&attempt.guarded) {
            ladder.take_back(attempt.device);
        }
        self.give_back(attempt, now);
    }

    /// The authenticator is a new one, set by its owner: all its failures are forgotten.
    pub fn set_anew(&mut self, guarded: Guarded) {
        self.ladders.remove(&guarded);
    }

    /// What is known of an authenticator, to be kept. None when nothing failed.
    pub fn ladder(&self, guarded: Guarded) -> Option<&Ladder> {
        self.ladders.get(&guarded)
    }

    /// Goes on with a ladder that was kept. What is in memory is newer and stays.
    pub fn restore(&mut self, guarded: Guarded, kept: Ladder) {
        if self.ladders.get(&guarded).is_none() {
            self.ladders.touch(guarded, || kept);
        }
    }

    fn give_back(&mut self, attempt: &Attempt, now: Timestamp) {
        let bucket = self.networks.peek_mut(&attempt.network).filter(|_| attempt.device.is_none());
        if let Some(bucket) = bucket {
            bucket.give_back(now);
        }
    }
}

#[cfg(test)]
mod tests;
