//! Running programs and telling what is run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What went wrong, in words for the developer.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in the workspace").to_owned()
}

/// Prints what comes next.
pub(crate) fn step(title: &str) {
    println!("\n==> {title}");
}

/// Runs a program in the workspace's root until it succeeds or fails.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}");
    println!("    {shown}");
    let status = command.current_dir(root()).status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// A cargo command.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Whether a program can be started.
pub(crate) fn has(program: &str, version: &str) -> bool {
    Command::new(program).arg(version).output().is_ok_and(|output| output.status.success())
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "tasks are plain threads: there is no worker to block")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
