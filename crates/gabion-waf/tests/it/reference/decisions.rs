//! Which requests CRS stops, in both engines, at each paranoia level: ordinary ones, and those of its regression cases.

use std::collections::{BTreeMap, BTreeSet};

use gabion_waf::ftw;
use gabion_waf::wire::Wire;
use gabion_waf::{Connection, Disk, RequestHead, RuleSet, Source};

use super::excuses;
use super::number;
use super::process::Program;
use crate::conformance::shared;
use crate::corpus::{self, Ordinary};
use crate::crs::{self, Crs, paranoia};

/// Requests of regression cases that are compared at each level in an ordinary run, evenly taken from all.
const CASES: usize = 250;

/// What both engines are asked about.
pub(super) struct Question {
    /// File and line, or rule and number.
    name: String,
    what: String,
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    version: Vec<u8>,
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl From<Ordinary> for Question {
    fn from(request: Ordinary) -> Self {
        let headers =
            request.headers.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes()));
        Self {
            name: request.name,
            what: request.what,
            method: request.method.into_bytes(),
            target: request.target.into_bytes(),
            version: b"HTTP/1.1".to_vec(),
            headers: headers.collect(),
            body: request.body,
        }
    }
}

/// The requests of the regression cases. What libmodsecurity cannot be asked is left out: what its C strings would cut,
/// and heads that no server would hand to it.
fn attacks(crs: &Crs) -> Vec<Question> {
    let cases = ftw::cases(&shared().join("crs").join(crs.cases)).expect("the cases are read");
    let stages = cases.iter().flat_map(|case| case.stages.iter().map(|stage| (&case.id, stage)));
    let questions = stages.filter_map(|(id, stage)| {
        let bytes = stage.input.to_bytes();
        let wire = Wire::divide(&bytes);
        let plain = |text: &[u8]| !text.is_empty() && !text.contains(&0);
        let whole = wire.missing == 0 && wire.version.starts_with(b"HTTP/");
        let asked = whole
            && [wire.method, wire.target, wire.version].into_iter().all(plain)
            && wire.headers.iter().all(|(name, _)| !name.is_empty());
        asked.then(|| Question {
            name: id.clone(),
            what: String::from_utf8_lossy(&bytes).into_owned(),
            method: wire.method.to_vec(),
            target: wire.target.to_vec(),
            version: wire.version.to_vec(),
            headers: wire.headers.clone(),
            body: wire.body.clone(),
        })
    });
    questions.collect()
}

/// Whether the request is stopped, and the rules that logged but for those that [`is_left_out`] names.
type Decision = (bool, BTreeSet<u64>);

/// Rules of the score, which libmodsecurity logs elsewhere.
fn is_left_out(id: u64) -> bool {
    matches!(id / 1000, 949 | 959 | 980)
}

/// The sources as one text, for an engine that reads no list of them.
fn directives(sources: &[Source]) -> String {
    let text = |source: &Source| match source {
        Source::File(path) => format!("Include {}\n", path.display()),
        Source::Text { text, .. } => String::from_utf8(text.clone()).expect("directives are UTF-8"),
    };
    sources.iter().map(text).collect()
}

fn ask(program: &mut Program, question: &Question) -> Decision {
    let version = question.version.strip_prefix(b"HTTP/").expect("questions have versions");
    for block in [&question.method, &question.target, version, &question.body] {
        program.write(block);
    }
    for (name, value) in &question.headers {
        program.write(name);
        program.write(value);
    }
    program.write(b"");
    program.flush();
    let answer = String::from_utf8(program.read_block()).expect("numbers");
    let mut words = answer.split(' ');
    let stopped = words.next() == Some("1");
    (stopped, words.map(|id| id.parse().expect("an id")).filter(|id| !is_left_out(*id)).collect())
}

fn decide(rules: &RuleSet, question: &Question) -> Decision {
    let connection = Connection {
        client: ([192, 0, 2, 7].into(), 4321),
        server: ([127, 0, 0, 1].into(), 80),
        id: "decision",
    };
    let mut transaction =
        rules.transaction(&connection, gabion_core::Timestamp::from_seconds(1_800_000_000), None);
    let headers: Vec<(&[u8], &[u8])> =
        question.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    let Question { method, target, version, body, .. } = question;
    let _ = transaction.request_head(&RequestHead { method, target, version, headers: &headers });
    let _ = transaction.request_body(body);
    let stopped = transaction.interruption().is_some();
    let logged = transaction.matches().iter().filter(|rule| rule.log).map(|rule| rule.id);
    (stopped, logged.filter(|id| !is_left_out(*id)).collect())
}

/// Asks both engines at every level, and returns where they differ without a reason.
fn compare(crs: &Crs, questions: &[Question]) -> Vec<String> {
    (1..=4).flat_map(|level| compare_at(level, crs, questions)).collect()
}

#[expect(clippy::print_stderr, reason = "what a run compared, and why it did not")]
fn compare_at(level: u8, crs: &Crs, questions: &[Question]) -> Vec<String> {
    let sources = crs.sources(Some(paranoia(level)));
    let mut program = match Program::start("g++", "decide.cc") {
        Ok(program) => program,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return Vec::new();
        }
    };
    program.write(directives(&sources).as_bytes());
    let rules = RuleSet::load(&sources, &Disk).expect("CRS loads");
    let mut stopped = 0;
    let mut excused = BTreeMap::new();
    let mut differ = Vec::new();
    for question in questions {
        let (theirs, ours) = (ask(&mut program, question), decide(&rules, question));
        stopped += usize::from(theirs.0);
        if theirs == ours {
            continue;
        }
        let reasons: Option<Vec<_>> =
            theirs.1.symmetric_difference(&ours.1).map(|id| excuses::reason(question, *id)).collect();
        match reasons.filter(|reasons| !reasons.is_empty()) {
            Some(reasons) => reasons.into_iter().for_each(|reason| *excused.entry(reason).or_insert(0) += 1),
            None => {
                let Question { name, what, .. } = question;
                differ.push(format!(
                    "{} at {level}: {name}: theirs {theirs:?}, ours {ours:?}: {what}",
                    crs.name
                ));
            }
        }
    }
    eprintln!(
        "{} at level {level}: {} requests, {stopped} stopped, {} differ without a reason",
        crs.name,
        questions.len(),
        differ.len()
    );
    for (reason, count) in excused {
        eprintln!("    {count} times a rule: {reason}");
    }
    differ
}

/// Compares the ordinary requests and those of the cases, with the rules of one generation where they are installed.
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
fn check(generation: &str) {
    for crs in crs::installed().iter().filter(|crs| crs.cases == generation) {
        let mut questions: Vec<Question> = corpus::all().into_iter().map(Question::from).collect();
        if shared().join("crs").join(crs.cases).exists() {
            let attacks = attacks(crs);
            let step = attacks.len().div_ceil(number("GABION_SOAK", CASES).max(1)).max(1);
            questions.extend(attacks.into_iter().step_by(step));
        } else {
            eprintln!("skipped: the cases of {} are not in {}", crs.name, shared().display());
        }
        let differ = compare(crs, &questions);
        assert!(differ.is_empty(), "{}", differ.join("\n"));
    }
}

#[test]
fn requests_are_decided_alike_with_crs_3_at_every_paranoia_level() {
    check("v3");
}

#[test]
fn requests_are_decided_alike_with_crs_4_at_every_paranoia_level() {
    check("v4");
}
