//! Gabion against the reference: libmodsecurity 3.0.9 from Debian, and the libinjection in it.
//!
//! Small programs are linked against it and asked. Without a compiler or `libmodsecurity-dev` the tests say so and pass.
//! `GABION_SOAK=10000000 cargo test --release -p gabion-waf reference` runs longer; `GABION_SEED` begins
//! elsewhere; `GABION_INJECTION_INPUTS` names a folder of inputs for the detectors: libinjection's own cases, or files
//! that are one input each, such as a fuzzer's corpus.

mod body;
mod corpus;
mod decisions;
mod excuses;
mod forms;
mod generate;
mod injection;
mod process;
mod random;

/// A number from the environment.
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}
