//! `cargo xtask bench waf`: what a transaction costs in the rule engine, beside other engines; what reloads and large
//! bodies cost.

mod costs;
mod weight;

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::debian;
use crate::lab::machine;
use crate::lab::run_folder::RunFolder;
use crate::lab::server::pinned;
use crate::task::{Outcome, cargo, root, run, step};
use costs::Costs;

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
/// Rounds in which the engines take turns; of each case, the fastest counts: the others were disturbed.
const ROUNDS: usize = 5;

/// How long.
#[derive(Debug, Args)]
pub(crate) struct Waf {
    /// Seconds of processor time for each case, engine and round.
    #[arg(long, default_value_t = 0.2)]
    seconds: f64,
    /// Only the cases whose names contain this; reloads and large bodies are then left out.
    #[arg(long, default_value = "")]
    only: String,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

/// A program that runs the cases through an engine.
struct Engine {
    name: &'static str,
    program: PathBuf,
}

/// A rule set in force.
struct Rules {
    name: String,
    path: PathBuf,
    /// Whether the gates hold for it: at paranoia level 1, where shops run.
    gated: bool,
}

impl Waf {
    /// Measures the engines with each rule set that is there.
    ///
    /// # Errors
    /// When an engine does not run, or a gate is not met.
    pub(crate) fn run(&self) -> Outcome {
        debian::install(PACKAGES)?;
        let engines = build()?;
        let folder = RunFolder::open("waf", self.keep)?;
        let mut text = format!("# cargo xtask bench waf\n\n{}\n", machine::describe());
        let mut faults = Vec::new();
        let rule_sets = rule_sets()?;
        for rules in &rule_sets {
            step(&rules.name);
            let costs = self.compare(&folder, rules, &engines)?;
            let (table, pace) = costs::table(&rules.name, &costs);
            text += &table;
            for engine in engines.iter().filter(|engine| costs.iter().all(|(name, _)| *name != engine.name)) {
                text += &format!("\n{} does not take these rules; `raw/` has what it says.\n", engine.name);
            }
            if rules.gated {
                faults.extend(missed(&rules.name, pace, &costs[0].1));
            }
        }
        if self.only.is_empty() {
            for rules in rule_sets.iter().filter(|rules| rules.gated) {
                step(&format!("{}: reloads and large bodies", rules.name));
                let (table, wrong) = weight::measure(&folder, &rules.name, &rules.path)?;
                text += &table;
                faults.extend(wrong);
            }
        }
        folder.write("README.md", &text)?;
        println!("{text}\nResults: {}", folder.path().display());
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// Lets the engines take turns and keeps the fastest of each. An engine besides the first two that does not take
    /// the rules is left out.
    fn compare(
        &self,
        folder: &RunFolder,
        rules: &Rules,
        engines: &[Engine],
    ) -> Outcome<Vec<(&'static str, Costs)>> {
        let folder_of_cases = root().join("bench/waf/cases");
        let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder_of_cases)
            .map_err(|error| format!("bench/waf/cases: {error}"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().contains(&self.only))
            .collect();
        cases.sort();
        let mut costs: Vec<_> = engines.iter().map(|engine| (engine.name, Costs::new())).collect();
        for round in 0..ROUNDS {
            for (place, Engine { name, program }) in engines.iter().enumerate() {
                let output = pinned("0", program)
                    .arg(&rules.path)
                    .arg(self.seconds.to_string())
                    .args(&cases)
                    .output()
                    .map_err(|error| format!("{name}: {error}"))?;
                // Of a case, its name only: results that are kept name no folders of a machine.
                let raw = String::from_utf8_lossy(&output.stdout)
                    .replace(&format!("{}/", folder_of_cases.display()), "");
                let file = slug(&format!("{} {name} {round}", rules.name));
                if !output.status.success() {
                    let complaint = String::from_utf8_lossy(&output.stderr);
                    if place < 2 {
                        return Err(format!("{name}: {complaint}"));
                    }
                    folder.raw(&file, &complaint)?;
                    continue;
                }
                folder.raw(&file, &raw)?;
                costs::keep_fastest(&mut costs[place].1, &raw)?;
            }
        }
        costs.retain(|(_, costs)| !costs.is_empty());
        Ok(costs)
    }
}

/// A name of a file.
fn slug(name: &str) -> String {
    name.to_ascii_lowercase().replace(',', "").replace(' ', "-")
}

/// The gates that one rule set missed.
fn missed(name: &str, pace: f64, ours: &Costs) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some((milliseconds, kib)) = ours.get("load")
        && (*milliseconds > LOAD_MS_MAX || kib / 1024 > LOAD_MIB_MAX)
    {
        faults.push(format!("{name}: loading takes {milliseconds:.0} ms and {} MiB", kib / 1024));
    }
    if pace < PACE_MIN {
        faults.push(format!("{name}: {pace:.1} times, at least {PACE_MIN} are needed"));
    }
    faults
}

/// Builds the programs: ours first, then what it is compared with.
fn build() -> Outcome<Vec<Engine>> {
    step("Build the engines");
    run(&mut cargo(&["build", "--release", "-p", "gabion-waf", "--examples"]))?;
    let theirs = root().join("target/release/measure-libmodsecurity");
    run(Command::new("gcc")
        .args(["-O2", "-o"])
        .arg(&theirs)
        .args(["bench/waf/libmodsecurity.c", "-lmodsecurity"]))?;
    let mut engines = vec![
        Engine { name: "Gabion", program: root().join("target/release/examples/rule_cost") },
        Engine { name: "libmodsecurity", program: theirs },
    ];
    let manifest = "bench/waf/zentinel/Cargo.toml";
    match run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--target-dir",
        "target",
        "--manifest-path",
        manifest,
    ])) {
        Ok(()) => engines.push(Engine {
            name: "zentinel-modsec",
            program: root().join("target/release/measure-zentinel"),
        }),
        Err(error) => println!("    zentinel-modsec is left out: {error}"),
    }
    Ok(engines)
}

/// CRS 3 of Debian, and CRS 4 where `GABION_CRS` names a checkout; each at paranoia levels 1 and 4. They lie beside the
/// results: they name folders of this machine.
fn rule_sets() -> Outcome<Vec<Rules>> {
    let folder = root().join("target/bench-rules");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut sets = Vec::new();
    let crs = std::env::var("GABION_CRS").ok();
    if crs.is_none() {
        println!("    CRS 4 is left out: GABION_CRS names no checkout");
    }
    for (name, file) in [("CRS 3.3.4", "rules-3.conf"), ("CRS 4", "rules-4.conf")] {
        let template = root().join("bench/waf").join(file);
        let text =
            std::fs::read_to_string(&template).map_err(|error| format!("{}: {error}", template.display()))?;
        let text = match &crs {
            Some(crs) => text.replace("Include CRS/", &format!("Include {crs}/")),
            None if text.contains("Include CRS/") => continue,
            None => text,
        };
        for level in ["1", "4"] {
            let path = folder.join(format!("paranoia-{level}-{file}"));
            let text = text.replace("paranoia_level=1", &format!("paranoia_level={level}"));
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            sets.push(Rules { name: format!("{name}, paranoia level {level}"), path, gated: level == "1" });
        }
    }
    Ok(sets)
}
