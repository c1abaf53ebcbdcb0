//! One transaction, as domains see it.

use std::sync::Arc;

use gabion_crypto::KeyRing;

use crate::dialect::Dialect;
use crate::job::Seed;
use crate::{Param, Row, StoreError, pg, sqlite};

/// Rows of one result. A statement that gives more is a bug: read in pages.
pub const ROWS_MAX: usize = 10_000;

/// A transaction in progress. Statements are portable SQL with `$1` placeholders over BIGINT, TEXT, BLOB/BYTEA
/// and DOUBLE.
///
/// After a statement went wrong the transaction is over on both databases: further statements answer
/// [`StoreError::Aborted`] and nothing is kept, even when the closure returns `Ok`. To survive an expected
/// violation, run the statement in [`Tx::savepoint`], or write `ON CONFLICT DO NOTHING` and look at the count.
pub struct Tx<'c> {
    conn: Conn<'c>,
    seed: &'c Seed,
    keys: Option<&'c Arc<KeyRing>>,
    progress: Progress,
}

pub(crate) enum Conn<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut pg::Connection),
}

/// What a run left behind besides its result.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// A statement went wrong outside of a savepoint.
    pub(crate) failed: bool,
    /// It ran a statement that may change something, whether or not it did.
    pub(crate) executed: bool,
    /// The newest journal position it assigned (SQLite).
    pub(crate) position: Option<i64>,
    /// Whether it recorded an event.
    pub(crate) recorded: bool,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: Conn<'c>, seed: &'c Seed, keys: Option<&'c Arc<KeyRing>>) -> Self {
        Self { conn, seed, keys, progress: Progress::default() }
    }

    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when a row breaks a rule; [`StoreError::Statement`] for a statement that never
    /// works; [`StoreError::Aborted`] after an earlier error; [`StoreError::Unavailable`] when the database is gone.
    pub fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
        self.progress.executed = true;
        self.guarded(|conn| match conn {
            Conn::Sqlite(conn) => sqlite::statement::execute(conn, sql, params),
            Conn::Postgres(conn) => conn.execute(sql, params),
        })
    }

    /// Runs a statement and gives its rows, at most [`ROWS_MAX`].
    ///
    /// # Errors
    /// As [`Tx::execute`]; [`StoreError::Statement`] when there are more rows.
    pub fn query(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, StoreError> {
        self.guarded(|conn| match conn {
            Conn::Sqlite(conn) => sqlite::statement::query(conn, sql, params),
            Conn::Postgres(conn) => conn.query(sql, params),
        })
    }

    /// Runs a statement that gives one row or none.
    ///
    /// # Errors
    /// As [`Tx::execute`]; [`StoreError::Statement`] when there is more than one row.
    pub fn query_one(&mut self, sql: &str, params: &[Param]) -> Result<Option<Row>, StoreError> {
        let mut rows = self.query(sql, params)?;
        if rows.len() > 1 {
            return Err(StoreError::statement(
                sql,
                format_args!("{} rows, expected one or none", rows.len()),
            ));
        }
        Ok(rows.pop())
    }

    /// Runs `inner` so that its failure undoes only its own writes and the transaction goes on.
    ///
    /// # Errors
    /// What `inner` returns, or why the savepoint could not be set.
    pub fn savepoint<T, E: From<StoreError>>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.batch("SAVEPOINT inner_savepoint")?;
        let before = self.progress;
        let result = inner(self);
        if result.is_ok() && !self.progress.failed {
            self.batch("RELEASE SAVEPOINT inner_savepoint")?;
            return result;
        }
        self.progress = before;
        self.batch("ROLLBACK TO SAVEPOINT inner_savepoint")?;
        self.batch("RELEASE SAVEPOINT inner_savepoint")?;
        result.and(Err(StoreError::Aborted.into()))
    }

    /// Which database this is, where a statement cannot be portable.
    pub fn dialect(&self) -> Dialect {
        match self.conn {
            Conn::Sqlite(_) => Dialect::Sqlite,
            Conn::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs several statements without parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.progress.executed = true;
        self.guarded(|conn| match conn {
            Conn::Sqlite(conn) => sqlite::statement::batch(conn, sql),
            Conn::Postgres(conn) => conn.batch(sql),
        })
    }

    /// Gives the rows of a query one by one, however many there are.
    pub(crate) fn each_row<E: From<StoreError>>(
        &mut self,
        sql: &str,
        take: &mut impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.conn {
            Conn::Sqlite(conn) => sqlite::statement::each_row(conn, sql, take),
            Conn::Postgres(conn) => conn.each_row(sql, take),
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.progress.failed
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) fn seed(&self) -> &'c Seed {
        self.seed
    }

    pub(crate) fn keys(&self) -> Result<&'c Arc<KeyRing>, StoreError> {
        self.keys.ok_or(StoreError::Sealed { what: "the key ring" })
    }

    /// Notes that an event was written, so that readers are woken after the commit.
    pub(crate) fn note_recorded(&mut self) {
        self.progress.recorded = true;
        if let Conn::Sqlite(conn) = &self.conn {
            self.progress.position = Some(conn.last_insert_rowid());
        }
    }

    fn guarded<T>(
        &mut self,
        statement: impl FnOnce(&mut Conn<'c>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.progress.failed {
            return Err(StoreError::Aborted);
        }
        statement(&mut self.conn).inspect_err(|_| self.progress.failed = true)
    }
}
