//! The project's own tasks. `cargo xtask` lists them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the developer")]

mod attack;
mod bench;
mod client;
mod debian;
mod fuzz;
mod lab;
mod layers;
mod licences;
mod postgres;
mod quiet;
mod smuggle;
mod soak;
mod statistics;
mod suite;
mod task;
mod testssl;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Tasks {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what the full suite needs and run everything, as CI does.
    Test,
    /// Check layers, licences, links and marks; also runs as a test.
    Tidy,
    /// The long runs: reload storm, dead database, full disk.
    Soak,
    /// Two shops with ten thousand page views each: customers notice nothing, learning and enforced.
    Quiet,
    /// Send requests that readers disagree about through Gabion to four other servers, and compare what they saw.
    Smuggle,
    /// Measure Gabion: bench/README.md says how to read the results.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Attack Gabion in front of the demo shop and print what held: bench/README.md says how to read it.
    Attack(attack::Attack),
    /// Fuzz every parser of foreign bytes, one after the other; needs the nightly toolchain.
    Fuzz(fuzz::Fuzz),
    /// Scan the public listener with testssl.sh and print what it finds.
    Testssl(testssl::Testssl),
    /// The load generator that `bench` and `attack` start on its own core.
    #[command(subcommand, hide = true)]
    Client(client::Client),
}

fn main() -> ExitCode {
    let result = match Tasks::parse().task {
        Task::Test => suite::run_everything(),
        Task::Tidy => tidy::run(),
        Task::Soak => soak::run_long(),
        Task::Quiet => quiet::run_long(),
        Task::Smuggle => smuggle::run_all(),
        Task::Bench(bench) => bench::run(&bench),
        Task::Attack(attack) => attack.run(),
        Task::Fuzz(fuzz) => fuzz.run(),
        Task::Testssl(testssl) => testssl.run(),
        Task::Client(client) => client::run(&client),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
