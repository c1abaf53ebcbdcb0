//! What pages say.

use std::time::Duration;

use gabion_console::control::Demo;
use gabion_core::{EventKind, Severity};

use crate::harness::Harness;

const FAILED: EventKind = EventKind::new("edge.shop_failed", 1, Severity::Warning);

#[tokio::test]
async fn the_overview_says_what_to_do_while_nothing_happened() {
    let harness = Harness::new().await;
    let page = harness.page("owner", "/").await;
    page.shows("No requests yet");
    page.shows("href=\"http://shop.example\"");
    page.shows("No warnings so far");
    page.shows("Mara Lindqvist");
    page.shows("Tidewater Tea");
    page.shows("aria-current=\"page\"");
    harness.page("owner", "/?window=day").await.shows("Last day");
}

#[tokio::test]
async fn the_overview_shows_warnings_of_both_sources() {
    let harness = Harness::new().await;
    harness.offer(harness.event(&FAILED).entity("upstream", "shop")).await;
    harness.record(harness.event(&EventKind::new("store.rolled_back", 1, Severity::Critical))).await;
    let page = harness.page("owner", "/").await;
    page.shows("Shop failed");
    page.shows("Rolled back");
}

#[tokio::test]
async fn pages_hold_nothing_inline_and_their_files_are_served() {
    let harness = Harness::new().await;
    harness.control.state.lock().unwrap().demo =
        Some(Demo { shielded: "https://shop.test".into(), naked: Some("http://naked.test".into()) });
    let plain = ["/", "/events", "/upstreams", "/edge", "/settings", "/settings/history", "/bypass", "/demo"];
    for path in plain.into_iter().chain(crate::inventory::VIEWS) {
        let page = harness.page("owner", path).await;
        assert_eq!(page.status(), 200, "{path}");
        for inline in [" style=", "<style", " onclick=", "<script>"] {
            page.hides(inline);
        }
        for address in page.text.split("=\"/assets/").skip(1) {
            let file = address.split('"').next().unwrap();
            let answer = harness.page("owner", &format!("/assets/{file}")).await;
            assert_eq!(answer.status(), 200, "{file}");
            assert!(answer.header("cache-control").contains("immutable"));
        }
    }
}

#[tokio::test]
async fn every_page_tells_of_a_bypass_and_when_it_ends() {
    let harness = Harness::new().await;
    let asked = harness.page("operator", "/bypass/confirm?module=headers&module=limits&minutes=30").await;
    asked.shows("For 30 minutes these protections are off");
    asked.shows("value=\"headers limits\"");
    let set = harness.post("operator", "/bypass", "modules=headers+limits&minutes=30").await;
    assert_eq!((set.status(), set.header("location")), (303, "/bypass"));
    harness.clock.advance(Duration::from_secs(600));
    for path in ["/", "/events", "/settings"] {
        harness
            .page("auditor", path)
            .await
            .shows("Protections are off: headers, limits. They come back by themselves in 20");
    }
    assert_eq!(harness.post("operator", "/bypass/end", "").await.status(), 303);
    harness.page("owner", "/").await.hides("Protections are off");
}

#[tokio::test]
async fn a_bypass_needs_a_module_and_an_offered_duration() {
    let harness = Harness::new().await;
    harness.page("owner", "/bypass/confirm?minutes=30").await.shows("Choose at least one protection");
    for (path, form) in [
        ("module=headers&minutes=9999", "modules=headers&minutes=9999"),
        ("module=wall&minutes=30", "modules=wall&minutes=30"),
    ] {
        assert_eq!(harness.page("owner", &format!("/bypass/confirm?{path}")).await.status(), 400);
        assert_eq!(harness.post("owner", "/bypass", form).await.status(), 400);
    }
    assert_eq!(harness.post("owner", "/bypass", "modules=&minutes=30").await.status(), 400);
    assert!(harness.control.state.lock().unwrap().bypass.is_none());
}

#[tokio::test]
async fn certificates_are_warned_about_two_weeks_before_they_expire() {
    let harness = Harness::new().await;
    for (days, words) in [(13, Some("expires in")), (0, Some("expired")), (15, None)] {
        harness.control.state.lock().unwrap().certificate_days = days;
        let page = harness.page("owner", "/events").await;
        match words {
            Some(words) => page.shows(&format!("The certificate for shop.example, www.shop.example {words}")),
            None => page.hides("The certificate for"),
        }
    }
}

#[tokio::test]
async fn draining_asks_first_and_signs_the_change() {
    let harness = Harness::new().await;
    let list = harness.page("operator", "/upstreams").await;
    let link = "/upstreams/change?upstream=shop&#38;act=drain&#38;endpoint=http%3A%2F%2F127.0.0.1%3A8081";
    list.shows(link);
    let asked = harness.page("operator", &link.replace("&#38;", "&")).await;
    asked.shows("Drain http://127.0.0.1:8081?");
    asked.shows("health checks go on");
    let form = "upstream=shop&act=drain&endpoint=http%3A%2F%2F127.0.0.1%3A8081";
    harness.post("operator", "/upstreams/change", &format!("{form}&reason=+")).await.shows("say why");
    assert_eq!(
        harness.post("operator", "/upstreams/change", &format!("{form}&reason=new+disk")).await.status(),
        303
    );
    let version = harness.control.state.lock().unwrap().versions[0].clone();
    assert_eq!(version.author_name, "Mara Lindqvist");
    assert_eq!(version.reason, "new disk");
    assert_eq!(version.changes[0].path, "upstream.shop.drained");
    assert_eq!(version.changes[0].after.as_deref(), Some("[\"http://127.0.0.1:8081\"]"));
}

#[tokio::test]
async fn unknown_upstreams_endpoints_and_acts_are_refused() {
    let harness = Harness::new().await;
    for (query, status) in [
        ("upstream=none&act=maintenance_on", 404),
        ("upstream=shop&act=drain&endpoint=http://elsewhere", 404),
        ("upstream=shop&act=explode", 400),
    ] {
        assert_eq!(
            harness.page("owner", &format!("/upstreams/change?{query}")).await.status(),
            status,
            "{query}"
        );
        let answer = harness.post("owner", "/upstreams/change", &format!("{query}&reason=x")).await;
        assert_eq!(answer.status(), status, "{query}");
    }
}

#[tokio::test]
async fn support_and_auditors_see_no_buttons_they_cannot_use() {
    let harness = Harness::new().await;
    for role in ["support", "auditor"] {
        harness.page(role, "/upstreams").await.hides("/upstreams/change");
        harness.page(role, "/settings").await.hides("/settings/edit");
        harness.page(role, "/bypass").await.hides("<button>Continue");
    }
}

#[tokio::test]
async fn the_demo_page_is_there_only_in_a_demo_and_says_what_still_goes_through() {
    let harness = Harness::new().await;
    assert_eq!(harness.page("owner", "/demo").await.status(), 404);
    harness.page("owner", "/").await.hides("href=\"/demo\"");
    let demo = Demo {
        shielded: "https://shop.localhost:8443".into(),
        naked: Some("http://naked.localhost:8000".into()),
    };
    harness.control.state.lock().unwrap().demo = Some(demo);
    let page = harness.page("owner", "/demo").await;
    page.shows("https://shop.localhost:8443/search?q=");
    page.shows("http://naked.localhost:8000/search?q=");
    page.shows("Gabion's rules are not on <strong>block</strong> just now");
    harness.control.state.lock().unwrap().demo =
        Some(Demo { shielded: "https://shop.localhost:8443".into(), naked: None });
    harness.page("owner", "/demo").await.hides("Attack both");
}

#[tokio::test]
async fn mistakes_are_shown_as_pages_with_the_code_and_the_request() {
    let harness = Harness::new().await;
    let page = harness.page("owner", "/events/evt_00000000000000000000000001").await;
    assert_eq!(page.status(), 404);
    page.shows("Nothing here");
    page.shows("not_found");
    page.shows(page.header("x-request-id"));
}
