//! A database of its own for each case, on both engines.

use std::sync::Arc;

use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, Severity, SystemClock};
use gabion_crypto::SystemEntropy;
use gabion_store::{Db, Migration, Migrations, OpenError, StorageConfig, StoreDeps};

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
    EventId::new(SystemClock.now(), &SystemEntropy::new() as &dyn Entropy)
}

pub(crate) fn happened() -> Event {
    Event::new(&HAPPENED, event_id(), SystemClock.now(), Actor::System)
}

/// A folder and an address. The PostgreSQL database is dropped with it.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: StorageConfig,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StorageConfig::new(format!("sqlite:{}", folder.path().join("gabion.db").display()));
        Self { folder, config }
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
