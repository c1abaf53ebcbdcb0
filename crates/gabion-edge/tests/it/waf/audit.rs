//! The audit log.

use gabion_waf::Services;
use serde_json::json;

use super::{ESCAPED, FORM, echo, post, rules_with};
use crate::access_log::objects;
use crate::front::{Setup, soon};

#[tokio::test]
async fn what_rules_found_is_written_for_auditors_without_secrets_and_bodies() {
    let shop = echo().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let rules = rules_with("SecAuditEngine RelevantOnly\nSecAuditLogParts ABCFHZ", Services::default());
    let section = format!("mode = \"block\"\n[waf.audit_log]\npath = {path:?}");
    let front = Setup::of(&[&shop]).waf(&section, &rules).start();
    let mut wire = front.tls().await;
    assert_eq!(soon(wire.ask(post(FORM, "q=tea"))).await.status, 200);
    let attack = String::from_utf8(post(FORM, format!("password=hush&q={ESCAPED}"))).unwrap();
    let attack =
        attack.replace("POST /buy", "POST /buy?token=hush").replacen("Host", "Cookie: a=hush\r\nHost", 1);
    let refused = soon(wire.ask(attack)).await;
    assert_eq!(refused.status, 403);
    let record = objects(&path, 1).await.remove(0);
    let expected = [
        ("request_id", json!(refused.header("x-request-id"))),
        ("client", json!("127.0.0.1")),
        ("action", json!("stopped")),
        ("request_line", json!("POST /buy?token=[masked] HTTP/1.1")),
        ("interruption", json!({ "rule": 90, "phase": "request_body", "action": "deny", "status": 403 })),
    ];
    for (name, value) in expected {
        assert_eq!(record[name], value, "{name}");
    }
    let rules: Vec<_> = record["matches"].as_array().unwrap().iter().map(|found| &found["rule"]).collect();
    assert_eq!(rules, [10, 11, 90]);
    assert_eq!(record["matches"][0]["details"][0]["variable"], "ARGS:q");
    assert!(record["request_headers"].as_array().unwrap().contains(&json!(["Cookie", "[masked]"])));
    assert!(!record.to_string().contains("hush"), "{record}");
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1, "tea is no matter for auditors");
}
