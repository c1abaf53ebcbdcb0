//! What can go wrong with staff, sessions and keys.

use std::time::Duration;

use gabion_core::Blame;
use gabion_crypto::password::PasswordError;
use gabion_store::StoreError;
use gabion_web::Problem;
use gabion_web::problem::Place;
use http::StatusCode;

use crate::password::Weakness;
use crate::passwords::NotHashed;

/// Why an act of identity did not happen. Nothing was changed, except for [`Self::Store`] with an unknown outcome.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A field of the request cannot be used.
    #[error("{field}: {reason}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The password is too easy to guess.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// The e-mail address or the password is wrong; which one is told to nobody.
    #[error("e-mail or password is wrong")]
    SignInRefused,
    /// The current password is wrong.
    #[error("the current password is wrong")]
    PasswordWrong,
    /// Too many failures: nothing is checked before the wait is over.
    #[error("too many attempts; try again in {} s", wait.as_secs().max(1))]
    Throttled {
        /// How long to wait.
        wait: Duration,
    },
    /// Too many passwords wait to be checked.
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    /// The one-time link is unknown, used or too old.
    #[error("this link was used already, is too old, or was never given out")]
    LinkGone,
    /// An account with this e-mail address exists.
    #[error("there is an account with this e-mail address already")]
    EmailTaken,
    /// The change would leave nobody who can manage staff.
    #[error("the last owner keeps the role and the account; make someone else an owner first")]
    LastOwner,
    /// There is no such thing, or it is over.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// There are as many as there may be.
    #[error("there are {max} {what} already, which is the limit")]
    LimitReached {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// A password could not be hashed.
    #[error("password hashing")]
    Hashing(#[from] PasswordError),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdentityError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Hashing(error) => error.blame(),
            Self::Store(error) => error.blame(),
            Self::Busy => Blame::Operator,
            Self::Field { .. }
            | Self::Weak(_)
            | Self::SignInRefused
            | Self::PasswordWrong
            | Self::Throttled { .. }
            | Self::LinkGone
            | Self::EmailTaken
            | Self::LastOwner
            | Self::NotFound { .. }
            | Self::LimitReached { .. } => Blame::Client,
        }
    }

    pub(crate) fn field(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Field { field, reason: reason.into() }
    }
}

impl From<NotHashed> for IdentityError {
    fn from(error: NotHashed) -> Self {
        match error {
            NotHashed::Busy => Self::Busy,
            NotHashed::Hashing(error) => Self::Hashing(error),
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        use IdentityError as E;
        let told = error.to_string();
        match error {
            E::Field { field, reason } => {
                Self::invalid(told).fault(Place::Pointer(format!("/{field}")), reason)
            }
            E::Weak(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "weak_password", told),
            E::SignInRefused | E::PasswordWrong => Self::new(StatusCode::FORBIDDEN, "wrong_password", told),
            E::Throttled { wait } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", told).retry_after(wait)
            }
            E::Busy => Self::unavailable(told, Duration::from_secs(2)),
            E::LinkGone => Self::new(StatusCode::GONE, "link_gone", told),
            E::EmailTaken => Self::conflict("email_taken", told),
            E::LastOwner => Self::conflict("last_owner", told),
            E::NotFound { .. } => Self::not_found(told),
            E::LimitReached { .. } => Self::conflict("limit_reached", told),
            E::Hashing(error) => Self::of(error.blame(), "password_hashing", &error),
            E::Store(error) => error.into(),
        }
    }
}
