//! What leaves Gabion of its own accord: mail.
//!
//! Protects what is written to customers: addresses and codes are sealed from the transaction that asks for a letter
//! until the letter is sent, and reach no log. What it must never do: lose a letter that was put, hold up the shop for a
//! mail server, send over a line that others can read, or put into a letter's head what somebody typed.

pub mod mail;

use gabion_store::{Migration, Migrations};

/// The tables of this crate.
pub const MIGRATIONS: Migrations = Migrations {
    domain: "outbound",
    steps: &[Migration {
        version: 1,
        name: "mail",
        sqlite: include_str!("../migrations/sqlite/0001_mail.sql"),
        postgres: include_str!("../migrations/postgres/0001_mail.sql"),
    }],
};
