//! The control plane's outside, spoken to as a client would.
#![allow(clippy::unwrap_used)]

mod access;
mod harness;
mod idempotency;
mod plane;
