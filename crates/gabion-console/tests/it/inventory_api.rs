//! Pages of the shop over the API.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness};
use crate::sights::SITE;

async fn get(harness: &Harness, path: &str) -> Value {
    let answer = harness.api("read", Method::GET, path, "").await;
    assert_eq!(answer.status(), 200, "{path}: {}", answer.text);
    answer.json()
}

async fn post(harness: &Harness, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    harness.api_once("config:write", Method::POST, path, &body, &format!("{path}{}", body.len())).await
}

#[tokio::test]
async fn the_inventory_is_told_in_json() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let of = |what: &str| format!("/api/v1/pages/{what}?site={SITE}");
    let overview = get(&harness, &of("overview")).await;
    let payment = &overview["classes"][0];
    assert_eq!((&payment["class"], &payment["stage"]), (&json!("payment"), &json!("learn")));
    assert_eq!(payment["scripts"], json!({ "new": 3, "authorized": 0, "denied": 0 }));
    assert_eq!(get(&harness, &of("paths")).await["items"][0]["path"], "/checkout");
    assert_eq!(get(&harness, &of("classes")).await["confirmed"], Value::Null);
    let foreign = get(&harness, &format!("{}&foreign_only=true&class=payment", of("scripts"))).await;
    assert_eq!(foreign["items"].as_array().unwrap().len(), 1);
    let script = &foreign["items"][0];
    assert_eq!((&script["company"], &script["reads"]), (&json!("Stripe"), &json!(["card"])));
    let detail = get(&harness, &format!("/api/v1/pages/scripts/{}", script["id"].as_str().unwrap())).await;
    assert_eq!((&detail["site"], &detail["script"]["key"]), (&json!(SITE), &script["key"]));
    assert!(!get(&harness, &of("destinations")).await["items"].as_array().unwrap().is_empty());
    let changes = get(&harness, &format!("{}&limit=2", of("changes"))).await;
    let cursor = changes["next_cursor"].as_str().unwrap();
    let next = get(&harness, &format!("{}&limit=2&cursor={cursor}", of("changes"))).await;
    assert_ne!(changes["items"][0]["id"], next["items"][0]["id"]);
    assert_eq!(get(&harness, &of("third-parties")).await["items"][0]["origin"], "https://js.stripe.com");
    let proposal = get(&harness, &format!("{}&class=payment", of("policy"))).await;
    assert_eq!((&proposal["page_views"], &proposal["trust"]), (&json!(1), &json!("places")));
    assert_eq!(get(&harness, &of("headers")).await["items"], json!([]));
    assert_eq!(get(&harness, &of("decisions")).await["items"], json!([]));
}

#[tokio::test]
async fn programs_decide_once_for_each_key_and_take_it_back() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let id = harness.scripts("stripe").await.remove(0);
    let wish = json!({ "scripts": [{ "script": id, "justification": "Takes payments" }] });
    let first = post(&harness, "/api/v1/pages/authorize", &wish).await;
    assert_eq!((first.status(), &first.json()["kind"]), (200, &json!("authorize")));
    let again = post(&harness, "/api/v1/pages/authorize", &wish).await;
    assert_eq!(again.text, first.text);
    let of = format!("/api/v1/pages/decisions?site={SITE}");
    let decisions = get(&harness, &of).await;
    assert_eq!(decisions["items"].as_array().unwrap().len(), 1);
    let undo = format!("/api/v1/pages/decisions/{}/undo", first.json()["id"].as_str().unwrap());
    let undone = post(&harness, &undo, &json!({})).await.json();
    assert_eq!((&undone["kind"], &undone["undoes"]), (&json!("undo"), &first.json()["id"]));
    let twice = harness.api_once("config:write", Method::POST, &undo, "{}", "other").await;
    assert_eq!((twice.status(), &twice.json()["code"]), (409, &json!("superseded")));
}

#[tokio::test]
async fn everything_a_person_can_decide_a_program_can_too() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let change = get(&harness, &format!("/api/v1/pages/changes?site={SITE}")).await;
    let change = change["items"][0]["id"].as_str().unwrap().to_owned();
    let place = get(&harness, &format!("/api/v1/pages/destinations?site={SITE}")).await;
    let place = place["items"][0]["id"].as_str().unwrap().to_owned();
    let id = harness.scripts("cart.js").await.remove(0);
    let rules = json!([{ "path": "/checkout/*", "class": "payment" }]);
    let origin = "https://js.stripe.com";
    for (path, wish, kind) in [
        ("classes", json!({ "site": SITE, "rules": rules }), "classes"),
        ("deny", json!({ "scripts": [id], "reason": "old" }), "deny"),
        (
            "destinations",
            json!({ "destinations": [place], "status": "denied", "reason": "x" }),
            "destinations",
        ),
        ("headers", json!({ "site": SITE, "class": "payment" }), "approve_headers"),
        (
            "approve",
            json!({ "site": SITE, "class": "payment", "justification": "ours", "with_destinations": true }),
            "approve_class",
        ),
        (
            &format!("changes/{change}/settle"),
            json!({ "state": "accepted", "note": "ours" }),
            "settle_change",
        ),
        ("third-parties/stop", json!({ "site": SITE, "origin": origin, "reason": "x" }), "stop_origin"),
        ("third-parties/allow", json!({ "site": SITE, "origin": origin }), "allow_origin"),
        (
            "policy",
            json!({ "site": SITE, "class": "payment", "stage": "enforce", "despite_breakage": true }),
            "hold",
        ),
    ] {
        let answer = post(&harness, &format!("/api/v1/pages/{path}"), &wish).await;
        assert_eq!((answer.status(), &answer.json()["kind"]), (200, &json!(kind)), "{path}: {}", answer.text);
        assert!(answer.json()["by"].is_object() || answer.json()["by"].is_string(), "{path} says who");
    }
    let overview = get(&harness, &format!("/api/v1/pages/overview?site={SITE}")).await;
    assert_eq!(overview["classes"][0]["stage"], "enforce");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_place() {
    let harness = Harness::new().await;
    harness.checkout().await;
    for (path, status, parameter) in [
        ("overview", 400, "site"),
        (&format!("policy?site={SITE}"), 400, "class"),
        (&format!("scripts?site={SITE}&status=maybe"), 400, "status"),
        (&format!("changes?site={SITE}&severity=bad"), 400, "severity"),
        (&format!("evidence?site={SITE}&from=x&until=y"), 400, "from"),
    ] {
        let answer = harness.api("read", Method::GET, &format!("/api/v1/pages/{path}"), "").await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{path}");
    }
    assert_eq!(harness.api("read", Method::GET, "/api/v1/pages/overview?site=none", "").await.status(), 404);
    let id = harness.scripts("stripe").await.remove(0);
    let pin = format!("/api/v1/pages/scripts/{id}/pin");
    for (path, wish, code) in [
        ("/api/v1/pages/deny", json!({ "scripts": [], "reason": "x" }), "invalid_request"),
        ("/api/v1/pages/deny", json!({ "scripts": [id], "reason": "x", "extra": 1 }), "invalid_body"),
        (&pin, json!({ "pinned": true }), "changes_by_itself"),
        (
            "/api/v1/pages/policy",
            json!({ "site": SITE, "class": "payment", "stage": "enforce" }),
            "would_break",
        ),
    ] {
        let answer = post(&harness, path, &wish).await;
        assert_eq!(answer.json()["code"], code, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn evidence_statement_and_list_are_taken_by_programs() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let period = format!("site={SITE}&from=2023-11-01T00:00:00Z&until=2023-12-01T00:00:00Z");
    let record = harness.api("read", Method::GET, &format!("/api/v1/pages/evidence?{period}"), "").await;
    assert!(harness.pages.verify_evidence(&record.text).is_ok());
    let tampered = record.text.replace("stripe", "strope");
    assert!(harness.pages.verify_evidence(&tampered).is_err());
    let statement = harness.api("read", Method::GET, &format!("/api/v1/pages/statement?{period}"), "").await;
    assert_eq!(statement.header("content-type"), "text/markdown; charset=utf-8");
    statement.shows("# Scripts on the payment pages");
    let list =
        harness.api("read", Method::GET, &format!("/api/v1/pages/third-parties/list?site={SITE}"), "").await;
    list.shows("js.stripe.com");
}
