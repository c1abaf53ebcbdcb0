//! Inputs that somebody wrote: the cases of CRS, and those of libinjection when they are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gabion_waf::body::urlencoded;

/// Longest input that is kept.
const BYTES_MAX: usize = 2_000;

pub(crate) fn inputs() -> Vec<Vec<u8>> {
    let shared = std::env::var_os("GABION_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let mut inputs = BTreeSet::new();
    visit(&shared.join("crs"), &mut |text| {
        for line in text.lines().map(str::trim) {
            add(line, &mut inputs);
        }
    });
    if let Some(folder) = std::env::var_os("GABION_LIBINJECTION_TESTS") {
        visit(Path::new(&folder), &mut |text| {
            let input =
                text.split_once("--INPUT--\n").and_then(|(_, rest)| rest.split_once("\n--EXPECTED--"));
            if let Some((input, _)) = input {
                inputs.insert(input.as_bytes().to_vec());
            }
        });
    }
    inputs.into_iter().filter(|input| input.len() <= BYTES_MAX).collect()
}

/// A line, what is behind its key, and the arguments in that.
fn add(line: &str, inputs: &mut BTreeSet<Vec<u8>>) {
    inputs.insert(line.as_bytes().to_vec());
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_matches('"');
    inputs.insert(value.as_bytes().to_vec());
    let query = value.split_once('?').map_or(value, |(_, query)| query);
    urlencoded::parse(query.as_bytes(), b'&', &urlencoded::Limits::default(), &mut |_, value| {
        inputs.insert(value.to_vec());
    });
}

/// Reads every file below a folder; none when it is not there.
fn visit(path: &Path, file: &mut impl FnMut(&str)) {
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            visit(&path, file);
        } else if let Ok(text) = fs::read_to_string(&path) {
            file(&text);
        }
    }
}
