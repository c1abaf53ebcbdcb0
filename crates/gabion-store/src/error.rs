//! What can go wrong between a caller and its database.

use std::path::PathBuf;

use gabion_core::Blame;

/// Why a read or write gave no result. Variants are by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too many callers wait already, or too many collided. Nothing was written; answer 503 and try later.
    #[error("the database is busy: {reason}")]
    Busy {
        /// What there is too much of.
        reason: &'static str,
    },
    /// The database takes no work now: disk full, connection lost, taken over. Nothing was written.
    #[error("the database is unavailable: {reason}")]
    Unavailable {
        /// What the operator should look at.
        reason: String,
    },
    /// The commit was sent and its answer never came: the change may or may not be there. Look before retrying.
    #[error("the outcome of the write is unknown: {reason}")]
    OutcomeUnknown {
        /// What interrupted the commit.
        reason: String,
    },
    /// A row breaks a rule of its table. The transaction is over unless the statement ran in a savepoint.
    #[error("{constraint} constraint: {detail}")]
    Constraint {
        /// Which kind of rule.
        constraint: Constraint,
        /// The database's own words: table and columns, never values.
        detail: String,
    },
    /// An earlier statement failed and the closure went on regardless. Use [`crate::Tx::savepoint`] to survive one.
    #[error("an earlier statement of this transaction went wrong")]
    Aborted,
    /// A statement that never works: wrong SQL, wrong types, wrong number of parameters. A bug.
    #[error("statement `{statement}`: {detail}")]
    Statement {
        /// The beginning of the statement.
        statement: String,
        /// What the database, or the check before it, said.
        detail: String,
    },
    /// A row that does not have the shape the code expects. A bug, or a foreign hand in the database.
    #[error("column {column}: {detail}")]
    Column {
        /// The column.
        column: String,
        /// Expected and found type.
        detail: String,
    },
    /// The closure panicked. Its writes were rolled back. A bug.
    #[error("a write panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// Stored bytes that do not open under the key they name: a wrong seal key or a changed database.
    #[error("{what} does not open under its key")]
    Sealed {
        /// What was to be read.
        what: &'static str,
    },
    /// The handle was closed.
    #[error("the database handle is closed")]
    Closed,
}

/// The kind of rule a row broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Two rows with the same key.
    Unique,
    /// A reference to a row that is not there, or is still needed.
    ForeignKey,
    /// A missing value.
    NotNull,
    /// A value outside what the table allows.
    Check,
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::NotNull => "not null",
            Self::Check => "check",
        })
    }
}

impl StoreError {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Busy { .. } | Self::Unavailable { .. } | Self::OutcomeUnknown { .. } | Self::Closed => {
                Blame::Upstream
            }
            Self::Sealed { .. } => Blame::Operator,
            Self::Constraint { .. }
            | Self::Aborted
            | Self::Statement { .. }
            | Self::Column { .. }
            | Self::Panicked { .. } => Blame::Bug,
        }
    }

    /// Says whether a row with the same key was there already: the one constraint callers act on.
    pub fn is_unique(&self) -> bool {
        matches!(self, Self::Constraint { constraint: Constraint::Unique, .. })
    }

    pub(crate) fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }

    pub(crate) fn statement(sql: &str, detail: impl std::fmt::Display) -> Self {
        /// Bytes of a statement that an error quotes.
        const QUOTED_BYTES_MAX: usize = 200;
        Self::Statement {
            statement: gabion_core::limits::cut(sql, QUOTED_BYTES_MAX).into_owned(),
            detail: detail.to_string(),
        }
    }
}

/// Why a database was not opened. Nothing was changed unless the error says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The `[storage]` settings cannot work.
    #[error("storage.{setting}: {reason}")]
    Config {
        /// The setting.
        setting: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Another process serves from this database. One active node is promised; stop the other first.
    #[error("another process uses this database: {holder}")]
    InUse {
        /// The lock or lease that is held.
        holder: String,
    },
    /// A file beside the database could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Stored keys exist and the file that opens them does not: restore it from where it is kept.
    /// A new key is never made in this state, because it would silently lose what the old one protects.
    #[error("the database holds sealed keys and the seal key file {path} is missing", path = path.display())]
    SealMissing {
        /// Where the file should be.
        path: PathBuf,
    },
    /// The key rows do not open under this seal key.
    #[error("key ring: {reason}")]
    KeyRing {
        /// What does not fit.
        reason: String,
    },
    /// The tables are not what this version expects.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The database itself said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the tables were not brought up to date. The failing step left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer version of Gabion wrote this database. Run that version, or restore an older backup.
    #[error(
        "the {domain} tables are at version {found}, this program knows {known}: it is older than its database"
    )]
    Newer {
        /// The domain.
        domain: String,
        /// The version in the database.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// A step that was applied reads differently now: this program is not a successor of the one before.
    #[error("{domain} migration {version} ({name}) was applied with another text")]
    Changed {
        /// The domain.
        domain: String,
        /// The step.
        version: i64,
        /// The step's name.
        name: String,
    },
    /// The list of steps is not 1, 2, 3, … A bug.
    #[error("the {domain} migrations are not numbered 1, 2, 3 and so on")]
    Disordered {
        /// The domain.
        domain: &'static str,
    },
    /// A step's own SQL did not run.
    #[error("{domain} migration {version} ({name})")]
    Step {
        /// The domain.
        domain: &'static str,
        /// The step.
        version: i64,
        /// The step's name.
        name: &'static str,
        /// What the database said.
        #[source]
        source: StoreError,
    },
    /// The database itself said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}
