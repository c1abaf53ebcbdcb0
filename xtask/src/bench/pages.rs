//! `cargo xtask bench pages`: what reading a page costs, beside two libraries, and what a very long page costs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::lab::machine;
use crate::lab::run_folder::RunFolder;
use crate::lab::server::pinned;
use crate::task::{Outcome, cargo, root, run, step};

/// Microseconds that a page may take at p50.
const PASS_US_MAX: f64 = 1000.0;
/// MiB of the long pages, and what each may take.
const LONG_MIB: usize = 50;
const LONG_MS_MAX: f64 = 3000.0;
const LONG_KIB_MAX: u64 = 8 * 1024;
/// Pages that the program makes.
const PAGES: [&str; 3] = ["text", "attributes", "scripts"];
/// Rounds; of each pass the fastest counts: the others were disturbed.
const ROUNDS: usize = 5;

/// How long.
#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// Seconds for each page, reader and round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only the pages and readers whose names, with a slash between, contain this, such as `text/Gabion`.
    #[arg(long, default_value = "")]
    only: String,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

/// Microseconds and megabytes a second of one reader on one page.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pass {
    p50_us: f64,
    p99_us: f64,
    pace: f64,
}

impl Pages {
    /// Measures.
    ///
    /// # Errors
    /// When the program does not run, or a gate is not met.
    pub(crate) fn run(&self) -> Outcome {
        step("Build the reader");
        run(&mut cargo(&["build", "--release", "-p", "gabion-markup", "--example", "pages"]))?;
        let folder = RunFolder::open("pages", self.keep)?;
        let mut text = format!("# cargo xtask bench pages\n\n{}\n", machine::describe());
        let mut faults = Vec::new();
        step("Pages of 100 KB");
        text += "| page | reader | p50, µs | p99, µs | MB/s |\n|---|---|---|---|---|\n";
        for ((page, reader), pass) in self.passes(&folder)? {
            let Pass { p50_us, p99_us, pace } = pass;
            let _ = writeln!(text, "| {page} | {reader} | {p50_us:.0} | {p99_us:.0} | {pace:.0} |");
            if reader == "Gabion" && p50_us > PASS_US_MAX {
                faults.push(format!("{page}: {p50_us:.0} µs"));
            }
        }
        step(&format!("Pages of {LONG_MIB} MiB"));
        let _ = writeln!(text, "\n| page of {LONG_MIB} MiB | ms | memory at most, KiB | more than is kept |");
        text += "|---|---|---|---|\n";
        for page in PAGES {
            let raw = ask(&["long", page, &LONG_MIB.to_string()])?;
            folder.raw(&format!("long-{page}"), &raw)?;
            let (ms, kib, partial) = long(&raw).ok_or_else(|| format!("pages printed {raw:?}"))?;
            let _ = writeln!(text, "| {page} | {ms:.0} | {kib} | {partial} |");
            if ms > LONG_MS_MAX || kib > LONG_KIB_MAX {
                faults.push(format!("{page} of {LONG_MIB} MiB: {ms:.0} ms, {kib} KiB"));
            }
        }
        folder.write("README.md", &text)?;
        println!("{text}\nResults: {}", folder.path().display());
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// The fastest pass of each reader on each page.
    fn passes(&self, folder: &RunFolder) -> Outcome<Vec<((String, String), Pass)>> {
        let mut order = Vec::new();
        let mut fastest: BTreeMap<(String, String), Pass> = BTreeMap::new();
        for round in 0..ROUNDS {
            let raw = ask(&["pass", &self.seconds.to_string(), &self.only])?;
            folder.raw(&format!("pass-{round}"), &raw)?;
            for line in raw.lines() {
                let (names, new) = pass(line).ok_or_else(|| format!("pages printed {line:?}"))?;
                match fastest.get_mut(&names) {
                    Some(best) if best.p50_us <= new.p50_us => {}
                    Some(best) => *best = new,
                    None => {
                        order.push(names.clone());
                        fastest.insert(names, new);
                    }
                }
            }
        }
        Ok(order.into_iter().map(|names| (names.clone(), fastest[&names])).collect())
    }
}

/// Page and reader, and what the pass took.
fn pass(line: &str) -> Option<((String, String), Pass)> {
    let words: Vec<&str> = line.split('\t').collect();
    let [page, reader, p50, p99, pace, _passes] = words[..] else { return None };
    let pass = Pass { p50_us: p50.parse().ok()?, p99_us: p99.parse().ok()?, pace: pace.parse().ok()? };
    Some(((page.to_owned(), reader.to_owned()), pass))
}

/// Milliseconds, KiB, and what there was more of than is kept.
fn long(raw: &str) -> Option<(f64, u64, &str)> {
    let mut words = raw.trim_end().split('\t');
    let (ms, kib, partial) = (words.next()?, words.next()?, words.next()?);
    Some((ms.parse().ok()?, kib.parse().ok()?, partial.trim_matches(['{', '}'])))
}

fn ask(words: &[&str]) -> Outcome<String> {
    let program: PathBuf = root().join("target/release/examples/pages");
    let output = pinned("0", &program)
        .args(words)
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("pages {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_prints_is_read() {
        let expected = Pass { p50_us: 90.5, p99_us: 120.0, pace: 1100.0 };
        assert_eq!(
            pass("text\tGabion\t90.5\t120.0\t1100.0\t9000"),
            Some((("text".to_owned(), "Gabion".to_owned()), expected))
        );
        assert_eq!(pass("text\tGabion"), None);
        assert_eq!(long("55.9\t556\t{Scripts, Links}\n"), Some((55.9, 556, "Scripts, Links")));
        assert_eq!(long("55.9"), None);
    }
}
