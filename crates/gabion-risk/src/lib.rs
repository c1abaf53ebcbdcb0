//! Risk: how much a sign-in, a recovery or a payment looks like its owner's.
//!
//! Pure: time is an argument, nothing is random, and what is remembered is plain data that the caller keeps.
//!
//! The walk: a domain gathers what it knows into an [`Assessment`] and asks whoever implements [`Assess`]. The answer is
//! a [`Judgment`]: an [`Outcome`], a score from 0 to 1000, and the [`Reason`]s it is made of. When the sign-in has
//! succeeded, [`Assess::learn`] gives back the person's [`Profile`], to be kept with the account.
//!
//! [`SimpleScorer`] is the assessor that ships. It compares with the person's own history ([`Profile`],
//! [`Surprise`]), looks at journeys ([`travel`]), and adds up a table of weights ([`Code`]) against a [`Policy`].
//!
//! Beside it, what guards passwords: [`Throttle`] slows down guessing of one account without locking its owner out, and
//! [`StuffingDetector`] notices lists of stolen passwords being tried at many accounts.
//!
//! What it never does: keep an address, a browser's name or a password in what it remembers. Features are kept as keyed
//! digests ([`FeatureKeys`]), accounts and passwords are digests that the caller keyed ([`Digest`]).

pub mod travel;

mod agent;
mod assess;
mod assessment;
mod client;
mod code;
mod counts;
mod digest;
mod features;
mod history;
mod judgment;
mod network;
mod policy;
mod recent;
mod scorer;
mod stuffing;
mod surprise;
mod throttle;

pub use agent::{Agent, Browser, DeviceKind, Os, USER_AGENT_BYTES_READ_MAX};
pub use assess::{ASSESS_TIMEOUT, Assess, AssessError, Assessing};
pub use assessment::{Assessment, Credential, Device, Failures, Purpose, Subject, Watched};
pub use client::{Client, HttpVersion, InvalidJa4, Ja4, TlsVersion};
pub use code::{Code, Weight};
pub use counts::{Counts, InvalidCounts};
pub use digest::{DeviceId, Digest};
pub use features::{Feature, FeatureKey, FeatureKeys, Features};
pub use history::{
    EVERYONE_ENTRIES_MAX, EVERYONE_HALF_LIFE, LastSignIn, PROFILE_ENTRIES_MAX, PROFILE_HALF_LIFE, Profile,
};
pub use judgment::{Judgment, Outcome, Reason, SCORE_MAX};
pub use network::{Country, InvalidCountry, InvalidPlace, Network, Origin, Place, Range};
pub use policy::{InvalidThresholds, Policy, Thresholds};
pub use scorer::SimpleScorer;
pub use stuffing::{
    Alarm, CLIENTS_MAX, FLAGGED_MAX, Flag, PAIRS_KEPT_MAX, Pattern, SOURCES_MAX, Source, StuffingDetector,
    StuffingSettings, WrongPair,
};
pub use surprise::Surprise;
pub use throttle::{
    Attempt, Authenticator, Bucket, DEVICES_MAX, FAILURES_FREE, FAILURES_OF_KNOWN_MAX,
    FAILURES_OF_UNKNOWN_MAX, Guarded, LADDERS_MAX, Ladder, NETWORKS_MAX, Refusal, Throttle, WAIT_FIRST,
    WAIT_MAX,
};
