//! The list of events, its filters and its stream.

use std::time::Duration;

use futures_util::StreamExt;
use gabion_core::{EventKind, Severity};
use http::{Method, Request};

use crate::harness::Harness;

const FAILED: EventKind = EventKind::new("edge.shop_failed", 1, Severity::Warning);
const REFUSED: EventKind = EventKind::new("edge.request_refused", 1, Severity::Info);
const SIGNED_IN: EventKind = EventKind::new("staff.signed_in", 1, Severity::Info);

/// How long an event may take from being recorded to the browser.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn both_sources_are_listed_by_time_and_filtered() {
    let harness = Harness::new().await;
    harness.record(harness.event(&SIGNED_IN).field("method", "password")).await;
    harness.clock.advance(Duration::from_secs(1));
    harness
        .offer(harness.event(&FAILED).entity("upstream", "shop").field("reason", "connection refused"))
        .await;
    let page = harness.page("owner", "/events").await;
    assert!(page.text.find("Shop failed") < page.text.find("Signed in"), "newest first");
    for (query, shown) in [
        ("severity=warning", "failed"),
        ("source=edge", "failed"),
        ("source=journal", "signed"),
        ("kind=staff", "signed"),
        ("kind=edge.shop_failed", "failed"),
        ("text=Connection+Refused", "failed"),
        ("text=password", "signed"),
        ("site=tidewater-tea", "nothing"),
    ] {
        let page = harness.page("owner", &format!("/events?{query}")).await;
        assert_eq!(page.text.contains("Shop failed"), shown == "failed", "{query}");
        assert_eq!(page.text.contains(">Signed in<"), shown == "signed", "{query}");
    }
    harness.page("owner", "/events?severity=loud").await.shows("is not one of info, warning, critical");
    harness.page("owner", "/events?kind=none").await.shows("No event fits these filters");
}

#[tokio::test]
async fn personal_fields_are_hidden_from_auditors_and_from_searches() {
    let harness = Harness::new().await;
    let event = harness.event(&REFUSED).personal("address", "192.0.2.77");
    let id = event.id;
    harness.offer(event).await;
    let path = format!("/events/{id}");
    harness.page("support", &path).await.shows("192.0.2.77");
    let masked = harness.page("auditor", &path).await;
    masked.hides("192.0.2.77");
    masked.shows("Personal facts are hidden from your role");
    harness.page("owner", "/events?text=192.0.2.77").await.hides("Request refused");
    harness.page("owner", "/events").await.hides("192.0.2.77");
}

#[tokio::test]
async fn pages_lead_to_older_events_and_back() {
    let harness = Harness::new().await;
    for number in 0..60 {
        harness.clock.advance(Duration::from_secs(1));
        harness.record(harness.event(&SIGNED_IN).field("number", number)).await;
    }
    let first = harness.page("owner", "/events?kind=staff").await;
    first.shows("data-live=\"/events/stream?kind=staff&#38;after=");
    first.hides("rel=\"prev\"");
    let older = link(&first.text, "next");
    assert_eq!(older, "/events?kind=staff&before=11.");
    let second = harness.page("owner", &older).await;
    assert_eq!(second.text.matches("<tr id=").count(), 10);
    second.hides("data-live=\"");
    second.hides("rel=\"next\"");
    let back = harness.page("owner", &link(&second.text, "prev")).await;
    assert_eq!(back.text.matches("<tr id=").count(), 50);
    assert_eq!(harness.page("owner", "/events?before=x").await.status(), 400);
}

fn link(page: &str, rel: &str) -> String {
    let before = page.split(&format!("\" rel=\"{rel}\"")).next().unwrap();
    before.rsplit("href=\"").next().unwrap().replace("&#38;", "&")
}

#[tokio::test]
async fn an_event_reaches_an_open_stream_within_a_second() {
    let harness = Harness::new().await;
    let request = Request::get("/events/stream?kind=edge").header("x-role", "owner");
    let response = harness.open(request, "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    harness.record(harness.event(&SIGNED_IN)).await;
    let event = harness.event(&FAILED);
    let id = event.id;
    harness.lane.offer(event);
    let message = tokio::time::timeout(SHOWN_WITHIN, stream.next()).await.unwrap().unwrap().unwrap();
    let message = String::from_utf8(message.to_vec()).unwrap();
    assert!(message.contains(&format!("<tr id=\"{id}\">")), "{message}");
    assert!(message.starts_with("id: 0.1\n") || message.starts_with("id: 1.1\n"), "{message}");
    assert!(!message.contains("Signed in"), "filters hold for the stream: {message}");
}

#[tokio::test]
async fn a_stream_that_connects_again_goes_on_where_it_was() {
    let harness = Harness::new().await;
    for _ in 0..3 {
        harness.record(harness.event(&SIGNED_IN)).await;
    }
    let request =
        Request::get("/events/stream?after=0.0").header("x-role", "owner").header("last-event-id", "2.0");
    let mut stream = harness.open(request, "").await.into_body().into_data_stream();
    let message = tokio::time::timeout(SHOWN_WITHIN, stream.next()).await.unwrap().unwrap().unwrap();
    assert!(message.starts_with(b"id: 3.0\n"));
    harness.console.stop();
    let end = tokio::time::timeout(SHOWN_WITHIN, stream.next()).await.unwrap();
    assert!(end.is_none(), "stopping the console ends its streams");
}

#[tokio::test]
async fn streams_are_bounded() {
    let harness = Harness::new().await;
    let open = || harness.open(Request::get("/events/stream").header("x-role", "owner"), "");
    let mut streams = Vec::new();
    for _ in 0..64 {
        streams.push(open().await);
    }
    assert_eq!(open().await.status().as_u16(), 503);
    streams.pop();
    assert_eq!(open().await.status().as_u16(), 200);
}

#[tokio::test]
async fn the_api_gives_events_in_pages() {
    let harness = Harness::new().await;
    for number in 0..5 {
        harness.clock.advance(Duration::from_secs(1));
        harness.record(harness.event(&SIGNED_IN).field("number", number).personal("name", "Ann")).await;
    }
    let get = async |path: String| harness.api("events:read", Method::GET, &path, "").await.json();
    let first = get("/api/v1/events?limit=3".to_owned()).await;
    let positions = |page: &serde_json::Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["position"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(positions(&first), [5, 4, 3]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(format!("/api/v1/events?limit=3&cursor={cursor}")).await;
    assert_eq!(positions(&second), [2, 1]);
    assert!(second["next_cursor"].is_null());
    let id = second["items"][0]["event"]["id"].as_str().unwrap();
    let one = get(format!("/api/v1/events/{id}")).await;
    assert_eq!(one["event"]["fields"][1]["value"], "Ann");
    assert_eq!(one["source"], "journal");
    let wrong = get("/api/v1/events?severity=loud".to_owned()).await;
    assert_eq!(wrong["errors"][0]["parameter"], "severity");
}
