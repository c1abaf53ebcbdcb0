//! The storage suite: every case runs on SQLite and, when `GABION_TEST_POSTGRES` holds the address of a server
//! where databases may be created, on PostgreSQL.
#![allow(clippy::unwrap_used)]

mod place;
mod transactions;
