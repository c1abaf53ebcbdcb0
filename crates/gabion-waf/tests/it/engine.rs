//! Rules, chains, jumps, macros and arithmetic.

use gabion_waf::{Partial, RequestHead, StopAction};

use crate::harness::{NOW, Request, begin, check, data, get, ids, load, send, send_at};

#[test]
fn a_rule_matches_the_values_it_looks_at() {
    let rule =
        |targets: &str, test: &str| format!("SecRule {targets} \"{test}\" \"id:1,phase:2,pass,t:none\"");
    for (targets, test, expected) in [
        ("ARGS", "@streq b", true),
        ("ARGS:A", "@streq b", true),
        ("ARGS:c", "@streq b", false),
        ("ARGS:/^[ac]$/", "@streq b", true),
        ("ARGS|!ARGS:a", "@streq b", false),
        ("ARGS|!ARGS:/^A/", "@streq b", false),
        ("ARGS_GET|!ARGS:a", "@streq b", false),
        ("ARGS|!ARGS_GET:a", "@streq b", false),
        ("ARGS_NAMES", "@streq c", true),
        ("&ARGS", "@eq 2", true),
        ("&ARGS:a", "@eq 1", true),
        ("&ARGS:none", "@eq 0", true),
        ("&ARGS|!ARGS:a", "@eq 1", true),
        ("ARGS", "!@streq b", true),
        ("ARGS:a", "!@streq b", false),
        ("ARGS:none", "!@streq b", false),
        ("REQUEST_HEADERS:host", "@streq shop.example", true),
        ("REQUEST_METHOD", "^GET$", true),
        ("REQUEST_URI", "@streq /p/f?a=b&c=%64#x", false),
        ("REQUEST_URI_RAW", "@streq /p/f?a=b&c=%64#x", true),
        ("REQUEST_FILENAME", "@streq /p/f", true),
        ("REQUEST_BASENAME", "@streq f", true),
        ("QUERY_STRING", "@streq a=b&c=%64", true),
        ("ARGS:c", "@streq d", true),
        ("REQUEST_LINE", "@endsWith #x HTTP/1.1", true),
        ("SERVER_NAME", "@streq shop.example", true),
        ("REMOTE_ADDR", "@ipMatch 192.0.2.0/24", true),
        ("UNIQUE_ID", "@streq t-1", true),
        ("ARGS_COMBINED_SIZE", "@eq 4", true),
        ("TIME_YEAR", "@eq 2027", true),
    ] {
        let expected: &[u64] = if expected { &[1] } else { &[] };
        check(&rule(targets, test), get("GET /p/f?a=b&c=%64#x"), expected);
    }
}

#[test]
fn cookies_are_values_by_name() {
    let request = Request { line: "GET /", headers: &["Cookie: a=1; b=x=y; flag"], body: b"" };
    check("SecRule REQUEST_COOKIES:b \"@streq x=y\" \"id:1,phase:1,pass\"", request, &[1]);
    check("SecRule REQUEST_COOKIES_NAMES \"@streq flag\" \"id:1,phase:1,pass\"", request, &[1]);
    check("SecRule &REQUEST_COOKIES \"@eq 3\" \"id:1,phase:1,pass\"", request, &[1]);
}

#[test]
fn a_chain_matches_when_all_of_it_does() {
    let rules = "SecRule ARGS:a \"@streq 1\" \"id:1,phase:2,pass,chain,logdata:'%{MATCHED_VAR_NAME}'\"\n\
                 SecRule ARGS:b \"@streq 2\" \"chain\"\n\
                 SecRule MATCHED_VARS \"@streq 2\"";
    assert_eq!(
        data(rules, get("GET /?a=1&b=2")),
        "MATCHED_VARS:ARGS:b\nMATCHED_VARS:ARGS:b",
        "one line for each value"
    );
    check(rules, get("GET /?a=1&b=3"), &[]);
    check(rules, get("GET /?a=2&b=2"), &[]);
}

#[test]
fn a_chain_names_the_values_that_were_sent() {
    let rules = "SecRule ARGS \"@rx ^x\" \"id:1,phase:2,pass,chain\"\nSecRule MATCHED_VAR \"@rx y$\"";
    let report = send(&load(rules), get("GET /?a=xy&b=z&c=xy"));
    let named: Vec<_> = report.matches[0].details.iter().map(|detail| detail.variable.clone()).collect();
    assert_eq!(named, [b"ARGS:a".to_vec(), b"ARGS:c".to_vec()]);
}

#[test]
fn jumps_go_on_after_their_marker_or_so_many_rules_later() {
    let rules = "SecRule ARGS:a \"@streq 1\" \"id:1,phase:1,pass,nolog,skipAfter:END\"\n\
                 SecAction \"id:2,phase:1,pass\"\n\
                 SecMarker END\n\
                 SecRule ARGS:a \"@streq 2\" \"id:3,phase:1,pass,nolog,skip:1\"\n\
                 SecAction \"id:4,phase:1,pass\"\n\
                 SecAction \"id:5,phase:1,pass,skipAfter:NOWHERE\"\n\
                 SecAction \"id:6,phase:1,pass\"\n\
                 SecAction \"id:7,phase:2,pass\"";
    check(rules, get("GET /?a=0"), &[2, 4, 5, 7]);
    check(rules, get("GET /?a=1"), &[4, 5, 7]);
    check(rules, get("GET /?a=2"), &[2, 5, 7]);
}

#[test]
fn scores_add_up_and_macros_expand() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.step=5,setvar:'tx.Score=+2',setvar:tx.flag\"\n\
                 SecRule ARGS \"@rx ^x\" \"id:2,phase:1,pass,nolog,setvar:'tx.score=+%{tx.step}',setvar:'tx.seen_%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'\"\n\
                 SecAction \"id:3,phase:1,pass,nolog,setvar:tx.score=-1,setvar:!tx.flag\"\n\
                 SecRule TX:SCORE \"@eq 11\" \"id:4,phase:1,pass,logdata:'%{tx.score} %{tx.seen_args:b} %{tx.flag}.'\"\n\
                 SecRule TX:/^seen_/ \"@streq xb\" \"id:5,phase:1,pass,logdata:'%{MATCHED_VAR_NAME}'\"\n\
                 SecRule &TX:flag \"@eq 0\" \"id:6,phase:1,pass,logdata:gone\"";
    assert_eq!(data(rules, get("GET /?a=xa&b=xb&c=c")), "11 xb .\nTX:seen_args:b\ngone");
}

#[test]
fn signs_from_clients_are_text() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.a=7,setvar:'tx.a=%{ARGS.x}'\"\n\
                 SecRule TX:a \"@rx .\" \"id:2,phase:1,pass,logdata:'%{tx.a}'\"";
    assert_eq!(data(rules, get("GET /?x=%2b5")), "+5");
}

#[test]
fn captures_are_those_of_the_last_match() {
    let rules = "SecRule ARGS \"@rx ^(a)(b)?(c)?\" \"id:1,phase:1,pass,capture,logdata:'%{TX.0}-%{TX.1}-%{TX.2}-%{TX.3}'\"";
    assert_eq!(data(rules, get("GET /?x=ac&y=ab")), "ac-a--c\nab-a-b-");
}

#[test]
fn a_multi_match_rule_asks_after_each_change() {
    let rules = "SecRule ARGS \"@rx A\" \"id:1,phase:1,pass,multiMatch,t:none,t:urlDecodeUni,t:lowercase,t:trim,logdata:'%{MATCHED_VAR}'\"";
    assert_eq!(data(rules, get("GET /?x=%2541A%20")), "%41A \nAA ");
}

#[test]
fn transformations_run_in_order_and_none_takes_them_back() {
    let rules = "SecRule ARGS \"@streq 3\" \"id:1,phase:1,pass,t:lowercase,t:none,t:trim,t:length\"";
    check(rules, get("GET /?x=%20abc%20"), &[1]);
}

#[test]
fn default_actions_say_what_blocking_means() {
    let rules = "SecDefaultAction \"phase:1,log,deny,status:418,t:lowercase\"\n\
                 SecRule ARGS \"@streq evil\" \"id:1,phase:1,block\"\n\
                 SecAction \"id:2,phase:1,pass\"";
    let report = send(&load(rules), get("GET /?x=EVIL"));
    let stop = report.interruption.as_ref().expect("a stop");
    assert_eq!((stop.rule, stop.status, &stop.action), (Some(1), 418, &StopAction::Deny));
    assert_eq!(ids(&report), [1]);
}

#[test]
fn a_stop_ends_all_phases_but_the_last() {
    let rules = "SecRule ARGS \"@streq x\" \"id:1,phase:1,redirect:'https://shop.example/%{ARGS.q}'\"\n\
                 SecAction \"id:2,phase:2,pass\"\nSecAction \"id:5,phase:5,pass\"";
    let report = send(&load(rules), get("GET /?q=x"));
    let stop = report.interruption.as_ref().expect("a stop");
    assert_eq!(stop.action, StopAction::Redirect(b"https://shop.example/x".to_vec()));
    assert_eq!(stop.status, 302);
    assert_eq!(ids(&report), [1, 5]);
    assert_eq!(ids(&send(&load(rules), get("GET /?q=y"))), [2, 5]);
}

#[test]
fn the_last_phase_has_patterns_of_its_own_whatever_came_before() {
    let many = (0..200)
        .map(|n| format!("SecRule RESPONSE_BODY \"@rx word{n}x\" \"id:{},phase:4,pass\"\n", 1000 + n));
    let rules = "SecRule ARGS \"@rx evil\" \"id:1,phase:1,deny\"\n\
                 SecRule ARGS \"@rx good\" \"id:2,phase:2,pass\"\n\
                 SecRule ARGS \"@rx (?:evil|good)\" \"id:5,phase:5,pass\"\n";
    let rules = load(&(many.collect::<String>() + rules));
    assert_eq!(ids(&send(&rules, get("GET /?q=evil"))), [1, 5]);
    assert_eq!(ids(&send_at(&rules, get("GET /?q=good"), b"a word7x", NOW)), [2, 1007, 5]);
}

#[test]
fn detection_only_stops_nothing_and_says_what_it_would_stop() {
    let rules =
        "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,deny\"\nSecAction \"id:2,phase:1,drop\"";
    let report = send(&load(rules), get("GET /"));
    assert_eq!(report.interruption, None);
    assert_eq!(report.detected.as_ref().and_then(|stop| stop.rule), Some(1));
    assert_eq!(ids(&report), [1, 2]);
    let off = send(&load("SecRuleEngine Off\nSecAction \"id:1,phase:1,deny\""), get("GET /"));
    assert!(off.interruption.is_none() && off.matches.is_empty());
}

#[test]
fn allow_ends_what_it_names() {
    let rules = |allow: &str| {
        format!(
            "SecAction \"id:1,phase:1,{allow}\"\nSecAction \"id:2,phase:1,pass\"\nSecAction \"id:3,phase:2,pass\"\n\
             SecAction \"id:4,phase:3,pass\"\nSecAction \"id:5,phase:5,pass\""
        )
    };
    check(&rules("allow"), get("GET /"), &[1, 5]);
    check(&rules("allow:phase"), get("GET /"), &[1, 3, 4, 5]);
    check(&rules("allow:request"), get("GET /"), &[1, 4, 5]);
}

#[test]
fn logging_and_auditing_are_separate() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog\"\nSecAction \"id:2,phase:1,pass,nolog,auditlog\"\n\
                 SecAction \"id:3,phase:1,pass,log,noauditlog\"";
    let report = send(&load(rules), get("GET /"));
    let flags: Vec<_> = report.matches.iter().map(|rule| (rule.id, rule.log, rule.audit)).collect();
    assert_eq!(flags, [(2, false, true), (3, true, false)]);
}

#[test]
fn responses_are_inspected_by_type() {
    let rules = "SecRule RESPONSE_STATUS \"@streq 200\" \"id:1,phase:3,pass\"\n\
                 SecRule RESPONSE_HEADERS:content-type \"@beginsWith text/html\" \"id:2,phase:3,pass\"\n\
                 SecRule RESPONSE_BODY \"@contains secret\" \"id:3,phase:4,deny,status:502\"";
    let report = send_at(&load(rules), get("GET /"), b"a secret", NOW);
    assert_eq!(ids(&report), [1, 2, 3]);
    assert_eq!(report.interruption.map(|stop| stop.status), Some(502));
    let plain = format!("SecResponseBodyMimeType text/plain\n{rules}");
    assert_eq!(ids(&send_at(&load(&plain), get("GET /"), b"a secret", NOW)), [1, 2]);
}

#[test]
fn limits_are_told() {
    let rules = "SecArgumentsLimit 2\nSecRule &ARGS \"@eq 2\" \"id:1,phase:1,pass\"";
    let report = send(&load(rules), get("GET /?a=1&b=2&c=3"));
    assert_eq!(ids(&report), [1]);
    assert_eq!(report.partial, [Partial::Arguments]);
}

#[test]
fn what_is_refused_for_its_size_is_no_work_for_rules() {
    let rules = load("SecArgumentsLimit 2\nSecAction \"id:1,phase:2,pass\"");
    let begun = || {
        let mut transaction = begin(&rules, NOW);
        let head =
            RequestHead { method: b"GET", target: b"/?a=1&b=2&c=3", version: b"HTTP/1.1", headers: &[] };
        let _ = transaction.request_head(&head);
        transaction
    };
    let mut refused = begun();
    let _ = refused.request_body_unless(b"", |partial| partial == Partial::Arguments);
    assert!(ids(&refused.finish().0).is_empty());
    let mut other = begun();
    let _ = other.request_body_unless(b"", |partial| partial == Partial::RequestBody);
    assert_eq!(ids(&other.finish().0), [1]);
}

#[test]
fn the_audit_record_has_the_parts_that_are_wanted() {
    let rules = "SecAuditEngine RelevantOnly\nSecAuditLogParts ABHZ\nSecComponentSignature test/1\n\
                 SecRule ARGS:q \"@streq x\" \"id:1,phase:1,deny,msg:'Found %{MATCHED_VAR}',severity:CRITICAL,tag:t\"";
    let record = send(&load(rules), get("GET /?q=x")).audit.expect("a record");
    let json: serde_json::Value = serde_json::to_value(&record).expect("JSON");
    assert_eq!(json["request_line"], "GET /?q=x HTTP/1.1");
    assert_eq!(json["request_headers"][0][0], "Host");
    assert_eq!(json["matches"][0]["details"][0]["message"], "Found x");
    assert_eq!(json["interruption"]["action"], "deny");
    assert_eq!(json["components"][0], "test/1");
    assert!(json.get("response_headers").is_none());
    assert!(send(&load(rules), get("GET /?q=y")).audit.is_none());
}

#[test]
fn what_a_rule_logs_of_a_long_value_is_cut() {
    let rules = "SecRule ARGS \"@contains x\" \"id:1,phase:2,pass,log,msg:'Found',logdata:'%{MATCHED_VAR}'\"";
    let long = "x".repeat(100_000);
    let report = send(&load(rules), get(&format!("GET /?{long}={long}")));
    let detail = &report.matches[0].details[0];
    assert_eq!((detail.variable.len(), detail.message.as_slice()), (4096, &b"Found"[..]));
    assert_eq!(detail.data, long.as_bytes()[..4096]);
}
