//! Several endpoints, their health, maintenance, and the queue before them.

use std::sync::Arc;

use gabion_core::{Actor, Severity};
use gabion_test::{Shop, body};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use crate::front::{Setup, entity, field, get, get2, shop, soon};

#[tokio::test]
async fn round_robin_is_even() {
    let (one, two) = (shop("1").await, shop("2").await);
    let front = Setup::of(&[&one, &two]).upstream("balance = \"round-robin\"").start();
    let mut wire = front.tls().await;
    for _ in 0..10 {
        soon(wire.ask(get("/", ""))).await;
    }
    assert_eq!((one.requests(), two.requests()), (5, 5));
}

#[tokio::test]
async fn least_load_gives_new_requests_to_who_has_fewer() {
    let ((one, first), (two, second)) = (waiting_shop().await, waiting_shop().await);
    let front = Setup::of(&[&one, &two]).start();
    let sender = front.http2().await;
    let asked: Vec<_> = (0..40).map(|_| tokio::spawn(sender.clone().send_request(get2("/")))).collect();
    soon(async {
        while one.requests() + two.requests() < 40 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(one.requests().abs_diff(two.requests()) <= 2, "{} {}", one.requests(), two.requests());
    first.add_permits(40);
    second.add_permits(40);
    for request in asked {
        assert_eq!(soon(request).await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn no_get_fails_while_one_of_two_endpoints_is_stopped() {
    let (one, two) = (shop("1").await, shop("2").await);
    let front = Setup::of(&[&one, &two]).upstream("balance = \"round-robin\"").start();
    let mut wire = front.tls().await;
    for _ in 0..10 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    }
    one.stop().await;
    for _ in 0..20 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "2");
    }
    one.resume().await;
    two.stop().await;
    for _ in 0..20 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "1");
    }
}

#[tokio::test]
async fn a_drained_endpoint_gets_nothing() {
    let (one, two) = (shop("1").await, shop("2").await);
    let front = Setup::of(&[&one, &two]).upstream(&format!("drained = [\"{}\"]", one.url())).start();
    let mut wire = front.tls().await;
    for _ in 0..20 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "2");
    }
    two.stop().await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 502, "not even as the last resort");
    assert_eq!(one.requests(), 0);
    assert!(front.edge.upstreams()[0].endpoints[0].drained);
}

#[tokio::test]
async fn maintenance_is_a_calm_page_that_says_when_to_come_back() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).upstream("maintenance = true").start();
    let answer = front.get("/").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "300"));
    assert_eq!(shop.requests(), 0);
    assert!(front.events.all().is_empty(), "it was asked for");
}

/// A shop that answers when the test lets it.
async fn waiting_shop() -> (Shop, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let shop = Shop::start(move |_: Request<Incoming>| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(Response::new(body::whole("ok")))
        }
    })
    .await;
    (shop, open)
}

#[tokio::test]
async fn the_queue_is_bounded_and_says_503_when_full() {
    let (shop, gate) = waiting_shop().await;
    let front =
        Setup::of(&[&shop]).upstream("requests_max = 2\nqueue_max = 1\nqueue_timeout_ms = 20000").start();
    let sender = front.http2().await;
    let ask = |path: &str| tokio::spawn(sender.clone().send_request(get2(path)));
    let running = [ask("/1"), ask("/2")];
    let status = || front.edge.upstreams().remove(0);
    soon(async {
        while status().in_flight < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let queued = ask("/3");
    soon(async {
        while status().waiting < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = soon(ask("/4")).await.unwrap().unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "5");
    let event = front.events.first("edge.shop_busy").await;
    assert_eq!(entity(&event, "upstream"), "shop");
    gate.add_permits(3);
    for request in running.into_iter().chain([queued]) {
        assert_eq!(soon(request).await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(shop.requests(), 3);
}

#[tokio::test]
async fn a_request_waits_in_the_queue_only_so_long() {
    let (shop, gate) = waiting_shop().await;
    let front = Setup::of(&[&shop]).upstream("requests_max = 1\nqueue_timeout_ms = 20").start();
    let sender = front.http2().await;
    let running = tokio::spawn(sender.clone().send_request(get2("/1")));
    soon(async {
        while shop.requests() < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(soon(sender.clone().send_request(get2("/2"))).await.unwrap().status(), 503);
    gate.add_permits(1);
    assert_eq!(soon(running).await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn health_is_noticed_and_told() {
    let sick = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answer = Arc::clone(&sick);
    let one = Shop::start(move |request: Request<Incoming>| {
        let failing = answer.load(std::sync::atomic::Ordering::SeqCst) && request.uri() == "/healthz";
        let status = if failing { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        async move { Ok(Response::builder().status(status).body(body::whole("1")).unwrap()) }
    })
    .await;
    let two = shop("2").await;
    let front = Setup::of(&[&one, &two])
        .upstream("health = { path = \"/healthz\", interval_seconds = 1, failures = 1 }")
        .start();
    sick.store(true, std::sync::atomic::Ordering::SeqCst);
    let down = front.events.first("edge.endpoint_down").await;
    assert_eq!((down.severity, &down.actor), (Severity::Critical, &Actor::System));
    assert_eq!((entity(&down, "upstream"), entity(&down, "endpoint")), ("shop".into(), one.url()));
    assert_eq!(field(&down, "error"), "/healthz answered 500 Internal Server Error");
    assert!(!front.edge.upstreams()[0].endpoints[0].up);
    let mut wire = front.tls().await;
    for _ in 0..10 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "2");
    }
    sick.store(false, std::sync::atomic::Ordering::SeqCst);
    let up = front.events.first("edge.endpoint_up").await;
    assert_eq!((up.severity, entity(&up, "endpoint")), (Severity::Info, one.url()));
    let check = one.seen().into_iter().find(|seen| seen.target == "/healthz").unwrap();
    assert_eq!(
        (check.header("host"), check.header("user-agent")),
        (&*one.address().to_string(), "gabion-health")
    );
    assert_eq!(front.events.all().len(), 2, "one event for each change");
}

#[tokio::test]
async fn reloads_do_not_make_failed_checks_forgotten() {
    let shop = Shop::start(|_: Request<Incoming>| async { Err(body::Broken) }).await;
    let setup = Setup::of(&[&shop])
        .upstream("health = { path = \"/healthz\", interval_seconds = 3600, failures = 3 }");
    let front = setup.start();
    let down = soon(async {
        for checks in 1.. {
            while shop.requests() < checks && front.events.all().is_empty() {
                tokio::task::yield_now().await;
            }
            if let Some(event) = front.events.all().pop() {
                return event;
            }
            front.edge.reload(setup.config()).unwrap();
        }
        unreachable!("counting goes on until the event")
    });
    assert_eq!(down.await.kind, "edge.endpoint_down");
}

#[tokio::test]
async fn when_every_check_fails_requests_are_tried_nevertheless() {
    let shop = Shop::start(|request: Request<Incoming>| async move {
        let status = if request.uri() == "/healthz" { 500 } else { 200 };
        Ok(Response::builder().status(status).body(body::empty()).unwrap())
    })
    .await;
    let front = Setup::of(&[&shop]).upstream("health = { path = \"/healthz\", failures = 1 }").start();
    front.events.first("edge.endpoint_down").await;
    assert_eq!(front.get("/").await.status, 200);
}

#[tokio::test]
async fn a_name_is_looked_up_and_a_missing_one_is_told() {
    let shop = shop("found").await;
    let mut setup = Setup::of(&[]);
    setup.endpoints.push(format!("http://localhost:{}", shop.address().port()));
    let front = setup.start();
    assert_eq!(front.get("/").await.text(), "found");
    let address = shop.address().to_string();
    assert!(front.edge.upstreams()[0].endpoints[0].addresses.contains(&address));
    setup.endpoints = vec!["http://no-such-name.invalid".into()];
    let front = setup.start();
    let event = front.events.first("edge.name_unresolved").await;
    assert!(entity(&event, "endpoint").starts_with("http://no-such-name.invalid"));
    assert_eq!(front.get("/").await.status, 502);
}
