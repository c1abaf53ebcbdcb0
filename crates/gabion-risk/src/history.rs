//! What is remembered of a person's sign-ins.

use std::time::Duration;

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::features::Features;
use crate::network::{Origin, Place, Range};

/// After this long a person's sign-in counts half: people move and change telephones every few years.
pub const PROFILE_HALF_LIFE: Duration = Duration::from_secs(180 * 86_400);
/// Values remembered of a person: a dozen networks, systems, countries and browsers each. About 3 kB as JSON.
pub const PROFILE_ENTRIES_MAX: usize = 64;
/// After this long everybody's sign-ins count half.
pub const EVERYONE_HALF_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// Values remembered of everybody. About 4 MiB of memory, 1.5 MB as JSON.
pub const EVERYONE_ENTRIES_MAX: usize = 32_768;

/// The last sign-in, for judging journeys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastSignIn {
    /// When.
    pub at: Timestamp,
    /// Where, if known.
    pub place: Option<Place>,
    /// Through whom, if known.
    pub asn: Option<u32>,
    /// What the addresses there are used for.
    pub range: Range,
}

/// What is remembered of one person's successful sign-ins. Kept with the account as JSON, encrypted and erased with it: it
/// says little without the [`FeatureKeys`](crate::FeatureKeys), but it is theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// How many there were.
    pub sign_ins: u32,
    /// With which features.
    pub counts: Counts,
    /// The last one.
    pub last: Option<LastSignIn>,
}

impl Default for Profile {
    /// Of somebody who never signed in.
    fn default() -> Self {
        Self { sign_ins: 0, counts: Counts::new(PROFILE_HALF_LIFE, PROFILE_ENTRIES_MAX), last: None }
    }
}

impl Profile {
    /// The profile with one more sign-in in it.
    #[must_use]
    pub fn with(mut self, features: &Features, origin: &Origin, now: Timestamp) -> Self {
        self.counts.add(features, now);
        self.sign_ins = self.sign_ins.saturating_add(1);
        self.last = Some(LastSignIn { at: now, place: origin.place, asn: origin.asn, range: origin.range });
        self
    }
}
