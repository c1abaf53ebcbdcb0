//! What can go wrong with the account of pages.

use gabion_core::Blame;
use gabion_markup::policy::PlanError;
use gabion_store::StoreError;
use gabion_web::Problem;
use gabion_web::problem::Place;
use http::StatusCode;

/// Why something did not happen. Nothing was changed, except for [`Self::Store`] with an unknown outcome.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// A field of the request cannot be used.
    #[error("{field}: {reason}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// There is no such thing, or it is over.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// Nobody has confirmed yet what the pages are for.
    #[error("confirm first what the pages of this site are for")]
    ClassesUnconfirmed,
    /// No page was seen that the policy could be made from.
    #[error("no page of this kind was seen yet: open one in the shop, then enforce the policy")]
    Unseen,
    /// The policy would stop something that pages do.
    #[error("the policy would stop {count} things that these pages do: look at them, then enforce it anyway")]
    Breaks {
        /// How many.
        count: usize,
    },
    /// The script changes by itself, so that a pin would break the page one day.
    #[error("{company} changes this script by itself: a pin would break the page")]
    ChangesByItself {
        /// Whose script it is.
        company: &'static str,
    },
    /// Something was decided since, so that the decision cannot simply be taken back.
    #[error("something else was decided about this since; decide again instead")]
    Superseded,
    /// The policy does not fit into a header.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PagesError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Store(error) => error.blame(),
            Self::Field { .. }
            | Self::NotFound { .. }
            | Self::ClassesUnconfirmed
            | Self::Unseen
            | Self::Breaks { .. }
            | Self::ChangesByItself { .. }
            | Self::Superseded
            | Self::Plan(_) => Blame::Client,
        }
    }

    pub(crate) fn field(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Field { field, reason: reason.into() }
    }
}

impl From<PagesError> for Problem {
    fn from(error: PagesError) -> Self {
        use PagesError as E;
        let told = error.to_string();
        match error {
            E::Field { field, reason } => {
                Self::invalid(told).fault(Place::Pointer(format!("/{field}")), reason)
            }
            E::NotFound { .. } => Self::not_found(told),
            E::ClassesUnconfirmed => Self::conflict("classes_unconfirmed", told),
            E::Unseen => Self::conflict("page_unseen", told),
            E::Breaks { .. } => Self::conflict("would_break", told),
            E::ChangesByItself { .. } => Self::conflict("changes_by_itself", told),
            E::Superseded => Self::conflict("superseded", told),
            E::Plan(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "policy_too_long", told),
            E::Store(error) => error.into(),
        }
    }
}
