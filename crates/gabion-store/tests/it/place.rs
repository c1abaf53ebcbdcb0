//! A database of its own for each case, on either engine.

use std::sync::Arc;

use gabion_core::{Actor, Clock, Event, EventId, EventKind, Severity, SystemClock};
use gabion_crypto::SystemEntropy;
use gabion_store::{Db, Migration, Migrations, OpenError, StorageConfig, StoreDeps, StoreError, params};
use gabion_test::postgres::Database;

/// A table most cases write to.
pub(crate) const TEA: Migrations = Migrations {
    domain: "tea",
    steps: &[Migration {
        version: 1,
        name: "tea",
        sqlite: "CREATE TABLE tea (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL, leaf BLOB) STRICT;",
        postgres: "CREATE TABLE tea (id BIGINT PRIMARY KEY, name TEXT COLLATE \"C\" NOT NULL UNIQUE,
            price DOUBLE PRECISION, leaf BYTEA);",
    }],
};

pub(crate) const HAPPENED: EventKind = EventKind::new("test.happened", 1, Severity::Info);

pub(crate) fn deps() -> StoreDeps {
    StoreDeps { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy::new()) }
}

pub(crate) fn event_id() -> EventId {
    EventId::new(SystemClock.now(), &SystemEntropy::new())
}

pub(crate) fn happened() -> Event {
    Event::new(&HAPPENED, event_id(), SystemClock.now(), Actor::System)
}

/// A folder and an address. The PostgreSQL database is dropped with it.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: StorageConfig,
    database: Option<Database>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StorageConfig::new(format!("sqlite:{}", folder.path().join("gabion.db").display()));
        Self { folder, config, database: None }
    }

    /// A fresh database on the test server; none, with a message, when there is no server.
    pub(crate) fn postgres() -> Option<Self> {
        let database = Database::create()?;
        let folder = tempfile::tempdir().unwrap();
        let mut config = StorageConfig::new(database.url());
        config.files = Some(folder.path().to_owned());
        Some(Self { folder, config, database: Some(database) })
    }

    /// Runs SQL behind Gabion's back.
    pub(crate) fn raw(&self, sql: &str) {
        match &self.database {
            Some(database) => database.run(sql),
            None => {
                let path = self.config.url.strip_prefix("sqlite:").unwrap();
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
            }
        }
    }

    /// Where the seal key lies.
    pub(crate) fn key_path(&self) -> std::path::PathBuf {
        let stem = self.database.as_ref().map_or("gabion.db", Database::name);
        self.folder.path().join(format!("{stem}.key"))
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.database.is_some()
    }

    pub(crate) async fn open(&self) -> Db {
        let db = self.try_open().await.unwrap();
        db.migrate(&[TEA]).await.unwrap();
        db
    }

    pub(crate) async fn try_open(&self) -> Result<Db, OpenError> {
        Db::open(self.config.clone(), deps()).await
    }
}

/// Runs cases on both engines.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::place::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                if let Some(place) = crate::place::Place::postgres() {
                    super::$case(place).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;

pub(crate) async fn add_tea(db: &Db, id: i64, name: &str) -> Result<(), StoreError> {
    let name = name.to_owned();
    db.write(move |tx| tx.execute("INSERT INTO tea (id, name) VALUES ($1, $2)", params![id, &name]).map(drop))
        .await
}

pub(crate) async fn teas(db: &Db) -> Vec<String> {
    let names = db.read(|tx| {
        let rows = tx.query("SELECT name FROM tea ORDER BY id", params![])?;
        rows.iter().map(|row| row.get("name")).collect::<Result<Vec<String>, StoreError>>()
    });
    names.await.unwrap()
}

pub(crate) async fn record(db: &Db, event: Event) {
    db.write::<_, StoreError, _>(move |tx| tx.record(&event)).await.unwrap();
}

/// Waits until the journal has come to `position`.
pub(crate) async fn numbered(db: &Db, position: i64) {
    let mut newest = db.journal().watch();
    let waited = newest.wait_for(|newest| *newest >= position);
    tokio::time::timeout(std::time::Duration::from_secs(10), waited)
        .await
        .expect("events get positions")
        .unwrap();
}
