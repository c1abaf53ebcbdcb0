//! One connection used by one thread: opening, migrating, dumping and loading run on it before or beside the engine.

use std::path::Path;
use std::sync::Arc;

use gabion_crypto::KeyRing;

use crate::dialect::Dialect;
use crate::job::Seed;
use crate::migration::{self, Migrations};
use crate::tx::Conn;
use crate::{MigrateError, StoreError, Tx, pg, sqlite};
use gabion_core::Timestamp;

pub(crate) enum Session {
    Sqlite(rusqlite::Connection),
    Postgres(Box<pg::Connection>),
}

impl Session {
    pub(crate) fn sqlite(path: &Path) -> Result<Self, StoreError> {
        sqlite::open_writer(path).map(Self::Sqlite)
    }

    /// For reading beside the engine.
    pub(crate) fn sqlite_reader(path: &Path) -> Result<Self, StoreError> {
        sqlite::open_reader(path).map(Self::Sqlite)
    }

    pub(crate) fn memory() -> Result<Self, StoreError> {
        sqlite::open_memory().map(Self::Sqlite)
    }

    pub(crate) fn postgres(config: &postgres::Config) -> Result<Self, StoreError> {
        pg::Connection::open(config).map(|conn| Self::Postgres(Box::new(conn)))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs `closure` in one transaction and commits it when it returns `Ok`.
    pub(crate) fn transact<T, E: From<StoreError>>(
        &mut self,
        seed: &Seed,
        keys: Option<&Arc<KeyRing>>,
        closure: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        };
        self.enclosed(begin, "COMMIT", seed, keys, closure)
    }

    /// Runs `closure` on one snapshot, for as long as it takes.
    pub(crate) fn snapshot<T, E: From<StoreError>>(
        &mut self,
        seed: &Seed,
        closure: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = match self {
            Self::Sqlite(_) => "BEGIN",
            Self::Postgres(_) => {
                "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
                BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }
        };
        self.enclosed(begin, "ROLLBACK", seed, None, closure)
    }

    fn enclosed<T, E: From<StoreError>>(
        &mut self,
        begin: &str,
        end: &str,
        seed: &Seed,
        keys: Option<&Arc<KeyRing>>,
        closure: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.batch(begin)?;
        let conn = match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(conn) => Conn::Postgres(conn),
        };
        let mut tx = Tx::new(conn, seed, keys);
        let result = closure(&mut tx);
        if result.is_ok() && !tx.has_failed() {
            self.batch(end)?;
            return result;
        }
        // After some errors SQLite has rolled back already; the first error is the one to tell.
        if let Err(error) = self.batch("ROLLBACK") {
            tracing::debug!(%error, "There was nothing left to roll back");
        }
        result.and(Err(StoreError::Aborted.into()))
    }

    /// Creates what must be there before anything else.
    pub(crate) fn bootstrap(&mut self) -> Result<(), StoreError> {
        self.batch(migration::bootstrap(self.dialect()))
    }

    /// Applies the steps of one domain that are not applied yet, each in its own transaction.
    pub(crate) fn migrate(
        &mut self,
        list: &Migrations,
        seed: &Seed,
        at: Timestamp,
    ) -> Result<(), MigrateError> {
        let applied: Result<_, StoreError> =
            self.transact(seed, None, |tx| migration::applied(tx, list.domain));
        for step in list.pending(&applied?)? {
            self.transact(seed, None, |tx| migration::apply(tx, list.domain, step, at))?;
        }
        Ok(())
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => sqlite::statement::batch(conn, sql),
            Self::Postgres(conn) => conn.batch(sql),
        }
    }
}
