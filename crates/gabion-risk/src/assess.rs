//! The contract between those who ask and those who know.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use gabion_core::{Blame, Timestamp};

use crate::assessment::Assessment;
use crate::history::Profile;
use crate::judgment::Judgment;

/// How long a caller waits for an answer. Somebody waits for it in front of a sign-in page.
pub const ASSESS_TIMEOUT: Duration = Duration::from_millis(250);

/// An answer on its way.
pub type Assessing<'a> = Pin<Box<dyn Future<Output = Result<Judgment, AssessError>> + Send + 'a>>;

/// Judges what somebody is about to do.
///
/// *When*: after the credential was checked and before anything is granted. Also for accounts that nobody has, and the
/// answer is thrown away then: otherwise the time tells which accounts there are.
///
/// *Failure*: a caller waits [`ASSESS_TIMEOUT`]. After that, or after an error, it takes [`Judgment::unassessed`]: a
/// step-up, or a notice where a passkey verified its owner. Nothing is allowed because an assessor is down, and nobody
/// is locked out because of it either.
///
/// *Concurrency*: any number at a time; an answer depends on the arguments and on what was learned before.
pub trait Assess: Send + Sync {
    /// Judges. Changes nothing: asking twice gives the same answer.
    ///
    /// # Errors
    /// When there is no answer. The caller goes on with [`Judgment::unassessed`].
    fn assess<'a>(&'a self, asked: &'a Assessment, now: Timestamp) -> Assessing<'a>;

    /// Learns from what succeeded, step-up included, and was granted. Never from anything else: a guesser would teach it.
    ///
    /// Returns the person's profile with this sign-in in it; the caller keeps it with the account, in the transaction of
    /// the session. None when the account is unknown. Never waits. What is learned of everybody may be lost in a crash.
    fn learn(&self, granted: &Assessment, now: Timestamp) -> Option<Profile>;
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// What the assessor needs did not answer.
    #[error("the assessor is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The assessor did not answer within [`ASSESS_TIMEOUT`]; for callers, who keep the time.
    #[error("the assessor did not answer in time")]
    TimedOut,
}

impl AssessError {
    /// Who has to act: whoever runs what the assessor needs.
    pub const fn blame(&self) -> Blame {
        Blame::Upstream
    }
}
