//! Staff, sessions and keys, used as a browser and a program would.
#![allow(clippy::unwrap_used)]

mod account;
mod api;
mod harness;
mod link;
mod logs;
mod postgres;
mod roles;
mod sign_in;
