//! The full suite: everything CI runs, from a machine with Debian, Rust's stable toolchain, Node.js and a C compiler.

use std::process::Command;
use std::time::Instant;

use crate::debian;
use crate::postgres::Postgres;
use crate::task::{Outcome, cargo, has, run, step};

/// Debian packages, and the program that tells whether each is there.
pub(crate) const PACKAGES: &[(&str, &str)] = &[
    ("postgresql", "/usr/lib/postgresql"),
    ("chromium", "/usr/bin/chromium"),
    ("nginx-light", "/usr/sbin/nginx"),
    ("haproxy", "/usr/sbin/haproxy"),
    ("sqlite3", "/usr/bin/sqlite3"),
    ("pebble", "/usr/bin/pebble"),
    // The second shop is written in Python.
    ("python3-venv", "/usr/lib/python3.11/ensurepip"),
    // What the rule engine is tested with, and beside.
    ("g++", "/usr/bin/g++"),
    ("libmodsecurity-dev", "/usr/include/modsecurity/modsecurity.h"),
    ("modsecurity-crs", "/usr/share/modsecurity-crs"),
];

/// Installs what is missing and runs everything.
pub(crate) fn run_everything() -> Outcome {
    let started = Instant::now();
    step("Tools");
    debian::install(PACKAGES)?;
    if !has("cargo-nextest", "--version") && run(&mut cargo(&["nextest", "--version"])).is_err() {
        run(&mut cargo(&["install", "cargo-nextest", "--locked"]))?;
    }
    step("Format and lints");
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--locked"]).args(["--", "-D", "warnings"]))?;
    step("Release build");
    run(&mut cargo(&["build", "--release", "--locked", "--package", "gabion"]))?;
    step("Tests, with PostgreSQL");
    let postgres = Postgres::start()?;
    run(cargo(&["nextest", "run", "--workspace", "--locked", "--profile", "full"])
        .env("GABION_TEST_POSTGRES", postgres.url())
        .env("GABION_TEST_BINARY", binary()))?;
    drop(postgres);
    step("Passkeys of others");
    run(&mut cargo(&["test", "--locked", "--manifest-path", "tests/passkeys/Cargo.toml"]))?;
    step("Pages in a real browser");
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--prefix", "tests/browser"]))?;
    run(Command::new("node")
        .args(["--test", "--test-concurrency=1", "tests/browser/"])
        .env("GABION_TEST_BINARY", binary()))?;
    println!("\nEverything passed in {} min.", started.elapsed().as_secs() / 60);
    Ok(())
}

/// The release binary, which tests of the whole product start.
pub(crate) fn binary() -> std::path::PathBuf {
    release("gabion")
}

/// A program of the release build.
pub(crate) fn release(name: &str) -> std::path::PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::task::root().join("target"), Into::into);
    target.join("release").join(name)
}
