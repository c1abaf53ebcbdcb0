//! Where exact rate limits are counted: in PostgreSQL, where there is one.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::Secret;
use gabion_crypto::{KeyUse, kdf};
use gabion_edge::rate_limit::{Counted, Quota, SharedCounter, Sharing};
use gabion_store::{Counter, Db, OpenError, StorageConfig};

/// How long a visitor waits for the database to count. A live one answers within a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(50);

/// The counter as the edge sees it; none on SQLite, where this process is the only one.
///
/// # Errors
/// When its threads cannot be started.
pub(crate) fn sharing(storage: &StorageConfig, db: &Db) -> Result<Option<Sharing>, OpenError> {
    let Some(counter) = Counter::open(storage, PATIENCE)? else { return Ok(None) };
    let key = kdf::derive(&db.keys().current(KeyUse::Sticky).secret, &[b"rate limits"]);
    let key = Secret::new(*key.expose().first_chunk().expect("a derived key has 32 bytes"));
    Ok(Some(Sharing { counter: Arc::new(Shared(counter)), key }))
}

struct Shared(Counter);

impl SharedCounter for Shared {
    fn count(&self, key: u64, quota: Quota) -> Pin<Box<dyn Future<Output = Option<Counted>> + Send + '_>> {
        Box::pin(async move {
            match self.0.count(key, quota.interval, quota.tolerance).await {
                Ok(gabion_store::Counted { allowed, ahead }) => Some(Counted { allowed, ahead }),
                Err(error) => {
                    tracing::debug!(%error, "This node counts alone: {error}");
                    None
                }
            }
        })
    }
}
