//! One connection: statements, and what an error means for the transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, NoTls, Statement};

use crate::error::Constraint;
use crate::tx::ROWS_MAX;
use crate::{Param, Row, StoreError};

/// Statements each connection keeps prepared. When there are more, all are dropped and prepared again.
const STATEMENTS_CACHED: usize = 256;

/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long a dead connection goes unnoticed while the server does not answer.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// What the session is set to. A transaction of ours that stands still for 10 seconds belongs to a connection
/// that is gone: the server ends it, so that the outcome of its commit can be told.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '10s'; SET statement_timeout = '60s';
    SET lock_timeout = '10s'; SET client_min_messages = warning";

/// One page of [`Connection::each_row`].
const FETCH: &str = "FETCH 500 FROM each_row";

pub(crate) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    /// The transaction met a conflict: it will go through when it runs again.
    pub(crate) conflict: bool,
    /// The connection is gone.
    pub(crate) lost: bool,
}

impl Connection {
    pub(crate) fn open(config: &postgres::Config) -> Result<Self, StoreError> {
        let mut config = config.clone();
        config.application_name("gabion").connect_timeout(CONNECT_PATIENCE).tcp_user_timeout(SILENCE_MAX);
        let client = config.connect(NoTls).map_err(|error| StoreError::unavailable(described(&error)))?;
        let mut conn = Self { client, statements: HashMap::new(), conflict: false, lost: false };
        conn.batch(SESSION)?;
        Ok(conn)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql, params)?;
        self.client.execute(&statement, &erased(params)).map_err(|cause| self.error(sql, &cause))
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql, params)?;
        let found =
            self.client.query(&statement, &erased(params)).map_err(|cause| self.error(sql, &cause))?;
        if found.len() > ROWS_MAX {
            return Err(StoreError::statement(sql, format_args!("more than {ROWS_MAX} rows; read in pages")));
        }
        let columns: Arc<[String]> = statement.columns().iter().map(|c| c.name().to_owned()).collect();
        let row = |row: &postgres::Row| {
            let values = (0..columns.len()).map(|index| row.try_get(index)).collect::<Result<_, _>>()?;
            Ok(Row::new(Arc::clone(&columns), values))
        };
        let rows: Result<Vec<Row>, postgres::Error> = found.iter().map(row).collect();
        rows.map_err(|cause| StoreError::statement(sql, described(&cause)))
    }

    /// Gives the rows one by one, fetched in pages of the transaction in progress.
    pub(crate) fn each_row<E: From<StoreError>>(
        &mut self,
        sql: &str,
        take: &mut impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        self.batch(&format!("DECLARE each_row NO SCROLL CURSOR FOR {sql}"))?;
        loop {
            // Prepared anew each time: a cursor of this name has other columns in every transaction.
            self.statements.remove(FETCH);
            let rows = self.query(FETCH, &[])?;
            if rows.is_empty() {
                return Ok(self.batch("CLOSE each_row")?);
            }
            rows.into_iter().try_for_each(&mut *take)?;
        }
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).map_err(|cause| self.error(sql, &cause))
    }

    fn prepared(&mut self, sql: &str, params: &[Param]) -> Result<Statement, StoreError> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).map_err(|cause| self.error(sql, &cause))?;
                if self.statements.len() == STATEMENTS_CACHED {
                    self.statements.clear();
                }
                self.statements.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        if statement.params().len() != params.len() {
            let detail = format!("{} placeholders, {} parameters", statement.params().len(), params.len());
            return Err(StoreError::statement(sql, detail));
        }
        Ok(statement)
    }

    /// Sorts an error by what the caller does next, and notes what it means for the connection.
    fn error(&mut self, sql: &str, cause: &postgres::Error) -> StoreError {
        let Some(db) = cause.as_db_error() else {
            if cause.is_closed() || std::error::Error::source(cause).is_some_and(|s| s.is::<std::io::Error>())
            {
                self.lost = true;
                return StoreError::unavailable(described(cause));
            }
            return StoreError::statement(sql, described(cause));
        };
        let code = db.code();
        if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
            self.conflict = true;
            return StoreError::Busy { reason: "too many writers of the same rows" };
        }
        if let Some(constraint) = constraint(code) {
            let place = db.constraint().or(db.column()).unwrap_or("unnamed");
            let detail = format!("{} of {}", place, db.table().unwrap_or("a table"));
            return StoreError::Constraint { constraint, detail };
        }
        match &code.code()[..2] {
            // Connection exceptions, out of resources, operator intervention, system errors, read-only server.
            "08" | "53" | "57" | "58" => {
                self.lost |= matches!(&code.code()[..2], "08" | "57");
                StoreError::unavailable(described(cause))
            }
            "55" => StoreError::Busy { reason: "another transaction holds the rows" },
            _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::unavailable(described(cause)),
            _ => StoreError::statement(sql, described(cause)),
        }
    }
}

fn constraint(code: &SqlState) -> Option<Constraint> {
    if *code == SqlState::UNIQUE_VIOLATION {
        Some(Constraint::Unique)
    } else if *code == SqlState::FOREIGN_KEY_VIOLATION {
        Some(Constraint::ForeignKey)
    } else if *code == SqlState::NOT_NULL_VIOLATION {
        Some(Constraint::NotNull)
    } else {
        (*code == SqlState::CHECK_VIOLATION).then_some(Constraint::Check)
    }
}

fn erased(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// The error with its cause: the driver's own text is as short as "db error".
fn described(error: &postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
