//! Who is limited, and who is let in or kept out.

use std::time::Duration;

use gabion_test::client::Wire;
use http::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

const JA4: &str = "t13d1516h2_8daaf6152771_02713d6af862";

/// Sends requests of one client behind a believed proxy, two of which are above a limit.
async fn flood(harness: &Harness) {
    let (_, address) = harness.edge.addresses()[0];
    for _ in 0..3 {
        let mut wire = Wire::plain(address).await;
        let head = "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
        wire.ask(head.to_owned()).await;
    }
}

#[tokio::test]
async fn the_page_says_who_is_above_which_limit_and_offers_to_block_them() {
    let harness = Harness::new().await;
    harness.page("owner", "/edge").await.shows("Nobody is above a limit");
    harness.limit_to_one_request();
    flood(&harness).await;
    let page = harness.page("operator", "/edge").await;
    for text in [
        "203.0.113.9",
        "strict",
        "Requests above a limit, by minute",
        "value=\"203.0.113.9\"",
        "everybody is served",
        "Connections that a limit ended",
    ] {
        page.shows(text);
    }
    let auditor = harness.page("auditor", "/edge").await;
    auditor.hides("203.0.113.9");
    auditor.shows("hidden");
    harness.page("support", "/edge").await.hides("action=\"/edge/access\"");
}

#[tokio::test]
async fn one_form_blocks_for_a_time_and_another_takes_it_back() {
    let harness = Harness::new().await;
    let block = "subject=203.0.113.9&verdict=block&minutes=60";
    let set = harness.post("operator", "/edge/access", block).await;
    assert_eq!((set.status(), set.header("location")), (303, "/edge#access"));
    let page = harness.page("operator", "/edge").await;
    for text in ["203.0.113.9", "blocked", "2023-11-14T23:13:20Z", "Mara Lindqvist"] {
        page.shows(text);
    }
    harness.page("auditor", "/edge").await.hides("203.0.113.9");
    let removed = harness.post("operator", "/edge/access/remove", "subject=203.0.113.9").await;
    assert_eq!(removed.status(), 303);
    harness.page("owner", "/edge").await.shows("No entry.");
    let again = harness.post("operator", "/edge/access/remove", "subject=203.0.113.9").await;
    assert_eq!(again.status(), 303, "removing twice is fine");
}

#[tokio::test]
async fn what_cannot_work_is_said_beside_the_field() {
    let harness = Harness::new().await;
    let page =
        harness.post("owner", "/edge/access", "subject=shop&verdict=allow&minutes=15&reason=ours").await;
    page.shows("not an address, a network such as 192.0.2.0/24, or a JA4 fingerprint");
    page.shows("value=\"ours\"");
    let wide = harness.post("owner", "/edge/access", "subject=0.0.0.0/0&verdict=block&minutes=15").await;
    wide.shows("a network has at least 8 bits here");
    let long = harness.post("owner", "/edge/access", "subject=192.0.2.7&verdict=block&minutes=9999").await;
    assert_eq!(long.status(), 400);
    harness.control.state.lock().unwrap().dead = true;
    let dead = harness.post("owner", "/edge/access", "subject=192.0.2.7&verdict=block&minutes=15").await;
    assert_eq!(dead.status(), 503);
}

#[tokio::test]
async fn programs_list_set_and_remove_entries() {
    let harness = Harness::new().await;
    let wish = json!({ "subject": JA4, "verdict": "block", "minutes": 15, "reason": "floods" }).to_string();
    let set = harness.api("edge:write", Method::POST, "/api/v1/edge/access", &wish).await;
    assert_eq!((set.status(), set.json()["subject"].as_str()), (200, Some(JA4)));
    let again = harness.api("edge:write", Method::POST, "/api/v1/edge/access", &wish).await;
    assert_eq!(again.text, set.text, "the same key gets the same answer");
    let list = harness.api("read events:read", Method::GET, "/api/v1/edge/access", "").await.json();
    assert_eq!(list["items"][0]["until"], "2023-11-14T22:28:20Z");
    assert_eq!(list["items"][0]["by"], "API key monitor");
    let masked = harness.api("read", Method::GET, "/api/v1/edge/access", "").await.json();
    assert_eq!(masked["items"][0]["subject"], Value::Null);
    let path = format!("/api/v1/edge/access?subject={JA4}");
    assert_eq!(harness.api("read", Method::DELETE, &path, "").await.status(), 403);
    assert_eq!(harness.api("edge:write", Method::DELETE, &path, "").await.status(), 204);
    assert_eq!(harness.api("edge:write", Method::DELETE, &path, "").await.status(), 404);
    for (field, value) in
        [("minutes", json!(0)), ("subject", json!("shop")), ("reason", json!("x".repeat(501)))]
    {
        let mut wish = json!({ "subject": "192.0.2.7", "verdict": "allow", "minutes": 15, "reason": "" });
        wish[field] = value;
        let body = wish.to_string();
        let answer = harness.api_once("edge:write", Method::POST, "/api/v1/edge/access", &body, field).await;
        assert_eq!(
            (answer.status(), &answer.json()["errors"][0]["pointer"]),
            (400, &json!(format!("/{field}")))
        );
    }
}

#[tokio::test]
async fn programs_see_who_is_limited() {
    let harness = Harness::new().await;
    harness.limit_to_one_request();
    flood(&harness).await;
    harness.clock.advance(Duration::from_secs(1));
    let seen = harness.api("read events:read", Method::GET, "/api/v1/edge/limited", "").await.json();
    let first = &seen["items"][0];
    assert_eq!((&first["limit"], &first["key"]), (&json!("strict"), &json!("203.0.113.9")));
    assert_eq!((&first["requests"], &first["action"]), (&json!(2), &json!("refuse")));
    assert_eq!(seen["shed"]["level"], 0);
    let masked = harness.api("read", Method::GET, "/api/v1/edge/limited", "").await.json();
    assert_eq!((&masked["items"][0]["key"], &masked["items"][0]["address"]), (&Value::Null, &Value::Null));
}
