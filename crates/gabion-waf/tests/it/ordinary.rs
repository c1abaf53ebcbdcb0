//! Ordinary requests of a shop, which no rule may stop.
//!
//! What CRS stops of them is in `tests/corpus/crs-3.3.4.md` and `crs-4.md`; that libmodsecurity decides alike is tested in
//! `reference/decisions.rs`.

use std::fmt::Write as _;
use std::path::Path;

use gabion_waf::{Disk, MatchedRule, RuleSet, Source, builtin};

use crate::corpus::{self, Ordinary};
use crate::crs::{self, Crs};
use crate::harness::{NOW, Request, begin, send};

/// How many there are at least.
const REQUESTS_MIN: usize = 500;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Sends a request through rules; what logged, if it was stopped.
fn stopped_by(rules: &RuleSet, request: &Ordinary) -> Option<Vec<MatchedRule>> {
    let mut transaction = begin(rules, NOW);
    request.send(&mut transaction);
    let report = transaction.finish().0;
    report.interruption.is_some().then_some(report.matches)
}

#[test]
fn the_built_in_rules_stop_no_ordinary_request() {
    let rules = RuleSet::load(&builtin::sources(), &Disk).expect("the built-in rules load");
    let requests = corpus::all();
    let stopped: Vec<String> = requests
        .iter()
        .filter_map(|request| {
            let matches = stopped_by(&rules, request)?;
            let lines: Vec<String> = matches.iter().flat_map(MatchedRule::log_lines).collect();
            Some(format!("{} {} {}\n  {}", request.name, request.method, request.target, lines.join("\n  ")))
        })
        .collect();
    assert!(requests.len() >= REQUESTS_MIN, "{}", requests.len());
    assert!(stopped.is_empty(), "{} of {}:\n{}", stopped.len(), requests.len(), stopped.join("\n"));
}

/// The score's own rules: they say that a request is stopped, not why.
fn decides(id: u64) -> bool {
    matches!(id / 1000, 949 | 959 | 980)
}

fn load(crs: &Crs, between: Option<Source>) -> RuleSet {
    RuleSet::load(&crs.sources(between), &Disk).expect("CRS loads")
}

/// The table of what CRS stops, and why.
fn table(crs: &Crs, rules: &RuleSet) -> String {
    let mut text = format!(
        "# Ordinary requests that {} stops at paranoia level 1\n\n\
         File and line are those of `ordinary/`. Both engines decide so; the shop exclusions let all of them pass.\n\n\
         | request | what it says | rules |\n|---|---|---|\n",
        crs.name
    );
    for request in corpus::all() {
        if let Some(matches) = stopped_by(rules, &request) {
            let why = matches.iter().map(|rule| rule.id).filter(|id| !decides(*id));
            let why: Vec<String> = why.map(|id| id.to_string()).collect();
            let what = request.what.replace('|', "\\|").replace('`', "'");
            writeln!(text, "| {} | `{what}` | {} |", request.name, why.join(" ")).expect("a String grows");
        }
    }
    text
}

#[test]
fn what_crs_stops_is_listed() {
    for crs in crs::installed() {
        let file = format!("{}.md", crs.name);
        let found = table(&crs, &load(&crs, None));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(&file);
        let listed = std::fs::read_to_string(&path).unwrap_or_default();
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&file);
        std::fs::write(&fresh, &found).expect("the temporary folder can be written");
        assert_eq!(found, listed, "the table is out of date; what is true now is in {}", fresh.display());
    }
}

#[test]
fn crs_with_the_shop_exclusions_stops_no_ordinary_request() {
    for crs in crs::installed() {
        let rules = load(&crs, Some(builtin::shop_preset_before_crs()));
        let stopped: Vec<String> = corpus::all()
            .iter()
            .filter_map(|request| {
                let matches = stopped_by(&rules, request)?;
                let lines: Vec<String> = matches.iter().flat_map(MatchedRule::log_lines).collect();
                Some(format!("{} {}\n  {}", request.name, request.what, lines.join("\n  ")))
            })
            .collect();
        assert!(stopped.is_empty(), "{}: {}\n{}", crs.name, stopped.len(), stopped.join("\n"));
    }
}

#[test]
fn the_shop_exclusions_leave_attacks_where_they_are() {
    let form = ["Host: shop.example", "User-Agent: Mozilla/5.0", "Accept: */*", FORM];
    let get = |line| Request { line, headers: &form[..3], body: b"" };
    let post = |line, body| Request { line, headers: &form, body };
    for crs in crs::installed() {
        let rules = load(&crs, Some(builtin::shop_preset_before_crs()));
        for request in [
            get("GET /search?q=x%27+UNION+SELECT+password+FROM+users--"),
            get("GET /search?q=x%27+or+1%3D1--+"),
            get("GET /search?q=tea%27%3B+drop+table+orders"),
            get("GET /search?q=tea&s=x%27+union+select+1,2,3"),
            get("GET /search?q=%3Cscript%3Ealert(1)%3C/script%3E"),
            get("GET /search?q=%24(cat+/etc/passwd)"),
            post("POST /reviews", b"review=good%27+or+1%3D1+--+&rating=5"),
            post("POST /reviews", b"review=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&rating=5"),
            post("POST /reviews", b"review=x%27+union+all+select+null,null--+"),
            post("POST /login", b"user=a&password=x%27+or+%271%27%3D%271"),
            post("POST /wp-admin/post.php", b"post_ID=1+union+select+user_pass+from+wp_users"),
        ] {
            let report = send(&rules, request);
            assert!(report.interruption.is_some(), "{}: {} {:?}", crs.name, request.line, request.body);
        }
    }
}
