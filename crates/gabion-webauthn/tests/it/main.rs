//! Ceremonies from end to end: against the specification's vectors, and an authenticator of our own that can lie.
#![allow(clippy::unwrap_used)]

mod authentication;
mod authenticator;
mod mutation;
mod recorded;
mod registration;
mod shop;
mod vectors;
