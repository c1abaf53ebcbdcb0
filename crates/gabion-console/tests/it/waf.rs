//! What the rules found, and what an operator does about a false alarm.

use std::time::Duration;

use gabion_core::{EventId, EventKind, Severity};
use gabion_test::client::Wire;
use http::Method;
use serde_json::json;

use crate::harness::Harness;

const FLAGGED: EventKind = EventKind::new("waf.flagged", 1, Severity::Info);
const BOUGHT: EventKind = EventKind::new("waf.flagged_visitor_bought", 1, Severity::Info);

/// Has an event of the rules in the lane; its id.
async fn flagged(harness: &Harness, rules: &str) -> EventId {
    told(harness, &FLAGGED, rules, "/search").await
}

async fn told(harness: &Harness, kind: &EventKind, rules: &str, path: &str) -> EventId {
    let event = harness.event(kind);
    let id = event.id;
    let event = event
        .field("rules", rules)
        .field("message", "SQL injection")
        .field("path", path)
        .personal("matched", "O'Brien's tea");
    harness.offer(event).await;
    id
}

#[tokio::test]
async fn the_page_says_what_the_rules_found_and_where() {
    let harness = Harness::new().await;
    harness.page("owner", "/waf").await.shows("Nothing found");
    flagged(&harness, "942100 ARGS:q, 949110 TX:score").await;
    flagged(&harness, "942100 ARGS:q").await;
    let page = harness.page("operator", "/waf").await;
    for text in [
        "<strong>942100</strong>",
        "SQL injection",
        "<code>/search</code>",
        "ARGS:q",
        ">2</td>",
        "False alarm?",
    ] {
        page.shows(text);
    }
    harness.page("support", "/waf").await.hides("False alarm?");
}

#[tokio::test]
async fn what_buyers_sent_is_proposed_first_and_left_out_in_the_end() {
    let harness = Harness::new().await;
    let page = harness.page("owner", "/waf").await;
    page.shows("0 requests would have been stopped, and 0 visitors who sent them then bought something");
    page.shows("No purchase was seen yet.");
    for _ in 0..4 {
        told(&harness, &FLAGGED, "941100 ARGS:text", "/review").await;
    }
    flagged(&harness, "942100 ARGS:q").await;
    for _ in 0..3 {
        told(&harness, &BOUGHT, "942100 ARGS:q", "/search").await;
    }
    let page = harness.page("operator", "/waf").await;
    page.shows("What buyers sent was hardly an attack.");
    page.shows("3 visitors then bought something");
    let place = |text: &str| page.text.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("<strong>942100</strong>") < place("<strong>941100</strong>"));

    let id = told(&harness, &BOUGHT, "942100 ARGS:q", "/search").await;
    harness.page("operator", &format!("/waf/exclude?event={id}")).await.shows("the parameter q");
    harness.post("operator", "/waf/exclude", &format!("event={id}&reason=a+name")).await;
    let page = harness.page("operator", "/waf").await;
    page.shows("left out now");
    page.hides("What buyers sent was hardly an attack.");
    let place = |text: &str| page.text.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("<strong>941100</strong>") < place("<strong>942100</strong>"));
}

#[tokio::test]
async fn a_false_alarm_is_turned_off_from_its_event_and_on_again_from_the_page() {
    let harness = Harness::new().await;
    let id = flagged(&harness, "942100 ARGS:q, 942190 ARGS:q, 930120 REQUEST_FILENAME").await;
    let link = format!("/waf/exclude?event={id}");
    harness.page("operator", &format!("/events/{id}")).await.shows(&format!("href=\"{link}\""));
    harness.page("auditor", &format!("/events/{id}")).await.hides("/waf/exclude");
    let question = harness.page("operator", &link).await;
    for text in [
        "In requests to /search, rules 942100 and 942190 no longer look at the parameter q.",
        "Rule 930120 also found something in REQUEST_FILENAME",
        "attacks included",
    ] {
        question.shows(text);
    }
    let done = harness.post("operator", "/waf/exclude", &format!("event={id}&reason=a+name")).await;
    assert_eq!((done.status(), done.header("location")), (303, "/waf#exclusions"));
    let page = harness.page("owner", "/waf").await;
    for text in ["the parameter q", "rules 942100 and 942190", "a name", "/waf/include?key=1-0"] {
        page.shows(text);
    }
    harness.page("owner", "/waf/include?key=1-0").await.shows("the parameter q is inspected by rules");
    let back = harness.post("owner", "/waf/include", "key=1-0&reason=fixed").await;
    assert_eq!(back.status(), 303);
    harness.page("owner", "/waf").await.shows("Nothing is left out.");
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let harness = Harness::new().await;
    let id = flagged(&harness, "942100 ARGS:q").await;
    let empty = harness.post("operator", "/waf/exclude", &format!("event={id}&reason=")).await;
    empty.shows("say why");
    let support = harness.post("support", "/waf/exclude", &format!("event={id}&reason=x")).await;
    assert_eq!(support.status(), 403);
    let unnamed = flagged(&harness, "930120 REQUEST_FILENAME").await;
    let none = harness.post("operator", "/waf/exclude", &format!("event={unnamed}&reason=x")).await;
    assert_eq!(none.status(), 400);
    assert_eq!(harness.page("operator", "/waf/exclude?event=evt_none").await.status(), 404);
    harness.control.state.lock().unwrap().dead = true;
    let dead = harness.post("operator", "/waf/exclude", &format!("event={id}&reason=x")).await;
    assert_eq!(dead.status(), 503);
}

#[tokio::test]
async fn programs_exclude_and_include_too() {
    const PATH: &str = "/api/v1/waf/exclusions";
    let harness = Harness::new().await;
    let state = harness.api("read", Method::GET, "/api/v1/waf", "").await.json();
    assert_eq!((&state["rules"]["canary"], &state["blocked"]), (&json!("stopped"), &json!(0)));
    let wish = r#"{"path":"/search","rules":[942100],"parameter":"q","reason":"books about SQL"}"#;
    let version = harness.api("config:write", Method::POST, PATH, wish).await.json();
    assert_eq!(
        (&version["reason"], &version["author_name"]),
        (&json!("books about SQL"), &json!("API key monitor"))
    );
    let listed = harness.api("read", Method::GET, PATH, "").await.json();
    let expected = json!([{
        "key": "1-0", "path": "/search", "rules": [942_100], "parameter": "q", "cookie": null, "header": null,
        "reason": "books about SQL",
    }]);
    assert_eq!(listed["items"], expected);
    for (wrong, status) in [
        (r#"{"path":"/","rules":[1],"reason":"x"}"#, 400),
        (r#"{"path":"/","rules":[1],"parameter":"a","cookie":"b","reason":"x"}"#, 400),
        (r#"{"path":"/","rules":[1],"parameter":"a","reason":""}"#, 400),
    ] {
        let answer = harness.api_once("config:write", Method::POST, PATH, wrong, wrong).await;
        assert_eq!(answer.status(), status, "{wrong}");
    }
    assert_eq!(harness.api("read", Method::POST, PATH, wish).await.status(), 403);
    let include = async |key: &str, scope: &str| {
        harness.api(scope, Method::DELETE, &format!("{PATH}/{key}"), "").await.status()
    };
    assert_eq!(include("1-0", "config:write").await, 400, "a reason is asked for");
    assert_eq!(include("9-9?reason=fixed", "config:write").await, 404);
    assert_eq!(include("1-0?reason=fixed", "read").await, 403);
    assert_eq!(include("1-0?reason=fixed", "config:write").await, 204);
    assert_eq!(harness.api("read", Method::GET, PATH, "").await.json()["items"], json!([]));
}

#[tokio::test]
async fn programs_confirm_machines_too() {
    const PATH: &str = "/api/v1/waf/machines";
    let harness = Harness::new().await;
    let wish = r#"{"name":"Our ERP","from":["192.0.2.0/24"],"user_agent":"erp","path":"/api/stock","reason":"ours"}"#;
    assert_eq!(harness.api("read", Method::POST, PATH, wish).await.status(), 403);
    let version = harness.api("config:write", Method::POST, PATH, wish).await.json();
    assert_eq!(version["reason"], json!("ours"));
    let wrong = wish.replace("192.0.2.0/24", "here");
    assert_eq!(harness.api_once("config:write", Method::POST, PATH, &wrong, "wrong").await.status(), 400);
    let listed = harness.api("read", Method::GET, PATH, "").await.json();
    let machine = &listed["items"][0];
    assert_eq!((&machine["name"], &machine["from"][0]), (&json!("Our ERP"), &json!("192.0.2.0/24")));
    let key = machine["key"].as_str().unwrap();
    let remove = async |key: &str| {
        harness.api("config:write", Method::DELETE, &format!("{PATH}/{key}"), "").await.status()
    };
    assert_eq!(remove(key).await, 400, "a reason is asked for");
    assert_eq!(remove("none?reason=x").await, 404);
    assert_eq!(remove(&format!("{key}?reason=gone")).await, 204);
    assert_eq!(harness.api("read", Method::GET, PATH, "").await.json()["items"], json!([]));

    call(&harness, "Feedly/2.0", "/feed.xml").await;
    let seen = harness.api("read", Method::GET, &format!("{PATH}/seen"), "").await.json();
    let (item, of) = (&seen["items"][0], |text: &str| json!(text));
    assert_eq!(
        (&item["product"], &item["path"], &item["requests"]),
        (&of("Feedly/2.0"), &of("/feed.xml"), &json!(5))
    );
}

/// Calls the shop as a program does, five times in eighty minutes. There is no shop: what counts is the call.
async fn call(harness: &Harness, agent: &str, path: &str) {
    let (_, address) = harness.edge.addresses().remove(0);
    for _ in 0..5 {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        );
        Wire::plain(address).await.ask(request).await;
        harness.clock.advance(Duration::from_secs(20 * 60));
    }
}

#[tokio::test]
async fn a_machine_is_noticed_confirmed_once_and_taken_back() {
    let harness = Harness::new().await;
    harness.page("owner", "/waf").await.shows("A program that calls the same path five times or more");
    call(&harness, "Stripe/1.0 (+https://stripe.com)", "/webhooks/pay/77?q=1'+or+1=1--").await;
    call(&harness, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "/").await;
    let page = harness.page("operator", "/waf").await;
    for text in ["<strong>Stripe/1.0</strong>", "127.0.0.1", "/webhooks/pay/*", "the rules object to 5"] {
        page.shows(text);
    }
    page.hides("Mozilla");
    harness.page("support", "/waf").await.hides("Yes, this is ours");
    let auditor = harness.page("auditor", "/waf").await;
    auditor.hides("127.0.0.1");
    auditor.hides("Yes, this is ours");

    let key = harness.edge.machines_seen().remove(0).key;
    let question = harness.page("operator", &format!("/waf/machine?key={key}")).await;
    question
        .shows("Requests to /webhooks/pay/* from 127.0.0.1 that call themselves Stripe are still inspected");
    let support = harness.post("support", "/waf/machine", &format!("key={key}&reason=x")).await;
    assert_eq!(support.status(), 403);
    harness.post("operator", "/waf/machine", &format!("key={key}&reason=")).await.shows("say why");
    let done = harness.post("operator", "/waf/machine", &format!("key={key}&reason=payments")).await;
    assert_eq!((done.status(), done.header("location")), (303, "/waf#machines"));
    let machine = harness.control.state.lock().unwrap().machines[0].machine.clone();
    assert!(machine.sends("127.0.0.1".parse().unwrap(), "Stripe/2.0", "/webhooks/pay/78"));

    harness.page("owner", "/waf").await.shows("Not ours any more");
    harness
        .page("owner", "/waf/machine/remove?key=1")
        .await
        .shows("treated as those of everybody else again");
    let back = harness.post("owner", "/waf/machine/remove", "key=1&reason=moved").await;
    assert_eq!((back.status(), back.header("location")), (303, "/waf#machines"));
    harness.page("owner", "/waf").await.hides("Not ours any more");
    assert_eq!(harness.page("owner", "/waf/machine/remove?key=1").await.status(), 404);
    assert_eq!(harness.page("operator", "/waf/machine?key=none").await.status(), 404);
}
