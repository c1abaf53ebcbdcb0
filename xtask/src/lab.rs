//! What every measurement needs: servers on cores of their own, what they used, and a folder for the results.

pub(crate) mod machine;
pub(crate) mod run_folder;
pub(crate) mod server;
pub(crate) mod template;
pub(crate) mod usage;

use std::path::PathBuf;

use crate::debian;
use crate::suite::binary;
use crate::task::{Outcome, cargo, run};

/// Installs the tools and gives the Gabion to measure: the one named, or one built now.
pub(crate) fn prepare(packages: &[(&str, &str)], named: Option<&PathBuf>) -> Outcome<PathBuf> {
    debian::install(packages)?;
    if let Some(path) = named {
        return Ok(path.clone());
    }
    run(&mut cargo(&["build", "--release", "--locked", "--package", "gabion"]))?;
    Ok(binary())
}

/// This program: its `client` commands are load generators.
pub(crate) fn client_binary() -> Outcome<PathBuf> {
    std::env::current_exe().map_err(|error| format!("our own path: {error}"))
}

/// A value of the `result key=value ...` line that load generators and attacks end with.
///
/// # Errors
/// The whole output, when there is no such line or value.
pub(crate) fn result<T: std::str::FromStr>(raw: &str, key: &str) -> Outcome<T> {
    let line = raw.lines().find_map(|line| line.strip_prefix("result "));
    let value = line.and_then(|line| {
        line.split(' ').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)
    });
    value.and_then(|(_, value)| value.parse().ok()).ok_or_else(|| format!("no `{key}` in:\n{raw}"))
}

/// A count of h2load's line `requests: 10 total, ..., 9 succeeded, 1 failed, ...`, by the word after it.
///
/// # Errors
/// The whole output, when there is no such line or count.
pub(crate) fn h2load_count(raw: &str, word: &str) -> Outcome<u64> {
    let line = raw.lines().find_map(|line| line.strip_prefix("requests:"));
    let count =
        line.and_then(|line| line.split(',').find_map(|part| part.strip_suffix(word)?.trim().parse().ok()));
    count.ok_or_else(|| format!("no `{word}` in:\n{raw}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h2loads_counts_are_found_by_their_words() {
        let raw = "requests: 12 total, 12 started, 11 done, 9 succeeded, 2 failed, 1 errored, 0 timeout\n";
        assert_eq!((h2load_count(raw, " succeeded"), h2load_count(raw, " errored")), (Ok(9), Ok(1)));
    }

    #[test]
    fn the_result_line_is_found_among_others() {
        let raw = "noise\nresult requests=10 seconds=2.5\nmore noise\n";
        assert_eq!((result(raw, "requests"), result(raw, "seconds")), (Ok(10_u64), Ok(2.5)));
        assert!(result::<u64>(raw, "failed").is_err());
    }
}
