//! Restoring a backup.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use gabion_core::entropy::draw;
use gabion_core::{Actor, Event, EventId, Secret};

use super::dump::{all_tables, columns, quoted};
use super::format::{End, Frame, FrameReader, Header, Table, decode};
use super::{BackupError, BackupSummary, Existing, file_error};
use crate::config::Beside;
use crate::db::StoreDeps;
use crate::dialect::Dialect;
use crate::journal::read::newest;
use crate::mark::{self, Mark, MarkFile};
use crate::migration::{self, Migrations, STORE};
use crate::session::Session;
use crate::sqlite::files::Lock;
use crate::{OpenError, StoreError, Tx, events, key_ring, lease, params};

/// The backup and what this program knows about its tables.
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) domains: &'a [Migrations],
}

/// Reads the whole file and checks it.
pub(super) fn verify(file: &Path) -> Result<(Header, BackupSummary), BackupError> {
    let mut reader = open(file)?;
    let Frame::Header(header) = reader.next().map_err(damaged(file))? else {
        return Err(damaged(file)(io::Error::other("it has no header")));
    };
    let end = loop {
        if let Frame::End(end) = reader.next().map_err(damaged(file))? {
            break end;
        }
    };
    let digest = reader.finish().map_err(damaged(file))?;
    let summary = summary(&header, &end, &digest);
    Ok((header, summary))
}

pub(super) fn into_sqlite(
    source: &Source<'_>,
    deps: &StoreDeps,
    path: &Path,
    beside: &Beside,
    seal_key: Option<&Path>,
    existing: Existing,
) -> Result<BackupSummary, BackupError> {
    let (header, summary) = verify(source.file)?;
    crate::start::create_folder_of(path)?;
    let _lock = Lock::take(&beside.file("lock"))?;
    let exists = path.try_exists().map_err(file_error(path))?;
    if exists && existing == Existing::Keep {
        return Err(BackupError::NotEmpty);
    }
    let draft = path.with_added_extension("restoring");
    remove(&draft)?;
    let key = seal_key.map_or_else(|| beside.file("key"), Path::to_owned);
    let restore = Restore { source, deps, header: &header, summary: &summary, seal_key: &key };
    let filled = fill_draft(&restore, &draft, &beside.file("mark"));
    let mark = match filled {
        Ok(mark) => mark,
        Err(error) => {
            remove(&draft)?;
            return Err(error);
        }
    };
    set_aside(path)?;
    std::fs::rename(&draft, path).map_err(file_error(path))?;
    crate::durable::sync_folder_of(path).map_err(file_error(path))?;
    write_mark(beside, mark)?;
    Ok(summary)
}

/// Fills a new file and leaves it whole on the disk.
fn fill_draft(restore: &Restore<'_>, draft: &Path, mark: &Path) -> Result<Mark, BackupError> {
    let mut session = Session::sqlite(draft)?;
    // Rows come table by table; references are checked when all are there.
    session.batch("PRAGMA foreign_keys=OFF; PRAGMA cache_size=-65536")?;
    let mark = restore.run(&mut session, mark, |_| Ok(()))?;
    // With the last connection the log is written back into the file and removed.
    session.batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop(session);
    File::open(draft).and_then(|file| file.sync_all()).map_err(file_error(draft))?;
    Ok(mark)
}

pub(super) fn into_postgres(
    source: &Source<'_>,
    deps: &StoreDeps,
    address: &postgres::Config,
    beside: &Beside,
    seal_key: Option<&Path>,
    existing: Existing,
) -> Result<BackupSummary, BackupError> {
    let (header, summary) = verify(source.file)?;
    let mut session = crate::pg::start::locked_session(address)?;
    session.batch("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")?;
    let key = seal_key.map_or_else(|| beside.file("key"), Path::to_owned);
    let restored = Restore { source, deps, header: &header, summary: &summary, seal_key: &key };
    let mark = restored.run(&mut session, &beside.file("mark"), |tx| {
        let found = all_tables(tx)?;
        if !found.is_empty() && existing == Existing::Keep {
            return Err(BackupError::NotEmpty);
        }
        for name in found {
            tx.batch(&format!("DROP TABLE {} CASCADE", quoted(&name)))?;
        }
        Ok(())
    })?;
    write_mark(beside, mark)?;
    Ok(summary)
}

/// One restore into one session.
struct Restore<'a> {
    source: &'a Source<'a>,
    deps: &'a StoreDeps,
    header: &'a Header,
    summary: &'a BackupSummary,
    seal_key: &'a Path,
}

impl Restore<'_> {
    /// Everything in one transaction: tables, rows, a new epoch, the event. The keys must open, or nothing stays.
    fn run(
        &self,
        session: &mut Session,
        mark_path: &Path,
        make_room: impl FnOnce(&mut Tx<'_>) -> Result<(), BackupError>,
    ) -> Result<Mark, BackupError> {
        let now = self.deps.clock.now();
        let seed = Secret::new(draw(&*self.deps.entropy));
        let id = EventId::new(now, &*self.deps.entropy);
        let seen = mark::read(mark_path).map_err(file_error(mark_path))?;
        let epoch_min = seen.map_or(0, |seen| seen.epoch).max(self.header.epoch);
        session.transact(&seed, None, |tx| {
            make_room(tx)?;
            tx.batch(migration::bootstrap(tx.dialect()))?;
            self.make_tables(tx)?;
            let references = Foreign::lift(tx)?;
            self.load(tx)?;
            references.restore(tx)?;
            let epoch = lease::take(tx, epoch_min, "restore", now)?;
            key_ring::open(tx, Some(self.seal_key), now, &*self.deps.entropy)?;
            tx.record(&self.event(id, now))?;
            Ok(Mark { epoch, position: newest(tx)? })
        })
    }

    fn event(&self, id: EventId, now: gabion_core::Timestamp) -> Event {
        Event::new(&events::RESTORED, id, now, Actor::Shell)
            .field("created_at", self.summary.created_at.to_string())
            .field("position", self.summary.position)
            .field("rows", i64::try_from(self.summary.rows).unwrap_or(i64::MAX))
            .field("checksum", self.summary.checksum.as_str())
    }

    /// Brings the tables to the versions of the backup, not further.
    fn make_tables(&self, tx: &mut Tx<'_>) -> Result<(), BackupError> {
        let mut applied: BTreeMap<&str, BTreeMap<i64, String>> = BTreeMap::new();
        for step in &self.header.migrations {
            applied.entry(&step.domain).or_default().insert(step.version, step.checksum.clone());
        }
        let known: Vec<Migrations> =
            std::iter::once(STORE).chain(self.source.domains.iter().copied()).collect();
        if let Some(domain) = applied.keys().find(|domain| known.iter().all(|list| list.domain != **domain)) {
            return Err(BackupError::Version { reason: format!("it has tables of {domain}") });
        }
        for list in &known {
            let versions = applied.get(list.domain).cloned().unwrap_or_default();
            let unfit = |error: crate::MigrateError| BackupError::Version { reason: error.to_string() };
            list.pending(&versions).map_err(unfit)?;
            for step in list.steps.iter().take(versions.len()) {
                migration::apply(tx, list.domain, step, self.deps.clock.now()).map_err(OpenError::from)?;
            }
        }
        Ok(())
    }

    fn load(&self, tx: &mut Tx<'_>) -> Result<(), BackupError> {
        let file = self.source.file;
        let mut reader = open(file)?;
        let mut insert = None;
        loop {
            match reader.next().map_err(damaged(file))? {
                Frame::Header(_) => {}
                Frame::Table(table) => insert = Some(Insert::into(tx, &table)?),
                Frame::Rows(rows) => {
                    let insert = insert
                        .as_ref()
                        .ok_or_else(|| damaged(file)(io::Error::other("it has rows without a table")))?;
                    let mut rest = rows.as_slice();
                    while !rest.is_empty() {
                        let row = decode(&mut rest, insert.columns).map_err(damaged(file))?;
                        tx.execute(&insert.sql, &row)?;
                    }
                }
                Frame::End(_) => return Ok(()),
            }
        }
    }
}

struct Insert {
    sql: String,
    columns: usize,
}

impl Insert {
    fn into(tx: &mut Tx<'_>, table: &Table) -> Result<Self, BackupError> {
        let known = columns(tx, &table.name)?;
        if let Some(unknown) = table.columns.iter().find(|column| !known.contains(column)) {
            return Err(BackupError::Misfit { reason: format!("{} has no column {unknown}", table.name) });
        }
        let names = table.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let values = (1..=table.columns.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {} ({names}) VALUES ({values})", quoted(&table.name));
        Ok(Self { sql, columns: table.columns.len() })
    }
}

/// References between tables, lifted while rows come in any order.
struct Foreign(Vec<(String, String, String)>);

impl Foreign {
    fn lift(tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        if tx.dialect() == Dialect::Sqlite {
            return Ok(Self(Vec::new()));
        }
        let sql = "SELECT CAST(conrelid::regclass AS TEXT) AS target, CAST(conname AS TEXT) AS name,
                pg_get_constraintdef(oid) AS definition
            FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace";
        let rows = tx.query(sql, params![])?;
        let lifted: Result<Vec<_>, StoreError> = rows
            .iter()
            .map(|row| Ok((row.get("target")?, quoted(&row.get::<String>("name")?), row.get("definition")?)))
            .collect();
        let lifted = lifted?;
        for (table, name, _) in &lifted {
            tx.batch(&format!("ALTER TABLE {table} DROP CONSTRAINT {name}"))?;
        }
        Ok(Self(lifted))
    }

    fn restore(self, tx: &mut Tx<'_>) -> Result<(), BackupError> {
        for (table, name, definition) in self.0 {
            tx.batch(&format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))?;
        }
        if tx.dialect() == Dialect::Sqlite {
            let broken =
                tx.query("SELECT \"table\" AS name FROM pragma_foreign_key_check LIMIT 1", params![])?;
            if let Some(row) = broken.first() {
                let name: String = row.get("name")?;
                return Err(BackupError::Misfit {
                    reason: format!("{name} refers to a row that is not there"),
                });
            }
        }
        Ok(())
    }
}

fn open(file: &Path) -> Result<FrameReader<BufReader<File>>, BackupError> {
    let opened = File::open(file).map_err(file_error(file))?;
    FrameReader::new(BufReader::new(opened)).map_err(damaged(file))
}

fn damaged(file: &Path) -> impl Fn(io::Error) -> BackupError {
    move |error| BackupError::Damaged { path: file.to_owned(), reason: error.to_string() }
}

fn summary(header: &Header, end: &End, digest: &[u8; 32]) -> BackupSummary {
    BackupSummary {
        created_at: header.created_at,
        position: header.position,
        tables: end.tables,
        rows: end.rows,
        checksum: HEXLOWER.encode(digest),
    }
}

/// The files SQLite keeps for one database.
fn parts(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

fn remove(path: &Path) -> Result<(), BackupError> {
    parts(path).iter().try_for_each(|part| match std::fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(part)(error)),
        Ok(()) | Err(_) => Ok(()),
    })
}

/// Renames what is in the way, log first: a log of another database must not meet the new file.
fn set_aside(path: &Path) -> Result<(), BackupError> {
    let aside = path.with_added_extension("before-restore");
    remove(&aside)?;
    for (part, to) in parts(path).iter().zip(parts(&aside)).rev() {
        match std::fs::rename(part, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(part)(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn write_mark(beside: &Beside, mark: Mark) -> Result<(), BackupError> {
    let path = beside.file("mark");
    MarkFile::new(path.clone()).write(mark).map_err(file_error(&path))
}
