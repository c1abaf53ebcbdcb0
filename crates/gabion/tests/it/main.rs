//! The whole product: the real binary, real sockets, real signals.

#![allow(clippy::unwrap_used)]

mod accounts;
mod around;
mod configuration;
mod docs;
mod failure;
mod heartbeat;
mod life;
mod mail;
mod nginx;
mod password_commands;
mod restart;
mod said;
mod service;
mod storm;
mod uploads;
mod waf_commands;
mod waf_install;

use std::path::PathBuf;

/// The binary under test: what the full suite built, or what this test run built.
fn binary() -> PathBuf {
    std::env::var_os("GABION_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_gabion").into(), PathBuf::from)
}

/// How many requests a long run sends: few in the suite, many in `cargo xtask soak`.
fn requests() -> usize {
    std::env::var("GABION_SOAK_REQUESTS")
        .map_or(2_000, |text| text.parse().expect("GABION_SOAK_REQUESTS is a number"))
}
