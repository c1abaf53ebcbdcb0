//! Something new for a share of the customers, and copies of requests for something that nobody sees.

use std::future::pending;
use std::sync::atomic::Ordering;

use gabion_test::Shop;
use http::Request;
use hyper::body::Incoming;

use crate::front::{Front, Setup, get, shop, soon};

async fn text(front: &Front, customer: u32) -> String {
    let headers = format!("Cookie: sid={customer}\r\n");
    soon(async { front.tls().await.ask(get("/", &headers)).await.text().to_owned() }).await
}

fn with_new(old: &Shop, new: &Shop, route: &str) -> Setup {
    let new = format!("[[upstream]]\nname = \"new\"\nendpoints = [\"{}\"]", new.url());
    Setup::of(&[old]).route(route).more(&new)
}

#[tokio::test]
async fn a_share_of_the_customers_meets_the_canary_and_always_the_same_ones() {
    let (old, new) = (shop("old").await, shop("new").await);
    let canary = |percent| {
        let line = format!("canary = {{ upstream = \"new\", percent = {percent}, by = \"cookie:sid\" }}");
        with_new(&old, &new, &line)
    };
    let front = canary(30).start();
    let mut chosen = Vec::new();
    for customer in 0..60 {
        let answer = text(&front, customer).await;
        assert_eq!(text(&front, customer).await, answer);
        if answer == "new" {
            chosen.push(customer);
        }
    }
    assert!((8..30).contains(&chosen.len()), "{chosen:?}");
    front.edge.reload(canary(60).config()).unwrap();
    for customer in &chosen {
        assert_eq!(text(&front, *customer).await, "new", "who was in stays in");
    }
    new.stop().await;
    front.edge.reload(canary(100).more("maintenance = true").config()).unwrap();
    assert_eq!(text(&front, 1).await, "old", "a canary that is not well is left");
}

#[tokio::test]
async fn a_mirror_gets_copies_that_nobody_waits_for() {
    let old = shop("old").await;
    let silent = Shop::start(|_: Request<Incoming>| pending()).await;
    let front = with_new(&old, &silent, "mirror = { upstream = \"new\", percent = 100 }").start();
    let mut wire = front.tls().await;
    assert_eq!(soon(wire.ask(get("/tea?x=1", "X-Gabion-Mirror: 1\r\n"))).await.text(), "old");
    let post = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\ntea";
    assert_eq!(soon(wire.ask(post)).await.text(), "old");
    soon(async {
        while silent.requests() < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let copy = silent.only();
    assert_eq!((copy.target.as_str(), copy.header("x-gabion-mirror")), ("/tea?x=1", "1"));
    assert_eq!(copy.header("host"), "shop.example");
    assert_eq!(old.seen()[0].header("x-gabion-mirror"), "", "a customer cannot claim to be a copy");
    for _ in 0..100 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "old");
    }
    let metrics = front.edge.metrics();
    let (made, dropped) = (&metrics.mirrored, &metrics.mirrors_dropped);
    assert_eq!(made.load(Ordering::Relaxed) + dropped.load(Ordering::Relaxed), 101);
    assert!(dropped.load(Ordering::Relaxed) >= 37, "at most 64 are under way");
}

#[tokio::test]
async fn a_dead_mirror_is_not_noticed() {
    let (old, new) = (shop("old").await, shop("new").await);
    let front = with_new(&old, &new, "mirror = { upstream = \"new\", percent = 100 }").start();
    new.stop().await;
    let mut wire = front.tls().await;
    for _ in 0..20 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "old");
    }
}
