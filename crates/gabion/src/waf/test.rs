//! `gabion waf test`: the regression cases of a rule set, in engine mode.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use gabion_waf::ftw::{self, FtwError, Overrides, Summary};
use gabion_waf::{Disk, RuleSet};
use serde::Serialize;

use super::RulesError;
use super::sources::RuleFolder;
use crate::cli::waf::Test;
use crate::exit::{CANNOT_CREATE, Failure, USAGE};
use crate::out::say;
use crate::progress::Progress;
use crate::run::End;

/// The results, for programs.
#[derive(Serialize)]
struct Report<'a> {
    passed: usize,
    failed: Vec<Failed<'a>>,
    skipped: usize,
    overridden: Vec<Overridden<'a>>,
}

#[derive(Serialize)]
struct Failed<'a> {
    id: &'a str,
    expected: &'a [String],
    logged: &'a [u64],
}

#[derive(Serialize)]
struct Overridden<'a> {
    id: &'a str,
    reason: &'a str,
}

impl<'a> Report<'a> {
    fn of(summary: &'a Summary) -> Self {
        let failed = summary.failed.iter();
        let overridden = summary.overridden.iter();
        Self {
            passed: summary.passed,
            failed: failed
                .map(|case| Failed { id: &case.id, expected: &case.why, logged: &case.logged })
                .collect(),
            skipped: summary.skipped,
            overridden: overridden.map(|(id, reason)| Overridden { id, reason }).collect(),
        }
    }
}

/// Runs the cases. The answer is no when one fails.
///
/// # Errors
/// When cases or rules cannot be read, or the report cannot be written.
pub(super) fn run(args: &Test) -> Result<End, Failure> {
    let wrong = |error: &dyn std::error::Error| Failure::new(USAGE, gabion_core::blame::chain(error));
    let files = files(&args.rules).map_err(|error| wrong(&error))?;
    let rules =
        RuleSet::load(&ftw::sources(&files), &Disk).map_err(|error| wrong(&RulesError::from(error)))?;
    let cases = ftw::cases(&args.cases).map_err(|error| wrong(&error))?;
    if cases.is_empty() {
        return Err(Failure::new(USAGE, format!("{}: there are no cases", args.cases.display())));
    }
    let overrides = overrides(args.overrides.as_deref()).map_err(|error| wrong(&error))?;
    let report = args.report.as_deref().map(|path| create(path).map(|file| (path, file))).transpose()?;
    let requests: usize = cases.iter().filter(|case| !case.disabled).map(|case| case.stages.len()).sum();
    let mut progress = Progress::new("cases", Some(requests as u64));
    let summary = ftw::run(&rules, &cases, &overrides, |sent| progress.tell(sent as u64));
    drop(progress);
    if let Some((path, mut file)) = report {
        let text = serde_json::to_vec_pretty(&Report::of(&summary)).expect("numbers and texts are JSON");
        file.write_all(&text).and_then(|()| file.write_all(b"\n")).map_err(|error| cannot(path, &error))?;
    }
    tell(&summary)?;
    Ok(if summary.failed.is_empty() { End::Stopped } else { End::No })
}

/// The files of rule sets, their set-up first.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, RulesError> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            let folder = RuleFolder::read(path)?;
            all.extend(folder.setup.into_iter().chain(folder.rules));
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn overrides(path: Option<&Path>) -> Result<Overrides, FtwError> {
    let Some(path) = path else { return Ok(Overrides::default()) };
    let text =
        std::fs::read_to_string(path).map_err(|source| FtwError::Read { path: path.to_owned(), source })?;
    Overrides::read(path, &text)
}

fn create(path: &Path) -> Result<std::fs::File, Failure> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(CANNOT_CREATE, format!("{}: {error}", path.display()))
}

fn tell(summary: &Summary) -> std::io::Result<()> {
    for case in &summary.failed {
        say(format!("failed {}: {}; logged {:?}", case.id, case.why.join(", "), case.logged))?;
    }
    for (id, reason) in &summary.overridden {
        say(format!("as overridden {id}: {}", reason.trim()))?;
    }
    if !summary.overridden.is_empty() {
        say(format!("{} more went as their override expects", summary.overridden.len()))?;
    }
    let (passed, failed, skipped) = (summary.passed, summary.failed.len(), summary.skipped);
    say(format!("{passed} passed, {failed} failed, {skipped} skipped"))
}
