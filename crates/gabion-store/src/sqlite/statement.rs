//! Running statements on a SQLite connection.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql, ffi};

use crate::dialect::numbered;
use crate::error::Constraint;
use crate::tx::ROWS_MAX;
use crate::{Param, Row, StoreError};

/// The reason given when no room is left for the database.
pub(crate) const DISK_FULL: &str = "the disk is full";

pub(crate) fn execute(conn: &Connection, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
    let mut statement = bound(conn, sql, params)?;
    statement.raw_execute().map(|count| count as u64).map_err(|cause| error(sql, cause))
}

pub(crate) fn query(conn: &Connection, sql: &str, params: &[Param]) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::new();
    visit(&mut bound(conn, sql, params)?, sql, &mut |row| {
        if found.len() == ROWS_MAX {
            return Err(StoreError::statement(sql, format_args!("more than {ROWS_MAX} rows; read in pages")));
        }
        found.push(row);
        Ok(())
    })?;
    Ok(found)
}

/// Gives the rows one by one, without a bound.
pub(crate) fn each_row<E: From<StoreError>>(
    conn: &Connection,
    sql: &str,
    take: &mut impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    visit(&mut bound(conn, sql, &[])?, sql, take)
}

fn visit<E: From<StoreError>>(
    statement: &mut CachedStatement<'_>,
    sql: &str,
    take: &mut impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|cause| error(sql, cause))? {
        let value = |index| row.get_ref(index).map_err(|cause| error(sql, cause)).and_then(param);
        let values = (0..columns.len()).map(value).collect::<Result<_, _>>()?;
        take(Row::new(Arc::clone(&columns), values))?;
    }
    Ok(())
}

pub(crate) fn batch(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.execute_batch(sql).map_err(|cause| error(sql, cause))
}

/// Prepares a statement without parameters, to be stepped many times.
pub(crate) fn prepare<'c>(conn: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, StoreError> {
    conn.prepare_cached(sql).map_err(|cause| error(sql, cause))
}

/// Runs a prepared statement once.
pub(crate) fn step(statement: &mut CachedStatement<'_>) -> Result<(), StoreError> {
    statement.raw_execute().map(drop).map_err(|cause| error("savepoint", cause))
}

fn bound<'c>(conn: &'c Connection, sql: &str, params: &[Param]) -> Result<CachedStatement<'c>, StoreError> {
    let mut statement = conn.prepare_cached(&numbered(sql)).map_err(|cause| error(sql, cause))?;
    if statement.parameter_count() != params.len() {
        let detail = format!("{} placeholders, {} parameters", statement.parameter_count(), params.len());
        return Err(StoreError::statement(sql, detail));
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value).map_err(|cause| error(sql, cause))?;
    }
    Ok(statement)
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Float(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn param(value: ValueRef<'_>) -> Result<Param, StoreError> {
    Ok(match value {
        ValueRef::Null => Param::Null,
        ValueRef::Integer(value) => Param::Int(value),
        ValueRef::Real(value) => Param::Float(value),
        ValueRef::Text(value) => Param::Text(String::from_utf8(value.to_vec()).map_err(|_| {
            StoreError::Column { column: "a TEXT value".to_owned(), detail: "not UTF-8".to_owned() }
        })?),
        ValueRef::Blob(value) => Param::Bytes(value.to_vec()),
    })
}

/// Sorts an error by what the caller does next.
pub(crate) fn error(sql: &str, cause: rusqlite::Error) -> StoreError {
    let Some(code) = cause.sqlite_error().copied() else {
        return StoreError::statement(sql, cause);
    };
    match code.code {
        ErrorCode::ConstraintViolation => {
            StoreError::Constraint { constraint: constraint(code.extended_code), detail: cause.to_string() }
        }
        ErrorCode::DiskFull => StoreError::unavailable(DISK_FULL),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StoreError::Busy { reason: "another program holds the database file" }
        }
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OutOfMemory
        | ErrorCode::NoLargeFileSupport => StoreError::unavailable(cause),
        _ => StoreError::statement(sql, cause),
    }
}

fn constraint(extended_code: i32) -> Constraint {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Constraint::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => Constraint::NotNull,
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Constraint::Unique
        }
        _ => Constraint::Check,
    }
}
