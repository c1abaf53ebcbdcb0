//! Staff, sessions and keys, used as a browser and a program would.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod account;
mod api;
mod customer;
mod harness;
mod link;
mod logs;
mod postgres;
mod roles;
mod shop;
mod sign_in;
