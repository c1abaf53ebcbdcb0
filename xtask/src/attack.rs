//! `cargo xtask attack`: Gabion in front of the demo shop, attacked while customers shop. `bench/README.md` says how to
//! read the table.

mod battle;
mod weapon;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::lab::run_folder::RunFolder;
use crate::lab::{self, machine};
use crate::task::{Outcome, run, step};
use battle::{Battle, Row};
use weapon::WEAPONS;

/// Debian packages of the attacks, and the file that tells whether each is there.
const PACKAGES: &[(&str, &str)] = &[
    ("iproute2", "/usr/sbin/ip"),
    ("wrk", "/usr/bin/wrk"),
    ("nghttp2-client", "/usr/bin/h2load"),
    ("slowhttptest", "/usr/bin/slowhttptest"),
    ("python3-h2", "/usr/lib/python3/dist-packages/h2"),
];

/// Makes the addresses of the battle, then becomes the program named after it.
const NETWORK: &str = "ip link set lo up && ip address add 198.18.0.1/24 dev lo && exec \"$0\" \"$@\"";

const TABLE_HEAD: &str = "\
| attack | verdict | the attacker | memory, MiB | p99 of others, ms (limit) | failed | checkout |
|---|---|---|---|---|---|---|
";

/// What is attacked, and how long.
#[derive(Debug, Args)]
pub(crate) struct Attack {
    /// Only attacks whose name contains this, such as `reset`.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Seconds of each attack: longer than the deadlines under test, at least 4.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(4..))]
    seconds: u64,
    /// Attack this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
    /// We are in the network of our own already.
    #[arg(long, hide = true)]
    inside: bool,
}

impl Attack {
    /// Builds, attacks in a network of its own, reports.
    ///
    /// # Errors
    /// When something cannot be started, or a row of the table fails.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(PACKAGES, self.gabion.as_ref())?;
        if self.inside { self.fight(binary) } else { self.enter(&binary) }
    }

    /// Runs this command once more where 198.18.0.0/24 (RFC 2544) is this machine: rate limits do not count loopback.
    fn enter(&self, binary: &Path) -> Outcome {
        let ourselves = lab::client_binary()?;
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", NETWORK]).arg(ourselves).args(["attack", "--inside", "--gabion"]);
        command.arg(binary).args(["--seconds", &self.seconds.to_string()]);
        command
            .args(self.only.iter().map(|part| format!("--only={part}")))
            .args(self.keep.then_some("--keep"));
        run(&mut command)
    }

    fn fight(&self, binary: PathBuf) -> Outcome {
        let load_before = machine::load_average();
        let folder = RunFolder::open("attack", self.keep)?;
        let battle = Battle::prepare(binary, self.seconds)?;
        let mut rows = Vec::new();
        for weapon in WEAPONS.iter().filter(|weapon| self.wants(weapon.name)) {
            step(weapon.name);
            let row = battle.fight(weapon, &folder)?;
            println!("{}", line(&row));
            rows.push(row);
        }
        let table = rows.iter().fold(TABLE_HEAD.to_owned(), |table, row| table + &line(row) + "\n");
        let about = format!(
            "# cargo xtask attack\n\n{}- load average before and after: {load_before}; {}\n\
             - {} s of each attack, Gabion on one core, everything else on the others\n\n",
            machine::describe(),
            machine::load_average(),
            self.seconds
        );
        folder.write("README.md", &(about + &table))?;
        println!("\n{table}\nResults: {}", folder.path().display());
        let failed: Vec<_> = rows.iter().filter(|row| !row.passed()).map(|row| row.name).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("did not hold: {}", failed.join(", "))) }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

fn line(row: &Row) -> String {
    format!(
        "| {} | {} | {} | {} to {} | {:.1} ({:.1}) | {} of {} | {} |",
        row.name,
        if row.passed() { "held" } else { "**FAILED**" },
        row.attacker.told,
        row.rss_before_kib / 1024,
        row.rss_peak_kib / 1024,
        row.p99_ms,
        row.p99_limit_ms(),
        row.failed,
        row.requests,
        row.checkout.as_ref().map_or_else(Clone::clone, |milliseconds| format!("{milliseconds} ms")),
    )
}
