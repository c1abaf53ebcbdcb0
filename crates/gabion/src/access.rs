//! The list of clients that are let in or kept out: durable here, in force in the edge.

pub(crate) mod store;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gabion_console::control::{Access, AccessWish, Author, ChangeError};
use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, Severity, Timestamp};
use gabion_edge::Edge;
use gabion_edge::access::{AccessEntry, Subject};
use gabion_store::{Db, Migration, Migrations, StoreError};

use store::PutError;

/// A client was let in or kept out.
pub(crate) const ACCESS_SET: EventKind = EventKind::new("access.set", 1, Severity::Warning).sealed();
/// An entry was removed before its time was over.
pub(crate) const ACCESS_REMOVED: EventKind = EventKind::new("access.removed", 1, Severity::Warning).sealed();

/// The tables of this module.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    domain: "access",
    steps: &[Migration {
        version: 1,
        name: "access",
        sqlite: include_str!("../migrations/sqlite/0001_access.sql"),
        postgres: include_str!("../migrations/postgres/0001_access.sql"),
    }],
};

/// How often entries that are over are forgotten. The edge itself stops heeding them to the microsecond.
const FORGET_PERIOD: Duration = Duration::from_secs(60);

/// The list at work. Clones are the same.
#[derive(Clone)]
pub(crate) struct AccessBook(Arc<Inner>);

/// What the list is built from.
pub(crate) struct Deps {
    pub(crate) edge: Edge,
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

struct Inner {
    deps: Deps,
    // Changed by `set`, `remove` and `forget`, newest first.
    entries: Mutex<Vec<Access>>,
    changing: tokio::sync::Mutex<()>,
}

impl AccessBook {
    /// Reads the list and puts it in force.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn open(deps: Deps) -> Result<Self, StoreError> {
        let now = deps.clock.now();
        let entries = deps.db.read(move |tx| store::all(tx, now)).await?;
        let book = Self(Arc::new(Inner {
            deps,
            entries: Mutex::new(entries),
            changing: tokio::sync::Mutex::new(()),
        }));
        book.put_in_force();
        Ok(book)
    }

    /// The entries that still count, newest first.
    pub(crate) fn list(&self) -> Vec<Access> {
        let now = self.now();
        self.entries().iter().filter(|entry| entry.until > now).cloned().collect()
    }

    /// Makes an entry, in the place of the one about the same subject.
    ///
    /// # Errors
    /// When the list is full or the database takes no writes; then nothing changed.
    pub(crate) async fn set(&self, by: Author, wish: AccessWish) -> Result<Access, ChangeError> {
        let _one_at_a_time = self.0.changing.lock().await;
        let at = self.now();
        let until = at.after(Duration::from_secs(u64::from(wish.minutes) * 60));
        let AccessWish { subject, verdict, reason, .. } = wish;
        let entry = Access { subject, verdict, until, at, by: by.name, reason };
        let event = self
            .event(&ACCESS_SET, at, by.actor, &entry.subject)
            .field("verdict", entry.verdict.as_str())
            .field("until", entry.until.to_string())
            .field("reason", entry.reason.as_str());
        let stored = entry.clone();
        let put = self.0.deps.db.write(move |tx| store::put(tx, &stored, &event)).await;
        put.map_err(|error| match error {
            PutError::Full => ChangeError::Refused { reason: error.to_string() },
            PutError::Store(error) => ChangeError::Unavailable { reason: error.to_string() },
        })?;
        let mut entries = self.entries();
        entries.retain(|other| other.subject != entry.subject && other.until > at);
        entries.insert(0, entry.clone());
        drop(entries);
        self.put_in_force();
        Ok(entry)
    }

    /// Removes the entry about a subject. Says whether there was one.
    ///
    /// # Errors
    /// When the database takes no writes; then nothing changed.
    pub(crate) async fn remove(&self, by: Author, subject: Subject) -> Result<bool, ChangeError> {
        let _one_at_a_time = self.0.changing.lock().await;
        let event = self.event(&ACCESS_REMOVED, self.now(), by.actor, &subject);
        let gone = subject.clone();
        let removed = self.0.deps.db.write(move |tx| store::remove(tx, &gone, &event)).await;
        let removed =
            removed.map_err(|error: StoreError| ChangeError::Unavailable { reason: error.to_string() })?;
        self.entries().retain(|entry| entry.subject != subject);
        self.put_in_force();
        Ok(removed)
    }

    /// Forgets entries that are over, until the task is dropped.
    pub(crate) async fn run(self) {
        let mut tick = tokio::time::interval(FORGET_PERIOD);
        loop {
            tick.tick().await;
            if let Err(error) = self.forget().await {
                tracing::warn!(%error, "Entries of the access list that are over could not be deleted yet");
            }
        }
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.changing.lock().await;
        let now = self.now();
        if self.entries().iter().all(|entry| entry.until > now) {
            return Ok(());
        }
        self.0.deps.db.write(move |tx| store::prune(tx, now)).await?;
        self.entries().retain(|entry| entry.until > now);
        self.put_in_force();
        Ok(())
    }

    fn put_in_force(&self) {
        let entries = self.entries();
        let entry = |entry: &Access| AccessEntry {
            subject: entry.subject.clone(),
            verdict: entry.verdict,
            until: entry.until,
        };
        // Under the lock, so that of two changes the later list stays in force.
        self.0.deps.edge.set_access(entries.iter().map(entry).collect());
    }

    fn event(&self, kind: &EventKind, at: Timestamp, actor: Actor, subject: &Subject) -> Event {
        let id = EventId::new(at, self.0.deps.entropy.as_ref());
        let event = Event::new(kind, id, at, actor);
        match subject {
            Subject::Network(network) => event.personal("address", network.to_string()),
            Subject::Ja4(ja4) => event.field("ja4", ja4.as_str()),
        }
    }

    fn now(&self) -> Timestamp {
        self.0.deps.clock.now()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<Access>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
