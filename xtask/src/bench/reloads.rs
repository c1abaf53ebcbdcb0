//! `cargo xtask bench reloads`: new configurations under load. No request may fail, and nothing may pile up.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::load::{Load, Round};
use super::site::{Proxy, Site};
use crate::lab::run_folder::RunFolder;
use crate::lab::server::Server;
use crate::lab::{self, machine, usage};
use crate::task::{Outcome, pause};

/// Time between two reloads.
const PAUSE: Duration = Duration::from_millis(300);
/// Reloads after which memory is what it will stay.
const SETTLED: u32 = 20;
/// What the reloads after that may add: what the allocator keeps for itself.
const GROWTH_KIB_MAX: u64 = 8 * 1024;

/// How many reloads.
#[derive(Debug, Args)]
pub(crate) struct Reloads {
    /// Reloads.
    #[arg(long, default_value_t = 100)]
    reloads: u32,
    /// Measure this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

impl Reloads {
    /// Reloads under load, counts failures, weighs the process.
    ///
    /// # Errors
    /// When a request fails, or the process grows.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(super::PACKAGES, self.gabion.as_ref())?;
        let folder = RunFolder::open("reloads", self.keep)?;
        let site = Site::start()?;
        let proxy = Proxy::Gabion { name: "gabion".into(), binary, settings: String::new() };
        let gabion = site.proxy(&proxy)?;
        let seconds = (PAUSE * (self.reloads + 10)).as_secs_f64();
        let (round, weights) = std::thread::scope(|scope| -> Outcome<(Round, (u64, u64))> {
            let load = scope.spawn(|| Load::Http1 { connections: 32 }.round(&gabion, "1k", seconds));
            let weights = self.reload(&gabion, &site.configuration(&proxy))?;
            Ok((load.join().expect("the load does not panic")?, weights))
        })?;
        let (settled_kib, after_kib) = weights;
        let text = format!(
            "# cargo xtask bench reloads\n\n{}\n\
             | reloads | requests | failed | memory after {SETTLED} reloads, KiB | memory after all, KiB |\n\
             |---|---|---|---|---|\n| {} | {} | 0 | {settled_kib} | {after_kib} |\n",
            machine::describe(),
            self.reloads,
            round.requests
        );
        folder.raw("wrk", &round.raw)?;
        folder.write("README.md", &text)?;
        println!("{text}\nResults: {}", folder.path().display());
        if after_kib > settled_kib + GROWTH_KIB_MAX {
            return Err(format!("grew from {settled_kib} to {after_kib} KiB"));
        }
        Ok(())
    }

    /// Each reload finds a configuration that differs from the one before. The memory after some, and after all.
    fn reload(&self, gabion: &Server, configuration: &std::path::Path) -> Outcome<(u64, u64)> {
        let wrong = |error: std::io::Error| format!("{}: {error}", configuration.display());
        let text = std::fs::read_to_string(configuration).map_err(wrong)?;
        let mut settled_kib = 0;
        for number in 1..=self.reloads {
            pause(PAUSE);
            let changed = format!("{text}\n[limits]\nbody_idle_seconds = {}\n", 30 + number % 2);
            std::fs::write(configuration, changed).map_err(wrong)?;
            gabion.signal("HUP")?;
            if number == SETTLED.min(self.reloads) {
                settled_kib = usage::rss_kib(gabion.process());
            }
        }
        pause(PAUSE);
        Ok((settled_kib, usage::rss_kib(gabion.process())))
    }
}
