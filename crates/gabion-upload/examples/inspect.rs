//! Inspects files and prints what each is, whether it passes, and how fast: `name<TAB>kind<TAB>verdict<TAB>MB/s`.
//!
//! Usage: `inspect PRESET FILE...`, with `pictures`, `documents` or `any-harmless`. Each file is inspected until a
//! second of time has gone, and the fastest inspection counts.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever started it")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gabion_upload::{Inspector, Kind, Policy, Rules, Upload};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inspect: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let preset = words.next().ok_or("no preset")?;
    let policy = Policy::preset(&preset).ok_or_else(|| format!("{preset} is no preset"))?;
    let inspector = Inspector::new(Rules::builtin());
    for path in words {
        let bytes = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let upload = Upload { name: name.as_bytes(), declared_type: b"", bytes: &bytes };
        let begin = Instant::now();
        let (inspection, mut best) = timed(&inspector, &upload, &policy);
        while begin.elapsed() < Duration::from_secs(1) {
            best = best.min(timed(&inspector, &upload, &policy).1);
        }
        let kind = inspection.facts.kind.map_or("not looked at", Kind::title);
        let reasons: Vec<String> = inspection.reasons().iter().map(ToString::to_string).collect();
        let verdict = if inspection.passes() { "passes".to_owned() } else { reasons.join(" ") };
        let rate = bytes.len() as f64 / 1e6 / best.as_secs_f64();
        println!("{name}\t{kind}\t{verdict}\t{rate:.1}");
    }
    Ok(())
}

fn timed(
    inspector: &Inspector,
    upload: &Upload<'_>,
    policy: &Policy,
) -> (gabion_upload::Inspection, Duration) {
    let begin = Instant::now();
    let inspection = inspector.inspect(upload, policy);
    (inspection, begin.elapsed())
}
