//! The account of pages, as whoever serves them and whoever decides about them use it.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod changes;
mod classes;
mod decisions;
mod evidence;
mod harness;
mod holding;
mod ingest;
mod looks;
mod postgres;
mod third_parties;
