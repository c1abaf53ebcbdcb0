//! Copies of everything, of one moment, in one format for both databases.
//!
//! A backup is a logical dump: tables, columns, rows. What was backed up from SQLite can be restored into
//! PostgreSQL and the other way round. It does not hold the seal key: keep that file apart. Keys of erased persons
//! are in backups made before the erasure; let backups expire.

mod dump;
mod format;
mod load;

use std::io;
use std::path::{Path, PathBuf};

use gabion_core::Timestamp;

use crate::config::Target;
use crate::db::{StoreDeps, on_own_thread};
use crate::migration::Migrations;
use crate::{Db, OpenError, StorageConfig, StoreError};

/// What a backup holds, or what was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// When the copy was made: it holds everything that was acknowledged before.
    pub created_at: Timestamp,
    /// The newest journal position in it.
    pub position: i64,
    /// Tables in it.
    pub tables: u64,
    /// Rows in it.
    pub rows: u64,
    /// The chained SHA-256 over its content, in hex.
    pub checksum: String,
}

/// What to do with a database that holds something already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse, and change nothing.
    Keep,
    /// Put the backup in its place. A SQLite file is kept beside as `.before-restore`; PostgreSQL tables are
    /// dropped in the transaction that fills the new ones.
    Replace,
}

/// Why a backup was not made or not restored. The database is what it was before.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The backup file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// Not a backup, of an unknown version, cut short, or changed since it was written.
    #[error("{path} is not a whole backup: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The backup has tables this program does not know in that form.
    #[error("the backup was made by another version: {reason}")]
    Version {
        /// What differs.
        reason: String,
    },
    /// The database is not empty.
    #[error("the database holds data already; restore into an empty one, or say that it is to be replaced")]
    NotEmpty,
    /// The rows do not fit the tables.
    #[error("the backup does not fit: {reason}")]
    Misfit {
        /// What does not fit.
        reason: String,
    },
    /// The database did not open, or its seal key does not open the backup's keys.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Db {
    /// Writes a copy of everything to `file` while work goes on. The file appears whole, readable by its owner
    /// only, and replaces one of the same name.
    ///
    /// # Errors
    /// [`BackupError`]; no file appears then.
    pub async fn backup(&self, file: impl Into<PathBuf>) -> Result<BackupSummary, BackupError> {
        let (file, target) = (file.into(), self.shared().target.clone());
        let created_at = self.shared().clock.now();
        on_own_thread(move || dump::write(&target, &file, created_at)).await?
    }
}

/// Reads a whole backup and checks it, without a database.
///
/// # Errors
/// [`BackupError::Damaged`] with the place where it stops fitting.
pub async fn verify(file: impl Into<PathBuf>) -> Result<BackupSummary, BackupError> {
    let file = file.into();
    on_own_thread(move || load::verify(&file).map(|(_, summary)| summary)).await?
}

/// Fills a database from a backup: checks the file first, then loads everything in one step, and records
/// `store.restored`. The seal key must be in its place. No process may have the database open. `domains` are the
/// lists of all domains, as they are given to [`Db::migrate`]; newer steps are applied at the next start.
///
/// # Errors
/// [`BackupError`]; the database is what it was before.
pub async fn restore(
    config: StorageConfig,
    deps: StoreDeps,
    file: impl Into<PathBuf>,
    domains: Vec<Migrations>,
    existing: Existing,
) -> Result<BackupSummary, BackupError> {
    let file = file.into();
    on_own_thread(move || {
        let target = config.target()?;
        let seal_key = config.seal_key.clone();
        let source = load::Source { file: &file, domains: &domains };
        match &target {
            Target::Memory => Err(StoreError::unavailable("nothing can be restored into memory").into()),
            Target::Sqlite { path, beside } => {
                load::into_sqlite(&source, &deps, path, beside, seal_key.as_deref(), existing)
            }
            Target::Postgres { config, beside } => {
                load::into_postgres(&source, &deps, config, beside, seal_key.as_deref(), existing)
            }
        }
    })
    .await?
}

fn file_error(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::File { path: path.to_owned(), source }
}
