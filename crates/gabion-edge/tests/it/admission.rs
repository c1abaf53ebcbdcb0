//! Whom the operator lets in or keeps out.

use gabion_core::{Clock, SystemClock, Timestamp};
use gabion_edge::access::{AccessEntry, Verdict};

use crate::front::{Front, Setup, get, shop, soon};

fn entry(subject: &str, verdict: Verdict, until: Timestamp) -> AccessEntry {
    AccessEntry { subject: subject.parse().unwrap(), verdict, until }
}

fn later() -> Timestamp {
    SystemClock.now().after(std::time::Duration::from_secs(3600))
}

/// What a client behind a believed proxy gets.
async fn ask(front: &Front, client: &str) -> u16 {
    let mut wire = front.tls().await;
    soon(wire.ask(get("/", &format!("X-Forwarded-For: {client}\r\n")))).await.status
}

#[tokio::test]
async fn blocked_clients_get_a_calm_page_and_a_closed_connection_until_their_time_is_over() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop]).listen("trusted_proxies = [\"127.0.0.1\"]").start();
    front.edge.set_access(vec![
        entry("192.0.2.0/24", Verdict::Block, later()),
        entry("192.0.2.7", Verdict::Allow, later()),
        entry("198.51.100.1", Verdict::Block, SystemClock.now()),
    ]);
    let mut wire = front.tls().await;
    let refused = soon(wire.ask(get("/", "X-Forwarded-For: 192.0.2.8\r\n"))).await;
    assert_eq!((refused.status, refused.header("connection")), (403, "close"));
    assert!(refused.text().contains("This connection has been blocked"), "{}", refused.text());
    assert_eq!(ask(&front, "192.0.2.7").await, 200);
    assert_eq!(ask(&front, "198.51.100.1").await, 200, "its time is over");
    assert_eq!(front.edge.access_requests(&"192.0.2.0/24".parse().unwrap()), 1);
    front.edge.set_access(Vec::new());
    assert_eq!(ask(&front, "192.0.2.8").await, 200);
}

#[tokio::test]
async fn fingerprints_can_be_blocked() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop])
        .more("[[rate_limit]]\nname = \"seen\"\nby = [\"ja4\"]\nrequests = 1\nper_seconds = 3600\naction = \"observe\"\neverywhere = true")
        .start();
    for _ in 0..2 {
        assert_eq!(front.get("/").await.status, 200);
    }
    let ja4 = front.edge.limited()[0].who.ja4.clone().unwrap();
    assert_eq!(front.edge.limited()[0].who.key, ja4, "the limit counts by it");
    front.edge.set_access(vec![entry(&ja4, Verdict::Block, later())]);
    assert_eq!(front.get("/").await.status, 403);
}

#[tokio::test]
async fn allowed_clients_pass_rate_limits_and_a_bypass_lets_the_blocked_in() {
    let shop = shop("tea").await;
    let limit = "[[rate_limit]]\nname = \"one\"\nby = [\"site\"]\nrequests = 1\nper_seconds = 3600\neverywhere = true";
    let front = Setup::of(&[&shop]).listen("trusted_proxies = [\"127.0.0.1\"]").more(limit).start();
    front.edge.set_access(vec![
        entry("192.0.2.7", Verdict::Allow, later()),
        entry("192.0.2.8", Verdict::Block, later()),
    ]);
    assert_eq!(ask(&front, "192.0.2.9").await, 200);
    assert_eq!(ask(&front, "192.0.2.9").await, 429);
    assert_eq!(ask(&front, "192.0.2.7").await, 200);
    assert_eq!(ask(&front, "192.0.2.8").await, 403);
    front.edge.set_bypass([gabion_edge::Module::Limits].into());
    assert_eq!(ask(&front, "192.0.2.8").await, 200);
}
