//! The results as a table for people and as numbers for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Measured, Row};
use crate::lab::machine;
use crate::lab::run_folder::RunFolder;
use crate::statistics::Spread;
use crate::task::Outcome;

const HEAD: &str = "\
| cell | proxy | CPU per request, µs (min to max) | pace | requests/s | p50 ms | p99 ms | memory peak MiB |
|---|---|---|---|---|---|---|---|
";

/// One cell in a line, for the console while it runs.
pub(super) fn line(row: &Row) -> String {
    let each: Vec<_> = row
        .measured
        .iter()
        .map(|measured| format!("{} {:.1} µs", measured.proxy, measured.cpu_us().median))
        .collect();
    format!(
        "    {}{}",
        each.join(", "),
        row.pace_percent().map(|pace| format!(": {pace:.0} %")).unwrap_or_default()
    )
}

/// The table. The pace is Gabion's requests per processor second in percent of the other proxy's.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    for row in rows {
        for (place, measured) in row.measured.iter().enumerate() {
            let pace = row.pace_percent().filter(|_| place == 0);
            let pace = pace.map(|pace| format!("**{pace:.0} %**")).unwrap_or_default();
            writeln!(text, "{}", table_line(row.cell.name, measured, &pace))
                .expect("a string takes every line");
        }
    }
    text
}

fn table_line(cell: &str, measured: &Measured, pace: &str) -> String {
    let cpu = measured.cpu_us();
    format!(
        "| {cell} | {} | {:.1} ({:.1} to {:.1}) | {pace} | {:.0} | {:.2} | {:.2} | {} |",
        measured.proxy,
        cpu.median,
        cpu.min,
        cpu.max,
        measured.rate().median,
        measured.p50_ms().median,
        measured.p99_ms().median,
        measured.rss_peak_mib()
    )
}

/// Writes `README.md` and `summary.json` into the run's folder.
pub(super) fn write(folder: &RunFolder, rows: &[Row], load_before: &str, rounds: &str) -> Outcome {
    let machine = machine::describe();
    let load_after = machine::load_average();
    folder.write(
        "README.md",
        &format!(
            "# cargo xtask bench edge\n\n{machine}- load average before and after: {load_before}; {load_after}\n\
             - {rounds}, medians\n\n{}\nHow to read it: bench/README.md in the root of the repository.\n",
            table(rows)
        ),
    )?;
    let summary = json!({
        "machine": machine.lines().collect::<Vec<_>>(),
        "load_before": load_before,
        "load_after": load_after,
        "rounds": rounds,
        "cells": rows.iter().map(row_json).collect::<Vec<_>>(),
    });
    folder.write("summary.json", &format!("{summary:#}\n"))
}

fn row_json(row: &Row) -> Value {
    json!({
        "cell": row.cell.name,
        "pace_percent": row.pace_percent(),
        "proxies": row.measured.iter().map(measured_json).collect::<Vec<_>>(),
    })
}

fn measured_json(measured: &Measured) -> Value {
    json!({
        "proxy": measured.proxy,
        "cpu_us_per_request": spread_json(measured.cpu_us()),
        "requests_per_second": spread_json(measured.rate()),
        "p50_ms": spread_json(measured.p50_ms()),
        "p99_ms": spread_json(measured.p99_ms()),
        "rss_peak_mib": measured.rss_peak_mib(),
    })
}

fn spread_json(spread: Spread) -> Value {
    json!({ "min": spread.min, "median": spread.median, "max": spread.max })
}
