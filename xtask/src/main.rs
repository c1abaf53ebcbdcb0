//! The project's own tasks. `cargo xtask` lists them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the developer")]

mod layers;
mod licences;
mod postgres;
mod soak;
mod suite;
mod task;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test    install what the full suite needs and run everything, as CI does
cargo xtask tidy    check layers, licences, links and marks; also runs as a test
cargo xtask soak    the long runs: reload storm, dead database, full disk
";

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("test") => suite::run_everything(),
        Some("tidy") => tidy::run(),
        Some("soak") => soak::run_long(),
        _ => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
