//! Writing a backup from a snapshot.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use gabion_core::Timestamp;

use super::format::{End, FrameWriter, Header, ROWS_BYTES, Step, Table, encode};
use super::{BackupError, BackupSummary, file_error};
use crate::config::Target;
use crate::durable;
use crate::job::Seed;
use crate::journal::read::newest;
use crate::session::Session;
use crate::{Row, StoreError, Tx, lease, params};

/// Tables that are about this installation and not about its content.
const LEFT_OUT: [&str; 4] = ["gabion_counter", "gabion_lease", "gabion_migration", "gabion_write"];

pub(super) fn write(
    target: &Target,
    file: &Path,
    created_at: Timestamp,
) -> Result<BackupSummary, BackupError> {
    let mut session = match target {
        Target::Memory => return Err(StoreError::unavailable("an in-memory database has no backup").into()),
        Target::Sqlite { path, .. } => Session::sqlite_reader(path)?,
        Target::Postgres { config, .. } => Session::postgres(config)?,
    };
    let failed = file_error(file);
    let draft = file.with_added_extension("new");
    let opened = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let writer = FrameWriter::new(BufWriter::new(opened.map_err(&failed)?)).map_err(&failed)?;
    // Nothing is derived from this seed: a dump makes no keys.
    let seed = Seed::new([0; 32]);
    let dumped =
        session.snapshot(&seed, |tx| Dump { tx, writer, tables: 0, rows: 0 }.run(created_at, &failed));
    let (writer, summary) = match dumped {
        Ok(dumped) => dumped,
        Err(error) => {
            if let Err(error) = std::fs::remove_file(&draft) {
                tracing::warn!(path = %draft.display(), %error, "A half-written backup is left behind");
            }
            return Err(error);
        }
    };
    let finished = writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|out| out.sync_all());
    finished.and_then(|()| std::fs::rename(&draft, file)).map_err(&failed)?;
    durable::sync_folder_of(file).map_err(&failed)?;
    Ok(summary)
}

struct Dump<'a, 'c, W: Write> {
    tx: &'a mut Tx<'c>,
    writer: FrameWriter<W>,
    tables: u64,
    rows: u64,
}

impl<W: Write> Dump<'_, '_, W> {
    fn run(
        mut self,
        created_at: Timestamp,
        failed: &impl Fn(io::Error) -> BackupError,
    ) -> Result<(W, BackupSummary), BackupError> {
        let (epoch, position) = (lease::current(self.tx)?, newest(self.tx)?);
        let migrations = steps(self.tx)?;
        self.writer.json(b'H', &Header { created_at, epoch, position, migrations }).map_err(failed)?;
        for name in tables(self.tx)? {
            self.table(name, failed)?;
        }
        let (tables, rows) = (self.tables, self.rows);
        self.writer.json(b'E', &End { tables, rows }).map_err(failed)?;
        let (out, digest) = self.writer.finish();
        Ok((out, BackupSummary { created_at, position, tables, rows, checksum: HEXLOWER.encode(&digest) }))
    }

    fn table(&mut self, name: String, failed: &impl Fn(io::Error) -> BackupError) -> Result<(), BackupError> {
        let columns = columns(self.tx, &name)?;
        let listed = columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
        let order = order(self.tx, &name);
        let sql = format!("SELECT {listed} FROM {}{order}", quoted(&name));
        self.writer.json(b'T', &Table { name, columns }).map_err(failed)?;
        let mut frame = Vec::new();
        let (writer, rows) = (&mut self.writer, &mut self.rows);
        self.tx.each_row(&sql, &mut |row: Row| {
            encode(&row.into_values(), &mut frame);
            *rows += 1;
            if frame.len() >= ROWS_BYTES {
                writer.rows(&frame).map_err(failed)?;
                frame.clear();
            }
            Ok::<(), BackupError>(())
        })?;
        if !frame.is_empty() {
            self.writer.rows(&frame).map_err(failed)?;
        }
        self.tables += 1;
        Ok(())
    }
}

/// Events keep their order when they are numbered anew: those without a position come last, as they were drawn.
fn order(tx: &Tx<'_>, table: &str) -> &'static str {
    match (table, tx.dialect()) {
        ("gabion_event", crate::Dialect::Postgres) => " ORDER BY position NULLS LAST, drawn",
        ("gabion_event", crate::Dialect::Sqlite) => " ORDER BY position",
        _ => "",
    }
}

fn steps(tx: &mut Tx<'_>) -> Result<Vec<Step>, StoreError> {
    let rows = tx.query(
        "SELECT domain, version, checksum FROM gabion_migration ORDER BY domain, version",
        params![],
    )?;
    let step = |row: &Row| {
        Ok(Step { domain: row.get("domain")?, version: row.get("version")?, checksum: row.get("checksum")? })
    };
    rows.iter().map(step).collect()
}

/// The tables with content, by name.
pub(super) fn tables(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut names = all_tables(tx)?;
    names.retain(|name| !LEFT_OUT.contains(&name.as_str()));
    Ok(names)
}

pub(super) fn all_tables(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let sql = match tx.dialect() {
        crate::Dialect::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        }
        crate::Dialect::Postgres => {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        }
    };
    tx.query(sql, params![])?.iter().map(|row| row.get("name")).collect()
}

/// The columns that are stored as they are: not computed, not numbered by the database.
pub(super) fn columns(tx: &mut Tx<'_>, table: &str) -> Result<Vec<String>, StoreError> {
    let sql = match tx.dialect() {
        crate::Dialect::Sqlite => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
        crate::Dialect::Postgres => {
            "SELECT CAST(a.attname AS TEXT) AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = current_schema() AND c.relname = CAST($1 AS TEXT) AND a.attnum > 0
                    AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
                ORDER BY a.attnum"
        }
    };
    tx.query(sql, params![table])?.iter().map(|row| row.get("name")).collect()
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
