//! What can go wrong with customers' accounts.

use std::time::Duration;

use gabion_core::Blame;
use gabion_crypto::password::PasswordError;
use gabion_store::StoreError;
use gabion_webauthn::Refused;
use http::StatusCode;

use crate::passwords::NotHashed;

/// Why an act of a customer did not happen. Nothing was changed, except for [`Self::Store`] with an unknown outcome.
///
/// What a customer reads of it is a text in their language ([`CustomerError::text_key`]).
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// A field cannot be used.
    #[error("{field}: not a usable {what}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What it should be.
        what: &'static str,
    },
    /// The password is too easy to guess.
    #[error("the password is not accepted: {code}")]
    Weak {
        /// Which reason.
        code: &'static str,
    },
    /// What was shown does not sign in. Whether the address, the password or the account is the reason is told to nobody.
    #[error("what was shown does not sign in")]
    Refused,
    /// The current password is wrong: said to whoever is signed in.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The passkey's answer does not hold.
    #[error("passkey: {0}")]
    Passkey(#[from] Refused),
    /// The ceremony is unknown, answered or over.
    #[error("the ceremony is unknown, was answered before, or is over")]
    CeremonyOver,
    /// Too much was begun at the site, or too many letters wait.
    #[error("too much was begun, or too many letters wait")]
    Crowded,
    /// Nobody can be written to: mail is not configured.
    #[error("mail is not configured")]
    NoMail,
    /// What was begun is used, over or was never there.
    #[error("what was begun is used, over or was never there")]
    Over,
    /// The code is wrong.
    #[error("the code is wrong")]
    WrongCode,
    /// The passkey verified nobody, and the account asks for more.
    #[error("the passkey is one factor, and two are asked for")]
    NotEnough,
    /// It has to be shown again who is there before this.
    #[error("a fresh sign-in is needed")]
    NotFresh,
    /// The account would have nothing left to sign in with.
    #[error("it is the only thing the account can be signed in with")]
    LastCredential,
    /// Too many failures: nothing is checked before the wait is over.
    #[error("too many attempts; {} s to wait", wait.as_secs().max(1))]
    Throttled {
        /// How long to wait.
        wait: Duration,
    },
    /// Too many passwords wait to be checked.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// There is no such thing, or it is another customer's.
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
    /// The site has no accounts.
    #[error("the site has no accounts")]
    NoAccounts,
    /// A password could not be hashed.
    #[error("password hashing")]
    Hashing(#[from] PasswordError),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CustomerError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Hashing(error) => error.blame(),
            Self::Store(error) => error.blame(),
            Self::Busy | Self::Crowded | Self::NoMail => Blame::Operator,
            Self::Passkey(refused) => refused.blame(),
            _ => Blame::Client,
        }
    }

    /// The status of an answer that tells of it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Field { .. } | Self::Weak { .. } | Self::WrongCode => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused | Self::WrongPassword | Self::Passkey(_) | Self::NotEnough | Self::NotFresh => {
                StatusCode::FORBIDDEN
            }
            Self::CeremonyOver | Self::Over => StatusCode::GONE,
            Self::LastCredential | Self::LimitReached { .. } => StatusCode::CONFLICT,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Crowded | Self::NoMail => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound { .. } | Self::NoAccounts => StatusCode::NOT_FOUND,
            Self::Store(error) if error.blame() == Blame::Operator => StatusCode::SERVICE_UNAVAILABLE,
            Self::Hashing(_) | Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The key of the sentence a customer reads.
    pub fn text_key(&self) -> &'static str {
        match self {
            Self::Field { field: "email", .. } => "error.email",
            Self::Field { field: "name", .. } => "error.name",
            Self::Field { .. } => "error.field",
            Self::Weak { code } => match *code {
                "too-short" => "weak.short",
                "too-long" => "weak.long",
                "repeated" => "weak.repeated",
                "sequence" => "weak.sequence",
                "expected" => "weak.context",
                "leaked" => "weak.leaked",
                _ => "weak.common",
            },
            Self::Refused => "error.refused",
            Self::WrongPassword => "error.password",
            Self::Passkey(_) => "error.passkey",
            Self::CeremonyOver | Self::Over => "error.over",
            Self::WrongCode => "error.code",
            Self::NotEnough => "error.not-enough",
            Self::NotFresh => "error.not-fresh",
            Self::LastCredential => "error.last-credential",
            Self::Throttled { .. } => "error.throttled",
            Self::Busy | Self::Crowded => "error.busy",
            Self::NoMail => "error.no-mail",
            Self::NotFound { .. } | Self::NoAccounts => "error.not-found",
            Self::LimitReached { .. } => "error.limit",
            Self::Hashing(_) | Self::Store(_) => "error.internal",
        }
    }

    /// How long to wait before another attempt makes sense.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait } => Some(*wait),
            Self::Busy => Some(Duration::from_secs(2)),
            Self::Crowded => Some(Duration::from_secs(60)),
            _ => None,
        }
    }

    /// The name of the reason for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "invalid_field",
            Self::Weak { .. } => "weak_password",
            Self::Refused => "refused",
            Self::WrongPassword => "wrong_password",
            Self::Passkey(_) => "passkey_refused",
            Self::CeremonyOver => "ceremony_over",
            Self::Over => "over",
            Self::WrongCode => "wrong_code",
            Self::NotEnough => "not_enough",
            Self::NotFresh => "not_fresh",
            Self::LastCredential => "last_credential",
            Self::Throttled { .. } => "too_many_attempts",
            Self::Busy | Self::Crowded => "busy",
            Self::NoMail => "no_mail",
            Self::NotFound { .. } => "not_found",
            Self::LimitReached { .. } => "limit_reached",
            Self::NoAccounts => "no_accounts",
            Self::Hashing(_) | Self::Store(_) => "internal",
        }
    }
}

impl From<NotHashed> for CustomerError {
    fn from(error: NotHashed) -> Self {
        match error {
            NotHashed::Busy => Self::Busy,
            NotHashed::Hashing(error) => Self::Hashing(error),
        }
    }
}
