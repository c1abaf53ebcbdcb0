//! Where the results of one run lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine;
use crate::task::{Outcome, root};

/// The folder of one run: a table to read, numbers for programs, and what every tool printed.
#[derive(Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// `bench/runs/DATE-MACHINE/NAME` for a run to keep, emptied before; `target/bench/NAME` for one that only looks.
    pub(crate) fn open(name: &str, keep: bool) -> Outcome<Self> {
        let folder = if keep {
            root().join("bench/runs").join(format!("{}-{}", today()?, machine::slug())).join(name)
        } else {
            root().join("target/bench").join(name)
        };
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        std::fs::create_dir_all(folder.join("raw"))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps what a tool printed.
    pub(crate) fn raw(&self, name: &str, text: &str) -> Outcome {
        self.write(&format!("raw/{name}.txt"), text)
    }

    /// Writes a file of the run.
    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome {
        let path = self.0.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn today() -> Outcome<String> {
    let output =
        Command::new("date").args(["-u", "+%F"]).output().map_err(|error| format!("date: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
