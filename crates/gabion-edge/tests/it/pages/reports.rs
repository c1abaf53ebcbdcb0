//! What browsers report.

use std::sync::atomic::Ordering;

use gabion_edge::Module;
use gabion_markup::PageClass;
use gabion_markup::report::ReportKind;
use gabion_markup::sighting::{ReportSeen, Seen};
use gabion_test::body;
use http::Request;

use super::{PAGE, decided, held, shop};
use crate::front::{Front, Setup, soon};
use crate::waf::rules;

fn report(seen: &Seen) -> Option<ReportSeen> {
    match seen {
        Seen::Report(report) => Some(ReportSeen::clone(report)),
        _ => None,
    }
}

/// A violation on a page, as Chromium sends it.
fn violation(page: &str, blocked: &str) -> String {
    format!(
        r#"{{"type":"csp-violation","age":1,"url":"{page}","user_agent":"x","body":{{"documentURL":"{page}",
        "blockedURL":"{blocked}","effectiveDirective":"script-src-elem","disposition":"report"}}}}"#
    )
}

fn post(kind: &str, body: &str) -> String {
    format!(
        "POST /.gabion/reports HTTP/1.1\r\nHost: shop.example\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const MODERN: &str = "application/reports+json";

async fn send(front: &Front, body: &str) -> u16 {
    soon(async { front.tls().await.ask(post(MODERN, body)).await }).await.status
}

#[tokio::test]
async fn reports_are_told_and_never_reach_the_shop_or_the_rules() {
    let shop = shop(&[], PAGE).await;
    let setup = Setup::of(&[&shop]).pages("mode = \"on\"").waf("mode = \"block\"", &rules());
    let front = setup.start();
    super::hold(&front, decided());
    let modern =
        format!("[{}]", violation("https://shop.example/pay/1234?card=1", "https://evil.example/x.js?y"));
    assert_eq!(send(&front, &modern).await, 204);
    let seen = front.sightings.first(report).await;
    assert_eq!((seen.class, seen.count), (PageClass::Payment, 1));
    assert_eq!(seen.report.page.to_string(), "https://shop.example/pay/*");
    let ReportKind::Violation(violation) = &seen.report.kind else { panic!("{seen:?}") };
    assert_eq!(violation.blocked.to_string(), "https://evil.example/x.js");

    let old = r#"{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src","blocked-uri":"https://a.example/' UNION SELECT 1"}}"#;
    let answer = soon(async { front.tls().await.ask(post("application/csp-report", old)).await }).await;
    assert_eq!((answer.status, answer.header("cache-control")), (204, "no-store"));
    assert_eq!(front.sightings.all().len(), 2);

    let request = Request::post("https://shop.example/.gabion/reports").header("content-type", MODERN);
    let request = request.body(body::whole(modern)).unwrap();
    assert_eq!(soon(front.http2().await.send_request(request)).await.unwrap().status(), 204);
    assert_eq!(front.edge.metrics().reports.load(Ordering::Relaxed), 3);
    assert_eq!((front.sightings.all().len(), shop.requests()), (2, 0));
    assert_eq!(front.edge.metrics().waf_inspected.load(Ordering::Relaxed), 0);
    front.edge.stop_and_drain().await;
    assert_eq!(report(front.sightings.all().last().unwrap()).unwrap().count, 1);
}

#[tokio::test]
async fn what_is_no_report_of_these_pages_is_dropped() {
    let shop = shop(&[], PAGE).await;
    let front = held(&shop, decided());
    let own = "https://shop.example/";
    for (body, dropped, noise) in [
        ("tea".to_owned(), 1, 0),
        (format!("[{}]", violation("https://stranger.example/", "inline")), 2, 0),
        (format!("[{}]", violation(own, "moz-extension://a/b.js")), 2, 1),
        (r#"[{"type":"deprecation","url":"https://shop.example/","body":{}}]"#.to_owned(), 2, 2),
        (format!("[{}]", vec![violation("https://stranger.example/", "inline"); 60].join(",")), 62, 2),
    ] {
        assert_eq!(send(&front, &body).await, 204);
        let metrics = front.edge.metrics();
        let found = (&metrics.reports_dropped, &metrics.reports_noise);
        assert_eq!(
            (found.0.load(Ordering::Relaxed), found.1.load(Ordering::Relaxed)),
            (dropped, noise),
            "{body}"
        );
    }
    assert!(front.sightings.all().is_empty());
    let mut wire = front.tls().await;
    let answer = soon(wire.ask("GET /.gabion/reports HTTP/1.1\r\nHost: shop.example\r\n\r\n")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    let answer = soon(wire.ask("GET /.gabion/report HTTP/1.1\r\nHost: shop.example\r\n\r\n")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(send(&front, &"x".repeat(65 * 1024)).await, 413);
    front.edge.set_bypass([Module::Pages].into());
    assert_eq!(send(&front, &format!("[{}]", violation(own, "inline"))).await, 204);
    assert!(front.sightings.all().is_empty());
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_flood_of_100_000_reports_is_answered_and_hardly_told() {
    let shop = shop(&[], PAGE).await;
    let front = held(&shop, decided());
    let mut wire = front.tls().await;
    for round in 0..2_000 {
        let reports: Vec<_> = (0..50)
            .map(|n| {
                violation("https://shop.example/pay", &format!("https://evil.example/{}.js", round * 50 + n))
            })
            .collect();
        assert_eq!(soon(wire.ask(post(MODERN, &format!("[{}]", reports.join(","))))).await.status, 204);
    }
    let told = front.sightings.all().len();
    assert!((1..3_000).contains(&told), "{told} sightings");
    let metrics = front.edge.metrics();
    let taken = metrics.reports.load(Ordering::Relaxed);
    assert!(taken < 3_000 && metrics.reports_dropped.load(Ordering::Relaxed) > 10_000, "{taken}");
    assert_eq!(shop.requests(), 0);
}
