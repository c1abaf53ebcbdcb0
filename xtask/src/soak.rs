//! The long runs: the same tests as in the suite, with the numbers of the product's promises.

use crate::postgres::Postgres;
use crate::suite::binary;
use crate::task::{Outcome, cargo, run, step};

/// The runs, and how many requests each sends.
const RUNS: &[(&str, &str)] =
    &[("test(starts_soon)", "1"), ("test(storm)", "50000"), ("test(failure)", "10000")];

/// Runs them against a release build.
pub(crate) fn run_long() -> Outcome {
    run(&mut cargo(&["build", "--release", "--locked", "--package", "gabion"]))?;
    let postgres = Postgres::start()?;
    for (filter, requests) in RUNS {
        step(&format!("{filter}, {requests} requests"));
        run(cargo(&["nextest", "run", "--package", "gabion", "--profile", "soak", "--no-capture"])
            .args(["-E", filter])
            .env("GABION_TEST_BINARY", binary())
            .env("GABION_TEST_POSTGRES", postgres.url())
            .env("GABION_SOAK_REQUESTS", requests))?;
    }
    Ok(())
}
