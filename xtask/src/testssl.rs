//! `cargo xtask testssl`: what testssl.sh finds on the public listener of a Gabion with its own defaults.
//!
//! Fails on every finding above LOW, and on every check that could not be made, that [`ALLOWED`] gives no reason for.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::Value;

use crate::lab::run_folder::RunFolder;
use crate::lab::server::{LOOPBACK, Server, free_port};
use crate::lab::template::fill;
use crate::lab::{self, machine};
use crate::task::{Outcome, root, step};

const PACKAGES: &[(&str, &str)] = &[("testssl.sh", "/usr/bin/testssl")];

/// The name in the certificate; the scan goes to loopback whatever it resolves to.
const HOST: &str = "shop.localhost";
/// What a scan may take. Two minutes are usual.
const SCAN_MAX: &str = "600s";
/// The last record of a scan that came to its end.
const LAST: &str = "scanTime";

/// Findings that are no fault of what is scanned, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("cert_revocation", "a local root has no revocation service: its certificates end after 90 days"),
    ("engine_problem", "Debian's OpenSSL cannot try GOST ciphers, which rustls does not have"),
];

/// Which Gabion is scanned.
#[derive(Debug, Args)]
pub(crate) struct Testssl {
    /// Scan this Gabion instead of building one.
    #[arg(long, value_name = "PATH")]
    gabion: Option<PathBuf>,
    /// Keep the results under bench/runs.
    #[arg(long)]
    keep: bool,
}

impl Testssl {
    /// Builds, scans, reports.
    ///
    /// # Errors
    /// When something cannot be started, the scan does not end, or a finding is open.
    pub(crate) fn run(&self) -> Outcome {
        let binary = lab::prepare(PACKAGES, self.gabion.as_ref())?;
        let results = RunFolder::open("testssl", self.keep)?;
        let target = Target::start(&binary)?;
        step(&format!("testssl.sh, at most {SCAN_MAX}"));
        target.scan(&results)?;
        let path = results.path().join("raw/testssl.json");
        let json = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        report(&findings(&json)?, &results)
    }
}

/// A Gabion to scan and the demo shop behind it. Fields are dropped in order: the folder goes after who writes to it.
#[derive(Debug)]
struct Target {
    gabion: Server,
    _shop: Server,
    folder: Folder,
}

impl Target {
    fn start(binary: &Path) -> Outcome<Self> {
        let folder = Folder::create()?;
        let (origin, port) = (free_port()?, free_port()?);
        let mut shop = Command::new(binary);
        shop.args(["demo-shop", "--listen", &format!("127.0.0.1:{origin}"), "--folder"])
            .arg(folder.0.join("shop"));
        let shop = Server::start(&mut shop, (LOOPBACK, origin), &folder.0.join("shop.log"))?;
        let values = [
            ("port", port.to_string()),
            ("control", free_port()?.to_string()),
            ("origin", origin.to_string()),
        ];
        let configuration = fill("testssl.toml", folder.0.join("gabion.toml"), &values)?;
        let mut gabion = Command::new(binary);
        gabion.args(["run", "--config"]).arg(configuration);
        let gabion = Server::start(&mut gabion, (LOOPBACK, port), &folder.0.join("gabion.log"))?;
        Ok(Self { gabion, _shop: shop, folder })
    }

    /// Scans with every check testssl.sh has, and leaves what it said in `raw/`.
    fn scan(&self, results: &RunFolder) -> Outcome {
        let raw = results.path().join("raw");
        let log = raw.join("testssl.txt");
        let file = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=10s", SCAN_MAX, "testssl", "--full", "--color", "0"])
            .args(["--warnings", "off", "--nodns", "none", "--ip", &LOOPBACK.to_string(), "--add-ca"])
            .arg(self.folder.0.join("ca/root.crt"))
            .arg("--jsonfile")
            .arg(raw.join("testssl.json"))
            .arg(format!("https://{HOST}:{}/", self.gabion.address.port()))
            .current_dir(&self.folder.0)
            .stdin(Stdio::null())
            .stdout(file);
        // Its exit status counts findings; whether it came to its end stands in what it wrote.
        let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
        println!("    {command:?}: {status}");
        Ok(())
    }
}

/// A folder that is removed in the end.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> Outcome<Self> {
        let folder = root().join(format!("target/bench/testssl-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("xtask: {}: {error}", self.0.display());
        }
    }
}

/// One record of testssl.sh.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    id: String,
    /// OK, INFO, LOW, MEDIUM, HIGH, CRITICAL; WARN and FATAL when a check could not be made.
    severity: String,
    text: String,
}

/// What a finding means for us.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Good, or no judgment.
    Passed,
    /// LOW: shown, and nothing more.
    Noted,
    /// Above LOW, with the reason why it may be.
    Allowed(&'static str),
    /// Above LOW, or a check that could not be made.
    Open,
}

impl Finding {
    fn verdict(&self) -> Verdict {
        let allowed = ALLOWED.iter().find(|(id, _)| *id == self.id);
        match (self.severity.as_str(), allowed) {
            ("OK" | "INFO", _) => Verdict::Passed,
            ("LOW", _) => Verdict::Noted,
            (_, Some((_, reason))) => Verdict::Allowed(reason),
            _ => Verdict::Open,
        }
    }

    /// Its row of the table; none when it passed.
    fn row(&self) -> Option<String> {
        let verdict = match self.verdict() {
            Verdict::Passed => return None,
            Verdict::Noted => "noted".to_owned(),
            Verdict::Allowed(reason) => format!("allowed: {reason}"),
            Verdict::Open => "**OPEN**".to_owned(),
        };
        Some(format!("| {} | {} | {} | {verdict} |\n", self.severity, self.id, self.text.replace('|', "\\|")))
    }
}

/// What a scan found.
///
/// # Errors
/// When the scan did not come to its end.
fn findings(json: &[u8]) -> Outcome<Vec<Finding>> {
    let records: Vec<Value> = serde_json::from_slice(json)
        .map_err(|error| format!("testssl.sh wrote no list of findings ({error}): see raw/testssl.txt"))?;
    let member = |record: &Value, name: &str| {
        record[name].as_str().map(str::to_owned).ok_or_else(|| format!("no `{name}` in {record}"))
    };
    let finding = |record: &Value| -> Outcome<Finding> {
        Ok(Finding {
            id: member(record, "id")?,
            severity: member(record, "severity")?,
            text: member(record, "finding")?,
        })
    };
    let findings = records.iter().map(finding).collect::<Outcome<Vec<_>>>()?;
    if findings.iter().any(|finding| finding.id == LAST) {
        Ok(findings)
    } else {
        Err("the scan did not come to its end: see raw/testssl.txt".to_owned())
    }
}

fn report(findings: &[Finding], results: &RunFolder) -> Outcome {
    let table = table(findings);
    let about = format!("# cargo xtask testssl\n\n{}\n", machine::describe());
    results.write("README.md", &(about + &table))?;
    println!("\n{table}\nResults: {}", results.path().display());
    let open: Vec<_> = findings
        .iter()
        .filter(|finding| finding.verdict() == Verdict::Open)
        .map(|finding| finding.id.as_str())
        .collect();
    if open.is_empty() { Ok(()) } else { Err(format!("open findings: {}", open.join(", "))) }
}

/// How many findings of each severity there are, and a row for each that did not just pass.
fn table(findings: &[Finding]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for finding in findings {
        *counts.entry(&finding.severity).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(severity, count)| format!("{count} {severity}")).collect();
    let head = "| severity | finding | testssl.sh says | verdict |\n|---|---|---|---|\n";
    let rows: String = findings.iter().filter_map(Finding::row).collect();
    format!("{} findings: {}\n\n{head}{rows}", findings.len(), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(severity: &str, id: &str, expected: Verdict) {
        let finding = Finding { id: id.to_owned(), severity: severity.to_owned(), text: String::new() };
        assert_eq!(finding.verdict(), expected, "{severity} {id}");
    }

    #[test]
    fn what_is_above_low_or_was_not_checked_is_open_unless_a_reason_is_given() {
        check("OK", "cipher_order", Verdict::Passed);
        check("INFO", "cert_revocation", Verdict::Passed);
        check("LOW", "sessionresumption", Verdict::Noted);
        check("MEDIUM", "BREACH", Verdict::Open);
        check("WARN", "BREACH", Verdict::Open);
        check("a word of another version", "BREACH", Verdict::Open);
        check("HIGH", "cert_revocation", Verdict::Allowed(ALLOWED[0].1));
    }

    #[test]
    fn a_scan_that_broke_off_is_no_result() {
        let whole = br#"[{"id": "cipher_order", "severity": "HIGH", "finding": "a | b"},
                         {"id": "scanTime", "severity": "INFO", "finding": "116"}]"#;
        let found = findings(whole).expect("the scan ended");
        let table = table(&found);
        assert!(table.starts_with("2 findings: 1 HIGH, 1 INFO\n"), "{table}");
        assert!(table.ends_with("| HIGH | cipher_order | a \\| b | **OPEN** |\n"), "{table}");
        let broken = br#"[{"id": "cipher_order", "severity": "OK", "finding": "server"}]"#;
        assert!(findings(broken).is_err());
        assert!(findings(b"[{").is_err());
    }
}
