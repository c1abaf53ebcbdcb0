//! Which ordinary requests CRS stops, in both engines.

use std::collections::BTreeSet;

use gabion_waf::{Connection, Disk, RuleSet, Source};

use crate::corpus_ordinary::{self, Ordinary};
use crate::crs;
use crate::process::Program;

/// Whether the request is stopped, and the rules that logged but for those that [`is_left_out`] names.
type Decision = (bool, BTreeSet<u64>);

/// Rules of the score, which libmodsecurity logs elsewhere, and 920220, for which it decodes REQUEST_URI first: `100%25`
/// becomes a percent sign that encodes nothing. The warning alone stops nothing.
fn is_left_out(id: u64) -> bool {
    matches!(id / 1000, 949 | 959 | 980) || id == 920_220
}

/// The sources as one text, for an engine that reads no list of them.
fn directives(sources: &[Source]) -> String {
    let text = |source: &Source| match source {
        Source::File(path) => format!("Include {}\n", path.display()),
        Source::Text { text, .. } => String::from_utf8(text.clone()).expect("directives are UTF-8"),
    };
    sources.iter().map(text).collect()
}

fn ask(program: &mut Program, request: &Ordinary) -> Decision {
    for block in [request.method.as_bytes(), request.target.as_bytes(), &request.body] {
        program.write(block);
    }
    for (name, value) in &request.headers {
        program.write(name.as_bytes());
        program.write(value.as_bytes());
    }
    program.write(b"");
    program.flush();
    let answer = String::from_utf8(program.read_block()).expect("numbers");
    let mut words = answer.split(' ');
    let stopped = words.next() == Some("1");
    (stopped, words.map(|id| id.parse().expect("an id")).filter(|id| !is_left_out(*id)).collect())
}

fn decide(rules: &RuleSet, request: &Ordinary) -> Decision {
    let connection = Connection {
        client: ([192, 0, 2, 7].into(), 4321),
        server: ([127, 0, 0, 1].into(), 80),
        id: "decision",
    };
    let mut transaction =
        rules.transaction(&connection, gabion_core::Timestamp::from_seconds(1_800_000_000), None);
    request.send(&mut transaction);
    let stopped = transaction.interruption().is_some();
    let logged = transaction.matches().iter().filter(|rule| rule.log).map(|rule| rule.id);
    (stopped, logged.filter(|id| !is_left_out(*id)).collect())
}

#[test]
#[expect(clippy::print_stderr, reason = "what a run compared, and why it did not")]
fn crs_decides_alike_in_both_engines() {
    for crs in crs::installed() {
        let sources = crs.sources(None);
        let mut program = match Program::start("g++", "decide.cc") {
            Ok(program) => program,
            Err(reason) => return eprintln!("skipped: {reason}"),
        };
        program.write(directives(&sources).as_bytes());
        let rules = RuleSet::load(&sources, &Disk).expect("CRS loads");
        let requests = corpus_ordinary::all();
        let mut stopped = 0;
        let differ: Vec<String> = requests
            .iter()
            .filter_map(|request| {
                let (theirs, ours) = (ask(&mut program, request), decide(&rules, request));
                stopped += usize::from(theirs.0);
                (theirs != ours)
                    .then(|| format!("{} {}: theirs {theirs:?}, ours {ours:?}", request.name, request.what))
            })
            .collect();
        eprintln!("{}: {} requests, {stopped} stopped, {} differ", crs.name, requests.len(), differ.len());
        assert!(differ.is_empty(), "{}:\n{}", crs.name, differ.join("\n"));
    }
}
