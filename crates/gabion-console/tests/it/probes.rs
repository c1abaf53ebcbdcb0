//! What machines ask.

use gabion_web::ClientAddr;
use http::Request;

use crate::harness::Harness;

fn from(address: &str, path: &str) -> http::request::Builder {
    Request::get(path).extension(ClientAddr(address.parse().unwrap()))
}

#[tokio::test]
async fn anyone_may_ask_whether_the_process_lives_and_is_ready() {
    let harness = Harness::new().await;
    assert_eq!(harness.send(Request::get("/healthz"), "").await.text, "alive\n");
    let ready = harness.send(Request::get("/readyz"), "").await;
    let json = ready.json();
    assert_eq!(
        (ready.status(), &json["ready"], &json["reasons"]),
        (200, &true.into(), &serde_json::json!([]))
    );
    let waf = &json["waf"];
    assert_eq!((&waf["modes"][0], &waf["rules"]), (&"learn".into(), &2.into()));
    assert_eq!((&waf["sources"][0], &waf["canary"]), (&"rules.conf".into(), &"stopped".into()));
    assert!(waf["loaded_at"].as_str().is_some_and(|at| at.starts_with("20")), "{waf}");
}

#[tokio::test]
async fn without_listeners_the_process_is_alive_but_not_ready() {
    let harness = Harness::new().await;
    harness.close_listeners();
    assert_eq!(harness.send(Request::get("/healthz"), "").await.status(), 200);
    let ready = harness.send(Request::get("/readyz"), "").await;
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.json()["reasons"][0], "no public listener is open");
}

#[tokio::test]
async fn with_a_dead_database_state_is_shown_and_protections_can_be_bypassed() {
    let harness = Harness::new().await;
    harness.kill_database().await;
    let ready = harness.send(Request::get("/readyz"), "").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.json()["reasons"][0].as_str().unwrap().starts_with("the database takes no writes"));
    for path in ["/", "/upstreams", "/settings", "/bypass"] {
        let page = harness.page("owner", path).await;
        assert_eq!(page.status(), 200, "{path}");
        page.shows("Customers are still served");
    }
    assert!(harness.console.metrics_page().contains("gabion_store_writable 0\n"));
    let body = r#"{"modules":["limits"],"minutes":15}"#;
    let set = harness.api("edge:write", http::Method::POST, "/api/v1/bypass", body).await;
    assert_eq!((set.status(), &set.json()["bypass"]["modules"][0]), (200, &"limits".into()));
    assert_eq!(harness.post("owner", "/bypass", "modules=headers&minutes=15").await.status(), 303);
}

#[tokio::test]
async fn metrics_are_for_scrapers_on_the_machine_and_keys_that_read() {
    let harness = Harness::new().await;
    for (address, status) in [("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.0.2.1", 401)]
    {
        assert_eq!(harness.send(from(address, "/metrics"), "").await.status(), status, "{address}");
    }
    let with = |scope| from("192.0.2.1", "/metrics").header("authorization", scope);
    assert_eq!(harness.send(with("read"), "").await.status(), 200);
    assert_eq!(harness.send(with("edge:write"), "").await.status(), 403);
}

#[tokio::test]
async fn the_metrics_page_covers_edge_store_certificates_and_process() {
    let harness = Harness::new().await;
    let page = harness.console.metrics_page();
    for line in [
        "gabion_endpoint_up{upstream=\"shop\",endpoint=\"http://127.0.0.1:8081\"}",
        "gabion_store_writable 1\n",
        "gabion_edge_events_dropped_total 0\n",
        "gabion_certificate_expiry_timestamp_seconds{name=\"shop.example\"} 1706912000\n",
        "process_resident_memory_bytes",
    ] {
        assert!(page.contains(line), "no {line} in {page}");
    }
}
