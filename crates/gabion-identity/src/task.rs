//! The loop that deletes what is over.

use std::time::Duration;

use crate::{Identity, IdentityError, store};

/// Time between two sweeps.
pub const SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);

impl Identity {
    /// Deletes expired sessions and links, at most a few hundred at once; says how many.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn sweep(&self) -> Result<u64, IdentityError> {
        let now = self.now();
        let idle_since = now.before(self.config().session_idle());
        self.db().write(move |tx| Ok(store::sweep(tx, now, idle_since)?)).await
    }

    /// Sweeps until the task is aborted. A sweep the database refuses is told and tried again next time.
    pub async fn run(self) {
        let mut interval = tokio::time::interval(SWEEP_EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            match self.sweep().await {
                Ok(0) => {}
                Ok(deleted) => tracing::debug!(deleted, "Deleted {deleted} expired sessions and links"),
                Err(error) => tracing::warn!(%error, "Expired sessions were not deleted: {error}"),
            }
        }
    }
}
