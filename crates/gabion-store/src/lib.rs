//! Durable storage over SQLite and PostgreSQL: transactions, journal, outbox, idempotency, key rows, backups.
//!
//! [`Db`] is the handle every domain gets. [`Db::write`] runs a closure in a transaction and answers after the
//! commit that makes it durable; [`Db::read`] runs one on a snapshot. SQL is portable text with `$1` placeholders
//! over BIGINT, TEXT, BLOB/BYTEA and DOUBLE; [`Tx::dialect`] is for the few places where it cannot be.
//!
//! What it promises: an answer is given only after the commit is on the disk; a security-relevant change and its
//! event are in one transaction ([`Tx::record`]); a closure that fails undoes its own writes and nobody else's;
//! everything that waits is bounded, and what does not fit is refused at once.
//!
//! What it never does: hold a lock across an `.await`, run a closure on a thread of the async runtime, write after
//! the database file was exchanged under it, make a new seal key for a database that has sealed keys.

pub mod backup;
mod config;
pub mod counter;
mod db;
mod dialect;
mod durable;
mod error;
pub mod events;
mod health;
mod housekeeping;
pub mod idempotency;
mod job;
pub mod journal;
mod key_ring;
pub mod lane;
mod lease;
mod mark;
mod migration;
pub mod outbox;
mod param;
mod personal;
mod pg;
mod queue;
mod session;
mod sqlite;
mod start;
mod tx;

pub use config::{
    QUEUE_LENGTH, QUEUE_LENGTH_DEFAULT, READERS, READERS_DEFAULT, StorageConfig, WRITERS, WRITERS_DEFAULT,
};
pub use counter::{Counted, Counter};
pub use db::{Db, RolledBack, StoreDeps};
pub use dialect::Dialect;
pub use error::{Constraint, MigrateError, OpenError, StoreError};
pub use health::{Health, LATENCY_BOUNDS_MICROS, Metrics};
pub use journal::{Journal, Purpose};
pub use lane::{Lane, LaneConfig, LaneStats};
pub use mark::Mark;
pub use migration::{AppliedSteps, Migration, Migrations, applied_steps, pending_steps};
pub use param::{FromParam, Param, Row};
pub use personal::Place;
pub use tx::{ROWS_MAX, Tx};
