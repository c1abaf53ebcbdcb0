//! `cargo xtask bench layers`: what each layer that settings can switch off costs.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::edge::{Cell, Measured, Rounds, measure};
use super::site::{Proxy, Site};
use crate::lab::run_folder::RunFolder;
use crate::lab::{self, machine};
use crate::suite::release;
use crate::task::{Outcome, cargo, root, run};

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct Layers {
    /// Only cells whose name contains this; small answers by default, where layers count.
    #[arg(long, value_name = "PART", default_value = "h1/1k")]
    only: String,
    #[command(flatten)]
    rounds: Rounds,
    /// Measure this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

impl Layers {
    /// Measures Gabion with everything on, once more for each file of `bench/edge/layers`, and a proxy that has nothing.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(super::PACKAGES, self.gabion.as_ref())?;
        let folder = RunFolder::open("layers", self.keep)?;
        let site = Site::start()?;
        let mut proxies = vec![Proxy::Gabion {
            name: "everything".into(),
            binary: binary.clone(),
            settings: String::new(),
        }];
        for (name, settings) in variants()? {
            proxies.push(Proxy::Gabion { name, binary: binary.clone(), settings });
        }
        run(&mut cargo(&[
            "build",
            "--release",
            "--locked",
            "--package",
            "gabion-edge",
            "--example",
            "bare",
        ]))?;
        proxies.push(Proxy::Bare(release("examples/bare")));
        let proxies: Vec<_> = proxies.iter().collect();
        let mut text = format!("# cargo xtask bench layers\n\n{}- {}\n\n", machine::describe(), self.rounds);
        text.push_str(
            "| cell | Gabion | CPU per request, µs (min to max) | less than everything, µs |\n|---|---|---|---|\n",
        );
        for cell in Cell::all().filter(|cell| cell.name.contains(self.only.as_str())) {
            let row = measure(*cell, &site, &proxies, &self.rounds, &folder)?;
            write_lines(&mut text, cell.name, &row.measured);
        }
        folder.write("README.md", &text)?;
        println!("\n{text}\nResults: {}", folder.path().display());
        Ok(())
    }
}

fn write_lines(text: &mut String, cell: &str, measured: &[Measured]) {
    let everything = measured.first().map_or(0.0, |measured| measured.cpu_us().median);
    for measured in measured {
        let cpu = measured.cpu_us();
        let cost = everything - cpu.median;
        writeln!(
            text,
            "| {cell} | {} | {:.1} ({:.1} to {:.1}) | {cost:.1} |",
            measured.proxy, cpu.median, cpu.min, cpu.max
        )
        .expect("a string takes every line");
    }
}

/// The files of `bench/edge/layers` by name: settings, each with one layer less.
fn variants() -> Outcome<Vec<(String, String)>> {
    let folder = root().join("bench/edge/layers");
    let wrong = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut variants = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| wrong(&folder, error))? {
        let path = entry.map_err(|error| wrong(&folder, error))?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        variants.push((name, std::fs::read_to_string(&path).map_err(|error| wrong(&path, error))?));
    }
    variants.sort();
    Ok(variants)
}
