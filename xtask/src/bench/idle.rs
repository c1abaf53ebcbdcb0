//! `cargo xtask bench idle`: what connections cost that only lie there.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use clap::Args;

use super::site::{Proxy, Site};
use crate::lab::run_folder::RunFolder;
use crate::lab::server::{Server, other_cores, pinned};
use crate::lab::{self, machine, usage};
use crate::task::Outcome;

/// What all connections together may take.
const RSS_MIB_MAX: u64 = 400;
/// More than the default of 10,000 connections, and more patience than the default of 10 s: opening them all takes longer.
const SETTINGS: &str = "\n[limits]\nconnections_max = 12000\nhead_timeout_seconds = 300\n";

/// How many connections.
#[derive(Debug, Args)]
pub(crate) struct Idle {
    /// TLS connections that asked once and lie idle then.
    #[arg(long, default_value_t = 10_000)]
    connections: u64,
    /// Measure this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

impl Idle {
    /// Opens them all and weighs the process.
    ///
    /// # Errors
    /// When connections do not stay open, or the process weighs more than it may.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(super::PACKAGES, self.gabion.as_ref())?;
        let folder = RunFolder::open("idle", self.keep)?;
        let site = Site::start()?;
        let gabion =
            site.proxy(&Proxy::Gabion { name: "gabion".into(), binary, settings: SETTINGS.into() })?;
        let (before_kib, files_before) = weigh(&gabion)?;
        let (after_kib, files_after) = self.weigh_with_connections(&gabion)?;
        let open = files_after.saturating_sub(files_before);
        let each_bytes = after_kib.saturating_sub(before_kib) * 1024 / open.max(1);
        let text = format!(
            "# cargo xtask bench idle\n\n{}\n\
             | connections open | memory before, MiB | memory with them, MiB | bytes for each |\n|---|---|---|---|\n\
             | {open} | {} | {} | {each_bytes} |\n",
            machine::describe(),
            before_kib / 1024,
            after_kib / 1024
        );
        folder.write("README.md", &text)?;
        println!("{text}\nResults: {}", folder.path().display());
        if open < self.connections {
            return Err(format!("only {open} of {} connections stayed open", self.connections));
        }
        if after_kib / 1024 > RSS_MIB_MAX {
            return Err(format!("{} MiB, at most {RSS_MIB_MAX} are allowed", after_kib / 1024));
        }
        Ok(())
    }

    fn weigh_with_connections(&self, gabion: &Server) -> Outcome<(u64, u64)> {
        let mut command = pinned(&other_cores(), lab::client_binary()?);
        command.args(["client", "idle", "--to", &gabion.address.to_string()]);
        command.args(["--connections", &self.connections.to_string()]);
        let mut client = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let mut line = String::new();
        let said = client.stdout.take().expect("it is piped");
        BufReader::new(said).read_line(&mut line).map_err(|error| format!("client: {error}"))?;
        let weight = weigh(gabion);
        // Waiting closes the client's standard input, and that ends it.
        let ended = client.wait().map_err(|error| format!("client: {error}"))?;
        if !ended.success() {
            return Err(format!("client: {ended}"));
        }
        weight
    }
}

/// Resident memory in KiB, and open files.
fn weigh(gabion: &Server) -> Outcome<(u64, u64)> {
    Ok((usage::rss_kib(gabion.process()), usage::open_files(gabion.process())?))
}
