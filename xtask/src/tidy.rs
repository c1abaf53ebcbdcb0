//! Checks that no compiler makes: layers, licences, marks of unfinished work, links, lints switched on.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;

use crate::task::{Outcome, root};
use crate::{layers, licences};

/// Lines of a source file; longer wants a seam.
const LINES_MAX: usize = 900;

/// Runs every check.
pub(crate) fn run() -> Outcome {
    let wrong = violations()?;
    if wrong.is_empty() {
        println!("tidy");
        return Ok(());
    }
    Err(format!("not tidy:\n  {}", wrong.join("\n  ")))
}

fn violations() -> Outcome<Vec<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        // Other platforms' packages are not on this machine, and tests have no network.
        .other_options(["--offline", "--locked", "--filter-platform", &host()?].map(str::to_owned).to_vec())
        .exec()
        .map_err(|error| error.to_string())?;
    let mut wrong = layers::violations(&metadata);
    wrong.extend(licences::violations(&metadata)?);
    for file in files()? {
        wrong.extend(file_violations(&file)?);
    }
    Ok(wrong)
}

/// The platform that cargo builds for here.
fn host() -> Outcome<String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc -vV: {error}"))?;
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".into())
}

/// The files git knows or would add.
fn files() -> Outcome<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("git ls-files: {error}"))?;
    let list = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    Ok(list.lines().map(PathBuf::from).filter(|file| root().join(file).is_file()).collect())
}

fn file_violations(file: &Path) -> Outcome<Vec<String>> {
    let kind = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !matches!(kind, "rs" | "md" | "toml" | "html" | "css" | "js" | "mjs" | "sql" | "sh") {
        return Ok(Vec::new());
    }
    let text =
        std::fs::read_to_string(root().join(file)).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut wrong = Vec::new();
    let mut say = |line: usize, what: String| wrong.push(format!("{}:{line}: {what}", file.display()));
    for (number, line) in text.lines().enumerate() {
        for mark in unfinished().iter().filter(|mark| line.contains(mark.as_str())) {
            say(number + 1, format!("unfinished mark {mark}"));
        }
        if line.ends_with(' ') && kind != "md" {
            say(number + 1, "white space at the end of the line".into());
        }
    }
    if kind == "rs" && text.lines().count() > LINES_MAX {
        say(1, format!("longer than {LINES_MAX} lines: find the seam"));
    }
    if kind == "md" {
        for target in links(&text).filter(|target| !exists(file, target)) {
            say(1, format!("the link to {target} leads nowhere"));
        }
    }
    let member = file.file_name().is_some_and(|name| name == "Cargo.toml") && file.components().count() > 1;
    if member
        && !text.contains("[lints]\nworkspace = true")
        && !(file.starts_with("fuzz") || file.starts_with("bench"))
    {
        say(1, "the workspace's lints are not switched on".into());
    }
    Ok(wrong)
}

/// Spelled apart, so that this file does not accuse itself.
fn unfinished() -> [String; 5] {
    [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["unimple", "mented!("], ["dbg", "!("]]
        .map(|parts| parts.concat())
}

/// The relative targets of Markdown links, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

fn exists(from: &Path, target: &str) -> bool {
    let folder = from.parent().unwrap_or(Path::new(""));
    root().join(folder).join(target).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        assert_eq!(violations().expect("the checks ran"), Vec::<String>::new());
    }

    #[test]
    fn links_are_found() {
        let text = "[a](docs/a.md#part) [b](https://x.example) [c](#here) ![d](pic.png)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md", "pic.png"]);
    }
}
