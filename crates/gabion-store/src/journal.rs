//! The journal: what happened, in an order that never changes.
//!
//! [`Tx::record`] writes an event in the transaction of the change it tells of. Readers follow `position`: a
//! position is visible only when every smaller one is, so that whoever read up to 41 goes on with 42 and misses
//! nothing.

pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod subject;

use gabion_core::{Actor, Event, EventId, Severity, SiteId, SubjectId, Timestamp};
use tokio::sync::watch;

use crate::{Db, StoreError};

pub use subject::Purpose;

/// Entries of one page.
pub const PAGE_MAX: usize = 500;

/// Shown in place of a personal field whose key was deleted.
pub const ERASED: &str = "[erased]";

/// Shown in place of a personal field to those who may not read it.
pub const HIDDEN: &str = "[hidden]";

/// One event with its place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Its place: larger is later.
    pub position: i64,
    /// What happened. Unreadable personal fields hold [`ERASED`] or [`HIDDEN`].
    pub event: Event,
}

/// Which events a page holds. Everything set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A kind (`staff.signed_in`) or all kinds of a domain (`staff`).
    pub kind: Option<String>,
    /// At least this severe.
    pub severity_min: Option<Severity>,
    /// On this site.
    pub site: Option<SiteId>,
    /// By this actor.
    pub actor: Option<Actor>,
    /// About this person.
    pub subject: Option<SubjectId>,
    /// About this thing: kind and id.
    pub entity: Option<(String, String)>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Personal fields are decrypted where their key still exists.
    Full,
    /// Personal fields read [`HIDDEN`]: auditors.
    Masked,
}

/// The reading side of the journal.
#[derive(Clone)]
pub struct Journal {
    db: Db,
}

impl Journal {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Events behind `after`, oldest first, at most `limit` (and [`PAGE_MAX`]). Start with 0, go on with the
    /// position of the last entry.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn read(
        &self,
        after: i64,
        limit: usize,
        filter: Filter,
        view: View,
    ) -> Result<Vec<Entry>, StoreError> {
        self.db.read(move |tx| read::page(tx, read::Direction::After(after), limit, &filter, view)).await
    }

    /// Events before `before`, or the newest ones when it is `None`; newest first, at most `limit` (and
    /// [`PAGE_MAX`]).
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn read_back(
        &self,
        before: Option<i64>,
        limit: usize,
        filter: Filter,
        view: View,
    ) -> Result<Vec<Entry>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        self.db.read(move |tx| read::page(tx, read::Direction::Before(before), limit, &filter, view)).await
    }

    /// The event of this id, by its index; none where there is no such event, or where it has no position yet.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn find(&self, id: EventId, view: View) -> Result<Option<Entry>, StoreError> {
        self.db.read(move |tx| read::find(tx, id, view)).await
    }

    /// The newest position; 0 for an empty journal. Costs nothing.
    pub fn newest(&self) -> i64 {
        *self.db.shared().newest.borrow()
    }

    /// Wakes whenever the newest position moved: after the commit on SQLite, within 250 ms of it on PostgreSQL.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.db.shared().newest.subscribe()
    }
}

pub(crate) const fn severity_rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

pub(crate) const fn severity_of(rank: i64) -> Severity {
    match rank {
        i64::MIN..=0 => Severity::Info,
        1 => Severity::Warning,
        2.. => Severity::Critical,
    }
}
