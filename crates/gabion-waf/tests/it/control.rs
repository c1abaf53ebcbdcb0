//! Exclusions, at load time and for one transaction.

use gabion_waf::{Phase, RequestHead};

use crate::harness::{NOW, Request, begin, check, get, ids, load, send};

/// Two rules that match `x` in any argument.
const RULES: &str = "SecRule ARGS \"@streq x\" \"id:10,phase:2,pass,tag:one,msg:'First'\"\n\
                     SecRule ARGS|REQUEST_HEADERS \"@streq x\" \"id:20,phase:2,pass,tag:two,msg:'Second'\"\n";

#[test]
fn rules_are_removed_when_they_load() {
    for (line, expected) in [
        ("SecRuleRemoveById 10", &[20][..]),
        ("SecRuleRemoveById 1-15 99", &[20]),
        ("SecRuleRemoveByTag two", &[10]),
        ("SecRuleRemoveByMsg First", &[20]),
    ] {
        check(&format!("{RULES}{line}"), get("GET /?a=x"), expected);
    }
    check(&format!("SecRuleRemoveById 10\n{RULES}"), get("GET /?a=x"), &[10, 20]);
}

#[test]
fn targets_and_actions_are_updated_when_they_load() {
    for (line, expected) in [
        ("SecRuleUpdateTargetById 10 !ARGS:a", &[20][..]),
        ("SecRuleUpdateTargetByTag two \"!ARGS:/^a/\"", &[10]),
        ("SecRuleUpdateTargetByMsg Second !ARGS:a,!ARGS:b", &[10]),
        ("SecRuleUpdateTargetById 10 REQUEST_URI ARGS", &[20]),
        ("SecRuleUpdateActionById 10 \"deny,status:404\"", &[10]),
    ] {
        check(&format!("{RULES}{line}"), get("GET /?a=x"), expected);
    }
}

#[test]
fn rules_and_targets_are_removed_for_one_transaction() {
    for (ctl, expected) in [
        ("ruleRemoveById=10", &[20][..]),
        ("ruleRemoveById=10-20", &[]),
        ("ruleRemoveByTag=two", &[10]),
        ("ruleRemoveByMsg=First", &[20]),
        ("ruleRemoveTargetById=10;ARGS:a", &[20]),
        ("ruleRemoveTargetById=10-20;ARGS", &[]),
        ("ruleRemoveTargetById=10;ARGS:b", &[10, 20]),
        ("ruleRemoveTargetById=20;ARGS_GET:A", &[10]),
        ("ruleRemoveTargetByTag=two;ARGS:/^a$/", &[10]),
        ("ruleRemoveTargetByMsg=First;ARGS", &[20]),
        ("ruleEngine=Off", &[]),
    ] {
        let rules =
            format!("SecRule REQUEST_URI \"@contains x\" \"id:1,phase:1,pass,nolog,ctl:{ctl}\"\n{RULES}");
        check(&rules, get("GET /?a=x"), expected);
    }
}

#[test]
fn the_reader_of_a_body_is_chosen_by_rules() {
    let json = Request { line: "POST /", headers: &["Content-Type: application/x"], body: br#"{"a":"x"}"# };
    let rule = "SecRule ARGS:json.a \"@streq x\" \"id:2,phase:2,pass\"\n\
                SecRule REQUEST_BODY \"@contains x\" \"id:3,phase:2,pass\"\n";
    check(rule, json, &[]);
    let choose = |ctl: &str| format!("SecAction \"id:1,phase:1,pass,nolog,ctl:{ctl}\"\n{rule}");
    check(&choose("requestBodyProcessor=JSON"), json, &[2, 3]);
    check(&choose("forceRequestBodyVariable=On"), json, &[3]);
    check(&choose("requestBodyProcessor=JSON,ctl:requestBodyAccess=Off"), json, &[]);
}

#[test]
fn the_engine_is_switched_for_one_transaction() {
    let rules = "SecRule ARGS:quiet \"@streq 1\" \"id:1,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly,ctl:auditEngine=On,ctl:auditLogParts=+E\"\n\
                 SecAction \"id:2,phase:1,deny\"";
    let rules = load(rules);
    let quiet = send(&rules, get("GET /?quiet=1"));
    assert!(quiet.interruption.is_none() && quiet.detected.is_some() && quiet.audit.is_some());
    let loud = send(&rules, get("GET /"));
    assert!(loud.interruption.is_some() && loud.audit.is_none());
    assert_eq!(ids(&loud), [2]);
}

#[test]
fn a_traced_transaction_tells_every_rule_that_matched_and_what_it_counted() {
    let rules = load(
        "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.score=0\"\n\
         SecRule ARGS \"@rx b\" \"id:2,phase:2,pass,t:lowercase,msg:'b in %{MATCHED_VAR_NAME}',setvar:tx.score=+5\"\n\
         SecRule ARGS \"@rx never\" \"id:3,phase:2,deny\"\n",
    );
    let mut transaction = begin(&rules, NOW);
    transaction.trace(&["score", "nothing"]);
    let head = RequestHead { method: b"GET", target: b"/?q=aB&r=B&s=c", version: b"HTTP/1.1", headers: &[] };
    let _ = transaction.request_head(&head);
    let _ = transaction.request_body(b"");
    let [first, second] = transaction.traced() else { panic!("two rules: {:?}", transaction.traced()) };
    assert_eq!((first.id, first.log, &first.entries), (1, false, &vec![Some(0), None]));
    assert_eq!((second.id, second.log, &second.entries), (2, true, &vec![Some(10), None]));
    assert_eq!((second.phase, second.message.as_slice()), (Phase::RequestBody, &b"b in ARGS:r"[..]));
    let seen = [(b"ARGS:q".to_vec(), b"ab".to_vec()), (b"ARGS:r".to_vec(), b"b".to_vec())];
    assert_eq!(second.values, seen);
}
