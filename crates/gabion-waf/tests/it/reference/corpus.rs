//! Inputs that somebody wrote: the cases of CRS, and a folder of others.

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
    visit(&shared.join("crs"), &mut |file| {
        for line in String::from_utf8_lossy(&file).lines().map(str::trim) {
            add(line, &mut inputs);
        }
    });
    if let Some(folder) = std::env::var_os("GABION_INJECTION_INPUTS") {
        visit(Path::new(&folder), &mut |file| {
            inputs.insert(case(&file).unwrap_or(&file).to_vec());
        });
    }
    inputs.into_iter().filter(|input| input.len() <= BYTES_MAX).collect()
}

/// The input of a case in libinjection's own format.
fn case(file: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(file).ok()?;
    let (_, rest) = text.split_once("--INPUT--\n")?;
    rest.split_once("\n--EXPECTED--").map(|(input, _)| input.as_bytes())
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
fn visit(path: &Path, file: &mut impl FnMut(Vec<u8>)) {
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            visit(&path, file);
        } else {
            file(fs::read(&path).expect("the cases can be read"));
        }
    }
}
