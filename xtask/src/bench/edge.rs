//! `cargo xtask bench edge`: Gabion against nginx, cell by cell.

mod report;

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::load::{Load, Round};
use super::profile;
use super::site::{Proxy, Site, agreed};
use crate::lab::run_folder::RunFolder;
use crate::lab::{self, machine};
use crate::statistics::Spread;
use crate::task::{Outcome, step};

/// Requests per processor second of no cell may be below this share of the other proxy's.
const PACE_MIN_PERCENT: f64 = 80.0;

/// The other proxy.
const NGINX: Proxy = Proxy::Nginx { name: "nginx", rules: None };

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct Edge {
    /// Only cells whose name contains this, such as `h1/1k`.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    #[command(flatten)]
    rounds: Rounds,
    /// Measure this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Compare with this Gabion instead of nginx: the work before a change.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Write a flat profile of Gabion for each cell; needs perf (Debian: linux-perf).
    #[arg(long)]
    profile: bool,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
    /// Fail when a cell is under 80 %.
    #[arg(long)]
    gate: bool,
}

/// How long is measured.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Rounds {
    /// Rounds of one second, three of them: shows that everything works, not how fast.
    #[arg(long)]
    quick: bool,
    /// Rounds of each cell and proxy.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of a round.
    #[arg(long)]
    seconds: Option<f64>,
}

impl Rounds {
    fn number(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 6 })
    }

    fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(if self.quick { 1.0 } else { 4.0 })
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} rounds of {} s for each cell and proxy", self.number(), self.seconds())
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(super) name: &'static str,
    path: &'static str,
    load: Load,
}

impl Cell {
    /// A row of another table.
    pub(super) const fn new(name: &'static str, path: &'static str, load: Load) -> Self {
        Self { name, path, load }
    }

    /// The rows of the table.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        CELLS.iter()
    }

    fn file_name(&self) -> String {
        self.name.replace('/', "-")
    }
}

/// The key exchange with ML-KEM, which Debian's nginx cannot do, is Gabion's own column.
const CELLS: &[Cell] = &[
    Cell { name: "h1/1k", path: "1k", load: Load::Http1 { connections: 32 } },
    Cell { name: "h1/32k", path: "32k", load: Load::Http1 { connections: 32 } },
    Cell { name: "h1/1m", path: "1m", load: Load::Http1 { connections: 8 } },
    Cell { name: "h1/browse", path: "page.html", load: Load::Browse { connections: 32 } },
    Cell { name: "h2/1k", path: "1k", load: Load::Http2 { connections: 8, streams: 16 } },
    Cell { name: "h2/32k", path: "32k", load: Load::Http2 { connections: 8, streams: 16 } },
    Cell { name: "h2/1m", path: "1m", load: Load::Http2 { connections: 4, streams: 4 } },
    Cell { name: "full/1k", path: "1k", load: Load::Handshakes { resume: false, mlkem: false } },
    Cell { name: "resumed/1k", path: "1k", load: Load::Handshakes { resume: true, mlkem: false } },
    Cell { name: "full-mlkem/1k", path: "1k", load: Load::Handshakes { resume: false, mlkem: true } },
    Cell { name: "resumed-mlkem/1k", path: "1k", load: Load::Handshakes { resume: true, mlkem: true } },
];

/// What one proxy did in one cell.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(super) proxy: String,
    rounds: Vec<Round>,
}

impl Measured {
    pub(super) fn cpu_us(&self) -> Spread {
        Spread::of(self.rounds.iter().map(Round::cpu_us))
    }

    pub(super) fn rate(&self) -> Spread {
        Spread::of(self.rounds.iter().map(Round::rate))
    }

    fn p50_ms(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| milliseconds(round.p50_us)))
    }

    fn p99_ms(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| milliseconds(round.p99_us)))
    }

    fn rss_peak_mib(&self) -> u64 {
        self.rounds.iter().map(|round| round.rss_peak_kib).max().unwrap_or_default() / 1024
    }
}

fn milliseconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64() * 1e3
}

/// A cell with the results of everyone who took part, Gabion first.
#[derive(Debug)]
pub(crate) struct Row {
    cell: Cell,
    pub(super) measured: Vec<Measured>,
}

impl Row {
    /// Gabion's requests per processor second, in percent of the other's. None where it ran alone.
    fn pace_percent(&self) -> Option<f64> {
        let [gabion, other] = self.measured.as_slice() else { return None };
        Some(100.0 * other.cpu_us().median / gabion.cpu_us().median)
    }
}

impl Edge {
    /// Builds, measures, reports.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(super::PACKAGES, self.gabion.as_ref())?;
        let load_before = machine::load_average();
        let folder = RunFolder::open("edge", self.keep)?;
        let site = Site::start()?;
        let gabion = Proxy::Gabion { name: "gabion".into(), binary, settings: String::new() };
        let other = match &self.binary {
            Some(path) => {
                Proxy::Gabion { name: "before".into(), binary: path.clone(), settings: String::new() }
            }
            None => NGINX,
        };
        let mut rows = Vec::new();
        for cell in Cell::all().filter(|cell| self.wants(cell)) {
            let alone = other == NGINX && matches!(cell.load, Load::Handshakes { mlkem: true, .. });
            let proxies = if alone { vec![&gabion] } else { vec![&gabion, &other] };
            let row = measure(*cell, &site, &proxies, &self.rounds, &folder)?;
            println!("{}", report::line(&row));
            if self.profile {
                let server = site.proxy(&gabion)?;
                let name = cell.file_name();
                profile::record(cell.load, &server, cell.path, &name, self.rounds.seconds(), &folder)?;
            }
            rows.push(row);
        }
        report::write(&folder, &rows, &load_before, &self.rounds.to_string())?;
        println!("\n{}\nResults: {}", report::table(&rows), folder.path().display());
        self.judge(&rows)
    }

    fn wants(&self, cell: &Cell) -> bool {
        self.only.as_ref().is_none_or(|part| cell.name.contains(part.as_str()))
    }

    fn judge(&self, rows: &[Row]) -> Outcome {
        let slow: Vec<_> = rows
            .iter()
            .filter(|row| row.pace_percent().is_some_and(|pace| pace < PACE_MIN_PERCENT))
            .map(|row| row.cell.name)
            .collect();
        if self.gate && !slow.is_empty() {
            return Err(format!("under {PACE_MIN_PERCENT} %: {}", slow.join(", ")));
        }
        Ok(())
    }
}

/// Measures one cell. Rounds in the order A B, B A, A B ...: what drifts on the machine hits both.
pub(crate) fn measure(
    cell: Cell,
    site: &Site,
    proxies: &[&Proxy],
    rounds: &Rounds,
    folder: &RunFolder,
) -> Outcome<Row> {
    step(cell.name);
    let mut running = Vec::new();
    for (place, proxy) in proxies.iter().enumerate() {
        let server = site.proxy(proxy)?;
        folder.raw(&format!("{}.{}.tls", cell.file_name(), proxy.name()), &agreed(&server)?)?;
        cell.load.round(&server, cell.path, 1.0)?;
        running.push((place, server, Measured { proxy: proxy.name().to_owned(), rounds: Vec::new() }));
    }
    for number in 1..=rounds.number() {
        for (_, server, measured) in &mut running {
            let round = cell.load.round(server, cell.path, rounds.seconds())?;
            folder.raw(&format!("{}.{}.{number}", cell.file_name(), measured.proxy), &round.raw)?;
            measured.rounds.push(round);
        }
        running.reverse();
    }
    running.sort_by_key(|(place, ..)| *place);
    Ok(Row { cell, measured: running.into_iter().map(|(.., measured)| measured).collect() })
}
