//! The storage suite: every case runs on SQLite and, when `GABION_TEST_POSTGRES` holds the address of a server
//! where databases may be created (`postgres://postgres@127.0.0.1:5432`), on PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests say what they skip"
)]

mod backup;
mod counter;
mod faults;
mod idempotency;
mod journal;
mod killed;
mod lane;
mod outbox;
mod personal;
mod place;
mod power;
mod proxy;
mod transactions;
