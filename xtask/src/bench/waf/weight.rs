//! What loading rules a hundred times leaves behind, and what large bodies cost.

use std::fmt::Write as _;
use std::path::Path;

use super::slug;
use crate::lab::run_folder::RunFolder;
use crate::lab::server::pinned;
use crate::task::{Outcome, root};

/// How often rules are loaded, and after how many loads memory must have stopped growing.
const RELOADS: usize = 100;
const SETTLED: usize = 20;
/// KiB by which memory may differ from then on: what an allocator moves.
const GROWTH_KIB_MAX: u64 = 4 * 1024;
/// MiB of the bodies; each is twice the one before.
const BODY_MIB: [usize; 3] = [3, 6, 12];
/// Kinds of bodies that `weigh` makes, and what they are.
const KINDS: [(&str, &str); 7] = [
    ("form", "a form with 900 fields"),
    ("one-field", "a form with one field"),
    ("one-field-near", "a form with one field, full of words that attacks are made of"),
    ("json", "JSON with 900 values"),
    ("multipart", "multipart with 900 fields"),
    ("upload", "multipart with one file"),
    ("text", "plain text"),
];
/// How many times longer twice the bytes may take: twice in linear time, with room for what disturbs.
const DOUBLING_MAX: f64 = 3.0;

/// Measures both for a rule set: a table, and what is wrong with it.
pub(super) fn measure(folder: &RunFolder, name: &str, rules: &Path) -> Outcome<(String, Vec<String>)> {
    let mut faults = Vec::new();
    let raw = weigh(rules, &["reloads", &RELOADS.to_string()])?;
    folder.raw(&slug(&format!("{name} reloads")), &raw)?;
    let resident = raw
        .lines()
        .map(|line| line.split_once('\t').and_then(|(_, kib)| kib.parse().ok()))
        .collect::<Option<Vec<u64>>>()
        .filter(|resident| resident.len() == RELOADS)
        .ok_or_else(|| format!("weigh printed {raw:?}"))?;
    let (settled, last) = (resident[SETTLED - 1], resident[RELOADS - 1]);
    if last > settled + GROWTH_KIB_MAX {
        faults.push(format!("{name}: {} KiB more after {RELOADS} loads", last - settled));
    }
    let mut text = format!(
        "\n## {name}: reloads and large bodies\n\nResident memory after load 1, {SETTLED} and {RELOADS} of the same rules: \
         {} MiB, {} MiB, {} MiB.\n\n| body | MiB | ms | times the half | memory at most, MiB | not inspected |\n\
         |---|---|---|---|---|---|\n",
        resident[0] / 1024,
        settled / 1024,
        last / 1024
    );
    for (kind, what) in KINDS {
        let mut half: Option<f64> = None;
        for mib in BODY_MIB {
            let raw = weigh(rules, &["body", kind, &(mib << 20).to_string()])?;
            folder.raw(&slug(&format!("{name} {kind} {mib}")), &raw)?;
            let (ms, kib, partial) = read(&raw).ok_or_else(|| format!("weigh printed {raw:?}"))?;
            let times = half.map(|half| ms / half);
            if times.is_some_and(|times| times > DOUBLING_MAX) {
                faults.push(format!("{name}: {what} of {mib} MiB takes {ms:.0} ms, which is not linear"));
            }
            let times = times.map(|times| format!("{times:.1}")).unwrap_or_default();
            let _ = writeln!(text, "| {what} | {mib} | {ms:.0} | {times} | {} | {partial} |", kib / 1024);
            half = Some(ms);
        }
    }
    Ok((text, faults))
}

/// Milliseconds, KiB, and what was not inspected.
fn read(raw: &str) -> Option<(f64, u64, &str)> {
    let mut words = raw.trim_end_matches('\n').split('\t');
    let (ms, kib, _logged, partial) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some((ms.parse().ok()?, kib.parse().ok()?, partial))
}

fn weigh(rules: &Path, words: &[&str]) -> Outcome<String> {
    let program = root().join("target/release/examples/weigh");
    let output = pinned("0", &program)
        .arg(rules)
        .args(words)
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("weigh {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_cost_is_read() {
        assert_eq!(read("12.5\t2048\t3\tMemory\n"), Some((12.5, 2048, "Memory")));
        assert_eq!(read("12.5\t2048\t0\t\n"), Some((12.5, 2048, "")));
        assert_eq!(read("12.5"), None);
    }
}
