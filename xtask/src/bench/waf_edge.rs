//! `cargo xtask bench waf-edge`: what the rules add to a request through a proxy, beside nginx with libmodsecurity.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::edge::{Cell, Measured, Rounds, measure};
use super::load::Load;
use super::site::{Proxy, Site};
use crate::lab::run_folder::RunFolder;
use crate::lab::{self, machine};
use crate::task::{Outcome, root};

/// Debian packages of the comparison besides those of `bench edge`.
const PACKAGES: &[(&str, &str)] = &[
    ("libnginx-mod-http-modsecurity", "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"),
    ("modsecurity-crs", "/usr/share/modsecurity-crs/rules"),
];
/// Ordinary requests: those of `bench/waf/cases` that no rule stops.
const CELL: Cell = Cell::new("shop", "", Load::Shop { connections: 32 });
/// How many times less processor time the rules must add than nginx's.
const PACE_MIN: f64 = 10.0;
/// CRS as Debian ships it.
const CRS_3: &str = "/usr/share/modsecurity-crs";

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct WafEdge {
    #[command(flatten)]
    rounds: Rounds,
    /// Measure this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

impl WafEdge {
    /// Measures both proxies plain and with rules.
    ///
    /// # Errors
    /// When a proxy does not start, a request is refused, or the gate is not met.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(&[super::PACKAGES, PACKAGES].concat(), self.gabion.as_ref())?;
        let folder = RunFolder::open("waf-edge", self.keep)?;
        let site = Site::start()?;
        let gabion = |name: &str, waf: &str| Proxy::Gabion {
            name: name.into(),
            binary: binary.clone(),
            settings: format!("[waf]\n{waf}\n"),
        };
        let rules = root().join("bench/waf/rules-3.conf");
        let proxies = [
            Proxy::Nginx { name: "nginx", rules: None },
            Proxy::Nginx { name: "nginx-crs3", rules: Some(rules) },
            gabion("gabion", "mode = \"off\""),
            gabion("gabion-crs3", &format!("mode = \"block\"\nrules = [\"{CRS_3}\"]\nresponses = true")),
            gabion("gabion-builtin", "mode = \"block\"\nresponses = true"),
        ];
        let row = measure(CELL, &site, &proxies.iter().collect::<Vec<_>>(), &self.rounds, &folder)?;
        let (table, pace) = report(&row.measured);
        let text =
            format!("# cargo xtask bench waf-edge\n\n{}- {}\n\n{table}", machine::describe(), self.rounds);
        folder.write("README.md", &text)?;
        println!("\n{table}\nResults: {}", folder.path().display());
        if pace < PACE_MIN {
            return Err(format!("{pace:.1} times less is added, at least {PACE_MIN} are needed"));
        }
        Ok(())
    }
}

/// The table, and how many times less CRS 3 adds to a request of Gabion than to one of nginx.
fn report(measured: &[Measured]) -> (String, f64) {
    let cpu = |name: &str| {
        measured.iter().find(|measured| measured.proxy == name).map_or(0.0, |found| found.cpu_us().median)
    };
    let mut text =
        "| proxy | CPU per request, µs (min to max) | the rules add, µs | requests/s |\n|---|---|---|---|\n"
            .to_owned();
    for measured in measured {
        let spread = measured.cpu_us();
        let (plain, _) = measured.proxy.split_once('-').unwrap_or((&measured.proxy, ""));
        writeln!(
            text,
            "| {} | {:.1} ({:.1} to {:.1}) | {:.1} | {:.0} |",
            measured.proxy,
            spread.median,
            spread.min,
            spread.max,
            spread.median - cpu(plain),
            measured.rate().median
        )
        .expect("a string takes every line");
    }
    let pace = (cpu("nginx-crs3") - cpu("nginx")) / (cpu("gabion-crs3") - cpu("gabion"));
    writeln!(text, "\nCRS 3 adds {pace:.1} times less to a request of Gabion's than to one of nginx's.")
        .expect("a string takes every line");
    (text, pace)
}
