//! Opening a PostgreSQL database.

use std::sync::Arc;

use crate::config::Beside;
use crate::db::{Shared, StoreDeps};
use crate::{OpenError, StorageConfig, StoreError};

pub(crate) fn start(
    _config: &StorageConfig,
    _deps: &StoreDeps,
    _address: &postgres::Config,
    _beside: &Beside,
) -> Result<Arc<Shared>, OpenError> {
    Err(StoreError::unavailable("PostgreSQL is being built").into())
}
