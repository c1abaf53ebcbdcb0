//! Mail against a mail server of its own, on both databases.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod captured;
mod delivery;
mod line;
mod mishaps;
mod server;
mod world;
