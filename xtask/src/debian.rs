//! Installing what a task needs from Debian.

use std::path::Path;
use std::process::Command;

use crate::postgres::is_root;
use crate::task::{Outcome, run};

/// Installs the packages whose path is not there.
///
/// # Errors
/// When something is missing and only root could install it, or the installation fails.
pub(crate) fn install(packages: &[(&str, &str)]) -> Outcome {
    let missing: Vec<_> =
        packages.iter().filter(|(_, path)| !Path::new(path).exists()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        return Err(format!("install these as root first: apt-get install {}", missing.join(" ")));
    }
    run(Command::new("apt-get").args(["update", "-q"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(missing))
}
