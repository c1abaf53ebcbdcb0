//! Ceremonies from end to end: against the specification's vectors, and an authenticator of our own that can lie.

mod authentication;
mod authenticator;
mod mutation;
mod registration;
mod shop;
mod vectors;
