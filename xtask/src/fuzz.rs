//! `cargo xtask fuzz`: coverage-guided fuzzing of every parser of foreign bytes, from the seeds that also run as tests.

use std::path::Path;

use clap::Args;

use crate::task::{Outcome, cargo, has, root, run, step};

/// How long, and what.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// Only targets whose name contains this, such as `head`.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Seconds of each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl Fuzz {
    /// Fuzzes one target after the other, in `fuzz/`. Needs the nightly toolchain, and installs cargo-fuzz.
    ///
    /// # Errors
    /// At the first input that breaks something; it lies under `fuzz/artifacts`.
    pub(crate) fn run(&self) -> Outcome {
        if !has("cargo-fuzz", "--version") {
            run(&mut cargo(&["install", "--locked", "cargo-fuzz"]))?;
        }
        let wanted = |target: &String| self.only.as_ref().is_none_or(|part| target.contains(part.as_str()));
        for target in targets(&root().join("fuzz/targets"))?.into_iter().filter(wanted) {
            step(&target);
            let corpus = format!("fuzz/corpus/{target}");
            std::fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
            // rustup's cargo chooses the toolchain; ours is a fixed one and does not know the word.
            let mut command = std::process::Command::new("rustup");
            command.args(["run", "nightly", "cargo", "fuzz", "run", "--release", &target]);
            command.args([corpus, format!("fuzz/seeds/{target}"), "--".to_owned()]);
            command.args([format!("-max_total_time={}", self.seconds), "-print_final_stats=1".to_owned()]);
            run(command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO"))?;
        }
        Ok(())
    }
}

/// The names of all targets, in order.
fn targets(folder: &Path) -> Outcome<Vec<String>> {
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}
