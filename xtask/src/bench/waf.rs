//! `cargo xtask bench waf`: what a transaction costs in the rule engine, beside libmodsecurity.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::lab::machine;
use crate::lab::run_folder::RunFolder;
use crate::lab::server::pinned;
use crate::task::{Outcome, cargo, root, run, step};
use crate::{debian, statistics};

/// What the comparison needs from Debian.
const PACKAGES: &[(&str, &str)] = &[
    ("gcc", "/usr/bin/gcc"),
    ("libc6-dev", "/usr/include/stdio.h"),
    ("libmodsecurity-dev", "/usr/include/modsecurity/modsecurity.h"),
    ("modsecurity-crs", "/usr/share/modsecurity-crs/rules"),
];
/// How many times less a transaction must cost than in libmodsecurity, over all cases.
const PACE_MIN: f64 = 10.0;
/// Milliseconds that loading rules may take, and MiB that they may add.
const LOAD_MS_MAX: f64 = 1000.0;
const LOAD_MIB_MAX: u64 = 60;
/// Rounds in which both engines take turns; of each case, the fastest counts: the others were disturbed.
const ROUNDS: usize = 5;

/// How long.
#[derive(Debug, Args)]
pub(crate) struct Waf {
    /// Seconds of processor time for each case, engine and round.
    #[arg(long, default_value_t = 0.2)]
    seconds: f64,
    /// Only the cases whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

/// What one engine needed, by case: microseconds, and whether it stopped the request. `load` is milliseconds and KiB.
type Costs = BTreeMap<String, (f64, u64)>;

impl Waf {
    /// Measures both engines with each rule set that is there.
    ///
    /// # Errors
    /// When an engine does not run, the engines decide differently, or a gate is not met.
    pub(crate) fn run(&self) -> Outcome {
        debian::install(PACKAGES)?;
        let (ours, theirs) = build()?;
        let folder = RunFolder::open("waf", self.keep)?;
        let mut text = format!("# cargo xtask bench waf\n\n{}\n", machine::describe());
        let mut faults = Vec::new();
        for (name, rules) in rule_sets(folder.path())? {
            step(name);
            let (ours, theirs) = self.compare(&folder, name, &rules, [&ours, &theirs])?;
            let (table, pace) = table(name, &ours, &theirs);
            text += &table;
            if let Some((milliseconds, kib)) = ours.get("load")
                && (*milliseconds > LOAD_MS_MAX || kib / 1024 > LOAD_MIB_MAX)
            {
                faults.push(format!("{name}: loading takes {milliseconds:.0} ms and {} MiB", kib / 1024));
            }
            faults.extend(
                (pace < PACE_MIN).then(|| format!("{name}: {pace:.1} times, at least {PACE_MIN} are needed")),
            );
        }
        folder.write("README.md", &text)?;
        println!("{text}\nResults: {}", folder.path().display());
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// Lets both engines take turns and keeps the fastest of each.
    fn compare(
        &self,
        folder: &RunFolder,
        name: &str,
        rules: &Path,
        engines: [&Path; 2],
    ) -> Outcome<(Costs, Costs)> {
        let mut cases: Vec<PathBuf> = std::fs::read_dir(root().join("bench/waf/cases"))
            .map_err(|error| format!("bench/waf/cases: {error}"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().contains(&self.only))
            .collect();
        cases.sort();
        let mut costs = [Costs::new(), Costs::new()];
        for round in 0..ROUNDS {
            for (place, engine) in engines.into_iter().enumerate() {
                let output = pinned("0", engine)
                    .arg(rules)
                    .arg(self.seconds.to_string())
                    .args(&cases)
                    .output()
                    .map_err(|error| format!("{}: {error}", engine.display()))?;
                let raw = String::from_utf8_lossy(&output.stdout);
                if !output.status.success() {
                    return Err(format!("{}: {}", engine.display(), String::from_utf8_lossy(&output.stderr)));
                }
                folder.raw(&format!("{name}-{place}-{round}"), &raw)?;
                keep_fastest(&mut costs[place], &raw)?;
            }
        }
        Ok(costs.into())
    }
}

/// Builds both programs.
fn build() -> Outcome<(PathBuf, PathBuf)> {
    step("Build both engines");
    run(&mut cargo(&["build", "--release", "-p", "gabion-waf", "--example", "measure"]))?;
    let theirs = root().join("target/release/measure-libmodsecurity");
    run(Command::new("gcc")
        .args(["-O2", "-o"])
        .arg(&theirs)
        .args(["bench/waf/libmodsecurity.c", "-lmodsecurity"]))?;
    Ok((root().join("target/release/examples/measure"), theirs))
}

/// CRS 3 of Debian, and CRS 4 where `GABION_CRS` names a checkout.
fn rule_sets(folder: &Path) -> Outcome<Vec<(&'static str, PathBuf)>> {
    let mut sets = vec![("CRS 3.3.4", root().join("bench/waf/rules-3.conf"))];
    match std::env::var("GABION_CRS") {
        Ok(crs) => {
            let template = root().join("bench/waf/rules-4.conf");
            let text = std::fs::read_to_string(&template)
                .map_err(|error| format!("{}: {error}", template.display()))?;
            let rules = folder.join("rules-4.conf");
            std::fs::write(&rules, text.replace("Include CRS/", &format!("Include {crs}/")))
                .map_err(|error| format!("{}: {error}", rules.display()))?;
            sets.push(("CRS 4", rules));
        }
        Err(_) => println!("    CRS 4 is left out: GABION_CRS names no checkout"),
    }
    Ok(sets)
}

/// Takes over the lower costs of one run.
fn keep_fastest(costs: &mut Costs, raw: &str) -> Outcome {
    for line in raw.lines() {
        let wrong = || format!("an engine printed {line:?}");
        let mut words = line.split('\t');
        let (Some(path), Some(cost), Some(stopped)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong());
        };
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (cost, stopped) = (cost.parse().map_err(|_| wrong())?, stopped.parse().map_err(|_| wrong())?);
        let known = costs.entry(name).or_insert((f64::MAX, stopped));
        known.0 = known.0.min(cost);
    }
    Ok(())
}

/// The table of one rule set, and how many times less a transaction costs, as the geometric mean.
fn table(name: &str, ours: &Costs, theirs: &Costs) -> (String, f64) {
    let mut text = format!(
        "\n## {name}\n\n| case | Gabion, µs | libmodsecurity, µs | times less | decision |\n|---|---|---|---|---|\n"
    );
    let mut logarithms = Vec::new();
    for (case, (own, stopped)) in ours.iter().filter(|(case, _)| *case != "load") {
        let Some((other, other_stopped)) = theirs.get(case) else { continue };
        let decision = match (stopped, other_stopped) {
            (0, 0) => "both pass",
            (1, 1) => "both stop",
            (0, _) => "**only libmodsecurity stops**",
            _ => "**only Gabion stops**",
        };
        logarithms.push((other / own).ln());
        let _ = writeln!(text, "| {case} | {own:.1} | {other:.0} | {:.1} | {decision} |", other / own);
    }
    let count = u32::try_from(logarithms.len()).unwrap_or(u32::MAX).max(1);
    let pace = (logarithms.iter().sum::<f64>() / f64::from(count)).exp();
    let spread = statistics::Spread::of(logarithms.iter().map(|value| value.exp()));
    let _ = writeln!(
        text,
        "| **geometric mean** | | | **{pace:.1}** ({:.1} to {:.1}) | |",
        spread.min, spread.max
    );
    for (engine, costs) in [("Gabion", ours), ("libmodsecurity", theirs)] {
        if let Some((milliseconds, kib)) = costs.get("load") {
            let _ = writeln!(
                text,
                "\n{engine} loads the rules in {milliseconds:.0} ms and takes {} MiB for them.",
                kib / 1024
            );
        }
    }
    (text, pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_round_counts_and_differences_are_shown() {
        let (mut ours, mut theirs) = (Costs::new(), Costs::new());
        keep_fastest(&mut ours, "load\t100\t2048\n/x/a.http\t10.0\t0\n/x/b.http\t10\t1").expect("costs");
        keep_fastest(&mut ours, "/x/a.http\t20.0\t0").expect("costs");
        keep_fastest(&mut theirs, "/x/a.http\t100\t0\n/x/b.http\t400\t0").expect("costs");
        let (table, pace) = table("CRS", &ours, &theirs);
        assert!((pace - 20.0).abs() < 0.001, "{pace}");
        assert!(table.contains("| a | 10.0 | 100 | 10.0 | both pass |"), "{table}");
        assert!(table.contains("**only Gabion stops**"), "{table}");
        assert!(keep_fastest(&mut ours, "a\tb").is_err());
    }
}
