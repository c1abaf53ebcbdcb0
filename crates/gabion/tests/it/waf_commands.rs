//! `gabion waf`: list, explain, test and replay.

use std::path::{Path, PathBuf};

use gabion_test::product::configuration;
use serde_json::Value;

use crate::said::{Said, run_with};

fn waf_with(input: &[u8], arguments: &[&str]) -> Said {
    run_with(input, &[&["waf"], arguments].concat())
}

fn waf(arguments: &[&str]) -> Said {
    waf_with(b"", arguments)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const ATTACK: &[u8] =
    b"GET /search?q=1%27%20UNION%20SELECT%20a%20FROM%20users--%20-&n=4242424242424242 HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[test]
fn rules_in_force_are_listed_for_people_and_programs() {
    let said = waf(&["list", "--rules", "builtin"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with("ID        PHASE SEVERITY  PARANOIA MESSAGE\n"), "{}", said.out);
    assert!(said.out.contains("--all lists them, too"), "{}", said.out);
    let listed = json(&waf(&["list", "--rules", "builtin", "--json"]).out);
    let all = json(&waf(&["list", "--rules", "builtin", "--json", "--all"]).out);
    let (listed, all) = (listed.as_array().unwrap(), all.as_array().unwrap());
    assert!(!listed.is_empty() && listed.len() < all.len());
    assert!(listed.iter().all(|rule| rule["logs"] == true && rule["line"].as_u64() > Some(0)));
    assert!(listed.iter().any(|rule| rule["severity"] == "CRITICAL" && rule["phase"] == 2));
}

#[test]
fn a_wrong_path_or_level_is_a_wrong_command_line() {
    let said = waf(&["list", "--rules", "/nowhere"]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.contains("/nowhere: there is no such file or folder"), "{}", said.err);
    assert_eq!(waf(&["list", "--rules", "builtin", "--paranoia", "5"]).code, Some(64));
    let said = waf(&["explain", "/nowhere", "--rules", "builtin"]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.contains("/nowhere: "), "{}", said.err);
}

#[test]
fn a_request_is_explained_rule_by_rule() {
    let said = waf_with(ATTACK, &["explain", "-", "--rules", "builtin"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("ARGS:q = 1' "), "{}", said.out);
    assert!(
        said.out.contains("\nwould be blocked (score ") && said.out.contains(", threshold 5)\n"),
        "{}",
        said.out
    );
    let explained = json(&waf_with(ATTACK, &["explain", "-", "--rules", "builtin", "--json"]).out);
    assert_eq!((&explained["blocked"], &explained["threshold"]), (&Value::from(true), &Value::from(5)));
    let scores: Vec<_> =
        explained["rules"].as_array().unwrap().iter().map(|rule| rule["score"].as_i64().unwrap()).collect();
    assert!(scores.is_sorted() && scores.last() >= Some(&5), "{scores:?}");

    let said =
        waf_with(b"GET /?q=tea HTTP/1.1\nHost: shop.example\n\n", &["explain", "-", "--rules", "builtin"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with("note: lines of the head end in LF alone"), "{}", said.out);
    assert!(said.out.ends_with("passes (score 0, threshold 5)\n"), "{}", said.out);
    assert_eq!(waf_with(b"hello\n", &["explain", "-", "--rules", "builtin"]).code, Some(64));
}

#[test]
fn what_is_explained_holds_no_card_number_and_nothing_that_a_terminal_obeys() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("all.conf");
    std::fs::write(&rules, "SecRule ARGS \"@rx .\" \"id:1,phase:2,pass,log,msg:'any'\"\n").unwrap();
    let request = b"GET /?n=4242+4242+4242+4242&e=%1b%5B2J HTTP/1.1\r\nHost: a\r\n\r\n";
    let said = waf_with(request, &["explain", "-", "--rules", rules.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("ARGS:n = [card \u{2026}4242]\n"), "{}", said.out);
    assert!(said.out.contains("ARGS:e = \\u{1b}[2J\n"), "{}", said.out);
}

/// A folder with a configuration of Gabion's own rules and these lines more.
fn configured(more: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gabion.toml");
    let text = configuration(&["http://127.0.0.1:9".to_owned()], "url = \"sqlite:data/gabion.db\"", "");
    std::fs::write(&config, format!("{text}\n{more}")).unwrap();
    let config = config.to_str().unwrap().to_owned();
    (folder, config)
}

#[test]
fn an_exclusion_lets_that_parameter_of_that_path_pass() {
    let said = waf_with(ATTACK, &["explain", "-", "--rules", "builtin", "--json"]);
    let explained = json(&said.out);
    let ids: Vec<String> = explained["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["matched"][0]["variable"] == "ARGS:q")
        .map(|rule| rule["id"].to_string())
        .collect();
    let exclusion = |rules: &str| {
        format!(
            "[[waf.exclusion]]\npath = \"/search\"\nrules = [{rules}]\nparameter = \"q\"\nreason = \"test\"\n"
        )
    };
    let (_folder, config) = configured(&exclusion(&ids.join(", ")));
    let explain = |request: &[u8]| waf_with(request, &["explain", "-", "--config", &config]);
    let said = explain(ATTACK);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let text = str::from_utf8(ATTACK).unwrap();
    for other in [text.replace("/search", "/other"), text.replace("q=", "r=")] {
        assert_eq!(explain(other.as_bytes()).code, Some(1), "{other}");
    }
    let (_folder, config) = configured(&exclusion("9100101"));
    let said = waf_with(ATTACK, &["explain", "-", "--config", &config]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.contains("no rule has the id 9100101; the nearest is "), "{}", said.err);
}

#[test]
fn cases_are_run_and_each_failure_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let rules = write("rules.conf", "SecRule ARGS \"@streq x\" \"id:7,phase:2,pass,log\"\n");
    let case = |uri: &str| {
        format!(
            "rule_id: 7\ntests:\n  - test_id: 1\n    stages:\n      - input:\n          headers: {{Host: h}}\n          uri: {uri}\n        output:\n          log:\n            expect_ids: [7]\n"
        )
    };
    write("cases/good.yaml", &case("/?a=x"));
    write("cases/off.yaml", &format!("meta:\n  enabled: false\n{}", case("/?a=y")));
    let cases = folder.path().join("cases").to_str().unwrap().to_owned();
    let said = waf(&["test", &cases, "--rules", &rules]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "1 passed, 0 failed, 1 skipped\n"), "{}", said.err);
    assert_eq!(said.err, "", "no progress where nobody watches");

    write("cases/inner/bad.yaml", &case("/?a=y"));
    let report = folder.path().join("out.json").to_str().unwrap().to_owned();
    let said = waf(&["test", &cases, "--rules", &rules, "--report", &report]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert_eq!(said.out, "failed 7-1: 7 did not log; logged []\n1 passed, 1 failed, 1 skipped\n");
    let written = json(&std::fs::read_to_string(&report).unwrap());
    assert_eq!((&written["passed"], &written["skipped"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(written["failed"][0]["expected"][0], "7 did not log");
    let said = waf(&["test", &cases, "--rules", &rules, "--report", &report]);
    assert_eq!(said.code, Some(73), "a report that is there is not replaced: {}", said.err);
    assert_eq!(waf(&["test", "/nowhere", "--rules", &rules]).code, Some(64));
}

/// The cases of a generation, and the overrides that the engine publishes.
fn published(generation: &str) -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared =
        std::env::var_os("GABION_SHARED").map_or_else(|| root.join("../../../shared"), PathBuf::from);
    let overrides = root.join(format!("../gabion-waf/tests/it/overrides-{generation}.yaml"));
    (shared.join("crs").join(generation), overrides)
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is not run says so")]
fn published_cases_go_as_in_the_engines_own_tests() {
    let crs_4 = std::env::var_os("GABION_CRS").map(PathBuf::from);
    let crs_3 = Some(PathBuf::from("/usr/share/modsecurity-crs"));
    for (generation, rules, least) in [("v3", crs_3, 2_380), ("v4", crs_4, 5_077)] {
        let (cases, overrides) = published(generation);
        let Some(rules) = rules.filter(|rules| rules.exists() && cases.exists()) else {
            eprintln!(
                "skipped: CRS {generation} needs its rules (GABION_CRS, Debian's package) and {}",
                cases.display()
            );
            continue;
        };
        let paths = [&cases, &rules, &overrides].map(|path| path.to_str().unwrap());
        let said = waf(&["test", paths[0], "--rules", paths[1], "--overrides", paths[2]]);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        let last = said.out.lines().last().unwrap();
        let passed: u32 = last.split(' ').next().unwrap().parse().unwrap();
        assert!(passed >= least && last.contains(" passed, 0 failed, "), "{generation}: {last}");
    }
}

#[test]
fn a_log_is_replayed_and_what_buyers_sent_is_proposed_as_an_exclusion_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let target = "/search?q=1%27%20UNION%20SELECT%20a%20FROM%20users--%20-";
    let nginx = |client: &str, target: &str| {
        format!(
            "{client} - - [23/Nov/2026:02:00:00 +0000] \"GET {target} HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0\"\n"
        )
    };
    let gabion = "{\"client\":\"192.0.2.3\",\"status\":200,\"method\":\"GET\",\"path\":\"/\",\"protocol\":\"HTTP/2.0\"}\n";
    let lines = [
        nginx("192.0.2.1", target),
        nginx("192.0.2.2", target),
        nginx("192.0.2.2", "/thank-you"),
        gabion.to_owned(),
        "no line\n".to_owned(),
    ];
    std::fs::write(&log, lines.concat()).unwrap();
    let said = waf(&["replay", log.to_str().unwrap(), "--rules", "builtin", "--bought", "/thank-you"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let expected = "4 requests of 3 visitors; 1 lines were no requests\n\
                    2 requests of 2 visitors would have been blocked (paranoia level 1, threshold 5)\n\
                    1 of these visitors then bought something\n";
    assert!(said.out.starts_with(expected), "{}", said.out);
    assert!(said.out.contains("What this cannot know"), "{}", said.out);

    let proposed: String = said
        .out
        .lines()
        .skip_while(|line| *line != "[[waf.exclusion]]")
        .take(5)
        .fold(String::new(), |text, line| text + line + "\n");
    let (_folder, config) = configured(&proposed);
    let again = waf(&["replay", log.to_str().unwrap(), "--config", &config]);
    assert_eq!(again.code, Some(0), "{proposed}{}", again.err);
    assert!(again.out.contains("\n0 requests of 0 visitors would have been blocked"), "{}", again.out);
}
