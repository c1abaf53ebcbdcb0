//! The JSON API beyond events.

use http::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn every_documented_method_is_answered_and_no_other() {
    let harness = Harness::new().await;
    let document = harness.send(http::Request::get("/api/openapi.json"), "").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        let ours = |operation: &Value| operation["tags"][0] != "identity";
        if !item.as_object().unwrap().values().all(ours) {
            continue;
        }
        let prefix = match path.strip_prefix("/api/v1/pages/") {
            Some(rest) if rest.starts_with("scripts") => "scr",
            Some(rest) if rest.starts_with("changes") => "chg",
            Some(_) => "dec",
            None => "evt",
        };
        let id = format!("{prefix}_00000000000000000000000001");
        let address = path.replace("{id}", &id).replace("{name}", "none");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let documented = item.get(method.as_str().to_lowercase()).is_some();
            let all = "read events:read config:write edge:write";
            let status = harness.api(all, method.clone(), &address, "{}").await.status();
            assert_eq!(status != 405, documented, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn state_is_told_in_json() {
    let harness = Harness::new().await;
    let get = async |path: &str| harness.api("read", Method::GET, path, "").await.json();
    let overview = get("/api/v1/overview?window=day").await;
    assert_eq!((&overview["window"], &overview["requests"]), (&json!("day"), &json!(0)));
    assert_eq!(overview["latency_ms"], json!({ "p50": null, "p95": null, "p99": null }));
    assert_eq!(get("/api/v1/overview?window=week").await["errors"][0]["parameter"], "window");
    assert_eq!(get("/api/v1/sites").await["items"][0]["id"], "tidewater-tea");
    assert_eq!(get("/api/v1/certificates").await["items"][0]["names"][0], "shop.example");
    assert_eq!(get("/api/v1/upstreams").await["items"][0]["endpoints"].as_array().unwrap().len(), 2);
    let health = get("/api/v1/health").await;
    assert_eq!((&health["ready"], &health["store"]["writable"]), (&json!(true), &json!(true)));
    assert_eq!(health["started_at"], "2023-11-14T22:13:20Z");
}

#[tokio::test]
async fn a_change_acts_once_for_each_key() {
    let harness = Harness::new().await;
    let change = r#"{"base":0,"values":{"upstream.shop.requests_max":2048},"reason":"sale"}"#;
    let path = "/api/v1/settings";
    let first = harness.api("config:write", Method::POST, path, change).await;
    assert_eq!((first.status(), first.json()["number"].clone()), (200, json!(1)));
    assert_eq!(first.json()["changes"][0]["after"], 2048);
    let again = harness.api("config:write", Method::POST, path, change).await;
    assert_eq!(again.text, first.text);
    assert_eq!(harness.control.state.lock().unwrap().versions.len(), 1);
    let stale = harness.api_once("config:write", Method::POST, path, change, "key-2").await;
    assert_eq!((stale.status(), stale.json()["code"].clone()), (409, json!("stale_version")));
    let other = harness.api("config:write", Method::POST, path, &change.replace("sale", "end")).await;
    assert_eq!(other.json()["code"], "idempotency_key_reused");
    let settings = harness.api("read", Method::GET, path, "").await.json();
    assert_eq!((&settings["version"], &settings["items"][2]["value"]), (&json!(1), &json!(2048)));
}

#[tokio::test]
async fn impossible_changes_are_refused_with_their_place() {
    let harness = Harness::new().await;
    for (body, status, pointer) in [
        (r#"{"base":0,"values":{},"reason":"x"}"#, 400, "/values"),
        (r#"{"base":0,"values":{"a":1.5},"reason":"x"}"#, 400, "/values/a"),
        (r#"{"base":0,"values":{"a":1},"reason":" "}"#, 400, "/reason"),
        (r#"{"base":0,"values":{"none":1},"reason":"x"}"#, 422, "/values/none"),
        (r#"{"base":0,"values":{"a":1},"reason":"x","extra":1}"#, 400, "/extra"),
    ] {
        let answer = harness.api("config:write", Method::POST, "/api/v1/settings", body).await;
        assert_eq!(answer.status(), status, "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert!(harness.control.state.lock().unwrap().versions.is_empty());
}

#[tokio::test]
async fn upstreams_are_steered_and_versions_rolled_back() {
    let harness = Harness::new().await;
    let post = async |path: &str, body: Value| {
        harness.api_once("config:write edge:write", Method::POST, path, &body.to_string(), path).await
    };
    let on = json!({ "on": true, "reason": "moving house" });
    let version = post("/api/v1/upstreams/shop/maintenance", on).await.json();
    assert_eq!(
        (&version["changes"][0]["after"], &version["author_name"]),
        (&json!(true), &json!("API key monitor"))
    );
    let drain = json!({ "url": "http://127.0.0.1:8082", "drained": true, "reason": "disk" });
    let version = post("/api/v1/upstreams/shop/endpoints", drain).await.json();
    assert_eq!(version["changes"][0]["after"], json!(["http://127.0.0.1:8082"]));
    let back = post("/api/v1/settings/rollback", json!({ "to": 0, "reason": "done" })).await.json();
    assert_eq!(back["number"], 3);
    let unknown = json!({ "url": "http://elsewhere", "drained": true, "reason": "x" });
    let unknown = harness
        .api_once(
            "edge:write",
            Method::POST,
            "/api/v1/upstreams/shop/endpoints",
            &unknown.to_string(),
            "other",
        )
        .await;
    assert_eq!(unknown.status(), 404);
    let page = harness.api("read", Method::GET, "/api/v1/settings/history?limit=2", "").await.json();
    assert_eq!(page["items"][0]["number"], 3);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next =
        harness.api("read", Method::GET, &format!("/api/v1/settings/history?cursor={cursor}"), "").await;
    assert_eq!(next.json()["items"][0]["number"], 1);
}

#[tokio::test]
async fn a_bypass_is_set_shown_and_ended() {
    let harness = Harness::new().await;
    let post =
        async |body: &str| harness.api_once("edge:write", Method::POST, "/api/v1/bypass", body, body).await;
    let on = post(r#"{"modules":["limits"],"minutes":15}"#).await.json();
    assert_eq!(on["bypass"]["until"], "2023-11-14T22:28:20Z");
    let shown = harness.api("read", Method::GET, "/api/v1/bypass", "").await.json();
    assert_eq!(shown["bypass"]["modules"], json!(["limits"]));
    let off = post(r#"{"modules":[],"minutes":1}"#).await;
    assert_eq!(off.json()["bypass"], Value::Null);
    assert_eq!(
        post(r#"{"modules":["limits"],"minutes":1441}"#).await.json()["errors"][0]["pointer"],
        "/minutes"
    );
    assert_eq!(post(r#"{"modules":["wall"],"minutes":15}"#).await.status(), 400);
}
