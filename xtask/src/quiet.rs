//! Customers of two shops who must not notice anything: the same walk as in the suite, with the views of the promise.

use std::process::Command;

use crate::debian;
use crate::suite::{PACKAGES, binary};
use crate::task::{Outcome, cargo, run};

/// Page views of each shop while Gabion learns.
const VIEWS: &str = "10000";

/// Walks through the release build; about half an hour.
pub(crate) fn run_long() -> Outcome {
    debian::install(PACKAGES)?;
    run(&mut cargo(&["build", "--release", "--locked", "--package", "gabion"]))?;
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--prefix", "tests/browser"]))?;
    run(Command::new("node")
        .args(["--test", "--test-reporter=spec", "tests/browser/quiet.test.mjs"])
        .env("GABION_TEST_BINARY", binary())
        .env("GABION_QUIET_VIEWS", VIEWS))
}
