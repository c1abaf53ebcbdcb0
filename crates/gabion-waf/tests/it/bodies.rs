//! Bodies of requests as rules see them.

use gabion_waf::Partial;

use crate::harness::{Request, check, ids, load, send};

fn post<'a>(headers: &'a [&'a str], body: &'a [u8]) -> Request<'a> {
    Request { line: "POST /", headers, body }
}

const FORM: &[&str] = &["Content-Type: application/x-www-form-urlencoded"];
const MULTIPART: &[&str] = &["Content-Type: multipart/form-data; boundary=b"];

#[test]
fn forms_are_arguments() {
    let rules = "SecRule ARGS_POST:a \"@streq 1 2\" \"id:1,phase:2,pass\"\n\
                 SecRule REQUEST_BODY \"@streq a=1+2\" \"id:2,phase:2,pass\"\n\
                 SecRule REQBODY_PROCESSOR \"@streq URLENCODED\" \"id:3,phase:1,pass\"\n\
                 SecRule ARGS_GET \"@rx .\" \"id:4,phase:2,pass\"";
    check(rules, post(FORM, b"a=1+2"), &[3, 1, 2]);
}

#[test]
fn uploads_are_files() {
    let body = b"--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntext\r\n\
        --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.php\"\r\nContent-Type: text/x-php\r\n\r\n<?php\r\n--b--\r\n";
    let rules = "SecRule ARGS_POST:t \"@streq text\" \"id:1,phase:2,pass\"\n\
                 SecRule FILES \"@endsWith .php\" \"id:2,phase:2,pass\"\n\
                 SecRule FILES_NAMES \"@streq f\" \"id:3,phase:2,pass\"\n\
                 SecRule FILES_COMBINED_SIZE \"@eq 5\" \"id:4,phase:2,pass\"\n\
                 SecRule MULTIPART_PART_HEADERS:f \"@rx text/x-php\" \"id:5,phase:2,pass\"\n\
                 SecRule FILES_TMP_CONTENT \"@streq <?php\" \"id:6,phase:2,pass\"\n\
                 SecRule MULTIPART_STRICT_ERROR \"!@eq 0\" \"id:7,phase:2,pass\"\n\
                 SecRule FILES_SIZES:f \"@eq 5\" \"id:8,phase:2,pass\"";
    check(rules, post(MULTIPART, body), &[1, 2, 3, 4, 5, 6, 8]);
    let rules = "SecRule MULTIPART_STRICT_ERROR \"!@eq 0\" \"id:1,phase:2,pass\"\n\
                 SecRule REQBODY_ERROR \"@eq 1\" \"id:2,phase:2,pass\"";
    check(rules, post(MULTIPART, b"--b\r\nnonsense\r\n"), &[1, 2]);
}

#[test]
fn json_and_xml_are_read_when_rules_say_so() {
    let chosen = |kind: &str, rule: &str| {
        format!("SecAction \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor={kind}\"\n{rule}")
    };
    let json = chosen(
        "JSON",
        "SecRule ARGS:json.a.b \"@streq x\" \"id:2,phase:2,pass\"\nSecRule REQBODY_ERROR \"@eq 1\" \"id:3,phase:2,pass\"",
    );
    check(&json, post(&[], br#"{"a":{"b":"x"}}"#), &[2]);
    check(&json, post(&[], br#"{"a":{"b":"x"},"#), &[2, 3]);
    let xml = chosen(
        "XML",
        "SecRule XML:/* \"@contains x\" \"id:2,phase:2,pass\"\nSecRule XML://@* \"@streq y\" \"id:3,phase:2,pass\"\nSecRule REQBODY_ERROR \"@eq 1\" \"id:4,phase:2,pass\"",
    );
    check(&xml, post(&[], b"<a b='y'>x</a>"), &[2, 3]);
    check(&xml, post(&[], b"<a b='y'>x"), &[2, 3, 4]);
}

#[test]
fn bodies_above_the_limit_stop_or_are_read_in_part() {
    let rule = "SecRule ARGS:a \"@rx ^x+$\" \"id:1,phase:2,pass\"\nSecRule INBOUND_DATA_ERROR \"@eq 1\" \"id:2,phase:2,pass\"";
    let reject = load(&format!("SecRequestBodyLimit 5\n{rule}"));
    let report = send(&reject, post(FORM, b"a=xxxxxx"));
    assert_eq!(report.interruption.map(|stop| (stop.rule, stop.status)), Some((None, 413)));
    assert_eq!(report.partial, [Partial::RequestBody]);
    let partly = load(&format!("SecRequestBodyLimit 5\nSecRequestBodyLimitAction ProcessPartial\n{rule}"));
    let report = send(&partly, post(FORM, b"a=xxxyyy"));
    assert_eq!(ids(&report), [1, 2]);
    assert_eq!(report.partial, [Partial::RequestBody]);
}

#[test]
fn hostile_bodies_take_bounded_time() {
    let rules = load(
        "SecRequestBodyLimit 20000000\nSecRequestBodyNoFilesLimit 20000000\nSecRule REQUEST_HEADERS:Content-Type \"json\" \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n\
         SecRule ARGS|ARGS_NAMES \"@rx (?:a+)+b\" \"id:2,phase:2,pass,t:urlDecodeUni,t:htmlEntityDecode,t:lowercase\"",
    );
    let many = "a=1&".repeat(100_000);
    let deep = "[".repeat(100_000);
    let long = format!("a={}", "a".repeat(2_000_000));
    let nul = vec![0; 1_000_000];
    for (headers, body) in [
        (FORM, many.as_bytes()),
        (FORM, long.as_bytes()),
        (FORM, &nul),
        (&["Content-Type: application/json"][..], deep.as_bytes()),
        (MULTIPART, &nul),
    ] {
        let report = send(&rules, post(headers, body));
        assert!(report.matches.is_empty());
    }
}
