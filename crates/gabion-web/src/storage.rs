//! How database errors are answered.

use std::time::Duration;

use gabion_store::StoreError;
use http::StatusCode;

use crate::Problem;

/// When to try again after the database was busy or away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy { .. } | StoreError::Unavailable { .. } | StoreError::Closed => {
                tracing::warn!(%error, "A request needed the database: {error}");
                Self::unavailable(
                    "the database takes no requests right now; nothing was changed",
                    RETRY_AFTER,
                )
            }
            StoreError::OutcomeUnknown { .. } => {
                tracing::warn!(%error, "A change may or may not be stored: {error}");
                let detail = "it is not known whether this was stored; look before you repeat it";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", detail)
            }
            error => Self::of(error.blame(), "storage", &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_database_asks_to_come_back_and_an_unknown_outcome_to_look() {
        let busy = Problem::from(StoreError::Busy { reason: "full" });
        assert_eq!((busy.status().as_u16(), busy.code()), (503, "unavailable"));
        let unknown = Problem::from(StoreError::OutcomeUnknown { reason: "lost".into() });
        assert_eq!((unknown.status().as_u16(), unknown.code()), (503, "outcome_unknown"));
        let bug = Problem::from(StoreError::Aborted);
        assert_eq!((bug.status().as_u16(), bug.detail().contains("statement")), (500, false));
    }
}
