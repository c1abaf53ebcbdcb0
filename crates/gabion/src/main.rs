//! One binary that protects the people who buy in an online shop.
//!
//! `run` composes the product out of the domains; the other modules are the commands around it.

mod access;
mod accounts;
mod admin;
mod around;
mod ask;
mod breach;
mod bypass;
mod ca;
mod certificates;
mod check;
mod cli;
mod command;
mod config;
mod control_plane;
mod counter;
mod demo;
mod drill;
mod exit;
mod handover;
mod heartbeat;
mod init;
mod lane;
mod mail;
mod nginx;
mod out;
mod outside;
mod pages;
mod password;
mod product;
mod progress;
mod quarantine;
mod run;
mod service;
mod uploads;
mod waf;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};
use gabion_edge::Sockets;

use cli::{Cli, Command, ConfigCommand, ExportCommand};
use config::Config;
use exit::{Failure, USAGE};
use run::End;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return usage(&error),
        Err(error) => error.exit(),
    };
    log_to_stderr();
    // Before there is a second thread: it changes the environment.
    let sockets = match handover::handed_in() {
        Ok(sockets) => sockets,
        Err(failure) => return failure.tell(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).tell(),
    };
    let ended = runtime.block_on(dispatch(cli.command, sockets));
    match ended {
        Ok(End::Stopped) => ExitCode::SUCCESS,
        Ok(End::No) => ExitCode::from(exit::NO),
        Ok(End::HandOver(successor)) => {
            drop(runtime);
            successor.take_over().tell()
        }
        Err(failure) => failure.tell(),
    }
}

async fn dispatch(command: Command, sockets: Arc<Sockets>) -> Result<End, Failure> {
    match command {
        Command::Run(args) => return run::run(Config::load(&args.config)?, sockets).await,
        Command::Demo(args) => demo::run(args).await,
        Command::DemoShop(args) => demo::shop(args).await,
        Command::Init(args) => init::run(&args),
        Command::Restart(args) => command::restart(&Config::load(&args.config)?).await,
        Command::Preflight(args) => handover::preflight(&Config::load(&args.config)?).await,
        Command::Check(args) => check::run(&Config::load(&args.config)?).await,
        Command::Bypass(args) => command::bypass(&args),
        Command::Config(ConfigCommand::Export(args)) => command::export(&Config::load(&args.config)?).await,
        Command::Export(ExportCommand::Nginx(args)) => {
            command::export_nginx(Config::load(&args.config)?).await
        }
        Command::Waf(command) => return waf::command::run(&command).await,
        Command::Drill(cli::DrillCommand::Skimmer(args)) => return command::drill_skimmer(args).await,
        Command::Upload(command) => quarantine::command::run(&command).await,
        Command::Mail(cli::mail::MailCommand::Test(args)) => mail::test(&args).await,
        Command::Password(command) => password::run(&command),
        Command::Breach(command) => return breach::run(&command),
        Command::SetupLink(args) => command::setup_link(&Config::load(&args.config)?).await,
        Command::Backup(args) => command::backup(&Config::load(&args.config.config)?, &args.to).await,
        Command::Restore(args) => {
            command::restore(&Config::load(&args.config.config)?, &args.from, args.force).await
        }
        Command::Ca(command) => ca::run(&command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "gabion", &mut std::io::stdout());
            Ok(())
        }
    }?;
    Ok(End::Stopped)
}

/// A wrong command line ends with the code of a wrong configuration.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) => ExitCode::from(USAGE),
        Err(error) => Failure::from(error).tell(),
    }
}

/// Lines on standard error; `GABION_LOG` filters them (`debug`, `gabion_edge=debug`), `GABION_LOG_FORMAT=json` makes
/// each a JSON object.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GABION_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("GABION_LOG_FORMAT").is_ok_and(|format| format == "json") {
        lines.json().init();
    } else {
        lines.with_target(false).with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
    }
}
