//! `cargo xtask smuggle`: requests that readers disagree about, through Gabion to servers that other people wrote.
//!
//! The same tests as in the suite, with what they need installed and the table of every case printed. Fails when a
//! server saw anything but what Gabion wrote to it.

use crate::debian;
use crate::task::{Outcome, cargo, run, step};

/// Debian packages, and the program that tells whether each is there.
const PACKAGES: &[(&str, &str)] = &[
    ("nginx-light", "/usr/sbin/nginx"),
    ("haproxy", "/usr/sbin/haproxy"),
    ("python3", "/usr/bin/python3"),
    ("nodejs", "/usr/bin/node"),
];

/// Installs the servers and runs all cases against each, then the public corpus where it is there.
pub(crate) fn run_all() -> Outcome {
    step("Servers");
    debian::install(PACKAGES)?;
    step("Cases");
    run(cargo(&["nextest", "run", "--package", "gabion-edge", "--locked", "--no-capture"])
        .args(["-E", "test(smuggle::) + test(guard::corpus)"]))
}
