//! Endpoints and upstreams at which requests fail: ejection, backups, the circuit breaker, the budget of retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gabion_core::{Actor, Severity};
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;

use crate::front::{Setup, entity, field, get, shop, soon};

/// A shop that answers 500 while `sick` holds.
async fn moody_shop(sick: &Arc<AtomicBool>) -> Shop {
    let sick = Arc::clone(sick);
    Shop::start(move |_: Request<Incoming>| {
        let status = if sick.load(Ordering::SeqCst) { 500 } else { 200 };
        async move { Ok(Response::builder().status(status).body(body::whole("moody")).unwrap()) }
    })
    .await
}

#[tokio::test]
async fn an_endpoint_that_answers_errors_is_ejected_and_comes_back() {
    let sick = Arc::new(AtomicBool::new(true));
    let (one, two) = (moody_shop(&sick).await, shop("well").await);
    let front = Setup::of(&[&one, &two])
        .upstream("balance = \"round-robin\"\nslow_start_seconds = 0")
        .upstream("eject = { on = \"5xx\", failures = 3, seconds = 1 }")
        .start();
    let mut wire = front.tls().await;
    let event = soon(async {
        loop {
            wire.ask(get("/", "")).await;
            if let Some(event) = front.events.all().into_iter().find(|e| e.kind == "edge.endpoint_ejected") {
                return event;
            }
        }
    })
    .await;
    assert_eq!((event.severity, &event.actor), (Severity::Warning, &Actor::System));
    assert_eq!((entity(&event, "upstream"), entity(&event, "endpoint")), ("shop".into(), one.url()));
    assert_eq!((field(&event, "seconds"), one.requests()), ("1".into(), 3));
    assert!(front.edge.upstreams()[0].endpoints[0].ejected);
    sick.store(false, Ordering::SeqCst);
    let back = front.events.first("edge.endpoint_returned").await;
    assert_eq!(entity(&back, "endpoint"), one.url());
    soon(async { while wire.ask(get("/", "")).await.text() != "moody" {} }).await;
}

#[tokio::test]
async fn errors_of_the_shop_count_only_where_that_is_asked_for() {
    let sick = Arc::new(AtomicBool::new(true));
    let (one, two) = (moody_shop(&sick).await, shop("well").await);
    let front = Setup::of(&[&one, &two]).upstream("balance = \"round-robin\"").start();
    let mut wire = front.tls().await;
    for _ in 0..40 {
        soon(wire.ask(get("/", ""))).await;
    }
    assert_eq!((one.requests(), two.requests()), (20, 20));
    assert!(front.events.all().is_empty());
}

#[tokio::test]
async fn a_backup_answers_while_no_other_endpoint_can() {
    let (one, spare) = (shop("1").await, shop("spare").await);
    let front = Setup::of(&[&one])
        .upstream(&format!("backup = [\"{}\"]", spare.url()))
        .upstream("health = { interval_seconds = 1, failures = 1 }")
        .start();
    let mut wire = front.tls().await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "1");
    one.stop().await;
    front.events.first("edge.endpoint_down").await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "spare");
    one.resume().await;
    front.events.first("edge.endpoint_up").await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "1");
    assert!(front.edge.upstreams()[0].endpoints[1].backup);
}

#[tokio::test]
async fn the_breaker_answers_at_once_while_the_shop_is_down_and_a_trial_closes_it() {
    let sick = Arc::new(AtomicBool::new(true));
    let shop = moody_shop(&sick).await;
    let front = Setup::of(&[&shop])
        .upstream("eject = { on = \"5xx\" }")
        .upstream("breaker = { requests_min = 5, open_seconds = 1 }")
        .start();
    let mut wire = front.tls().await;
    let opened = soon(async {
        loop {
            let answer = wire.ask(get("/", "")).await;
            if answer.status == 503 {
                return answer;
            }
        }
    });
    assert_eq!(opened.await.header("retry-after"), "1");
    let event = front.events.first("edge.breaker_opened").await;
    assert_eq!((event.severity, entity(&event, "upstream")), (Severity::Critical, "shop".into()));
    assert_eq!(shop.requests(), 5, "it is left alone");
    sick.store(false, Ordering::SeqCst);
    soon(async { while wire.ask(get("/", "")).await.status != 200 {} }).await;
    front.events.first("edge.breaker_closed").await;
    assert_eq!(shop.requests(), 6, "one request was the trial");
}

#[tokio::test]
async fn requests_are_sent_again_within_a_budget_only() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let well = shop("well").await;
    let mut setup = Setup::of(&[&well])
        .upstream("balance = \"round-robin\"\nhealth = { failures = 1000 }")
        .upstream("retry = { percent = 0, per_second = 1 }")
        .upstream("eject = { failures = 0, percent = 0 }\nbreaker = { percent = 0 }");
    setup.endpoints.push(format!("http://{gone}"));
    let front = setup.start();
    let mut wire = front.tls().await;
    let mut failed = 0;
    for _ in 0..20 {
        failed += usize::from(soon(wire.ask(get("/", ""))).await.status == 502);
    }
    assert!((1..10).contains(&failed), "{failed} of the 10 requests to the dead endpoint");
    let refused = front.edge.metrics().retries_refused.load(Ordering::Relaxed);
    assert_eq!(refused, failed as u64);
}
