use std::net::IpAddr;

use gabion_core::{Clock, Entropy, Secret, SystemClock};

use super::*;
use crate::event::EventSink;

/// Takes nothing down.
struct Nowhere;

impl EventSink for Nowhere {
    fn offer(&self, _: Event) {}
}

impl Entropy for Nowhere {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn support() -> Support {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Support {
        recorder: Recorder { sink: Arc::new(Nowhere), clock, entropy: Arc::new(Nowhere) },
        sticky_key: Arc::new(MacKey::new(&Secret::new([3; 32]))),
    }
}

fn upstream(endpoints: usize, lines: &str) -> Upstream {
    let urls: Vec<_> = (0..endpoints).map(|i| format!("http://127.0.0.1:{}", 9000 + i)).collect();
    let config = UpstreamConfig::of(&format!("endpoints = {urls:?}\n{lines}"));
    Upstream::new(config, None, &support()).expect("an upstream without TLS")
}

fn tried(indexes: &[usize]) -> Set {
    Set::of(64, |i| indexes.contains(&i))
}

fn pick(upstream: &Upstream, gone: &[usize]) -> Option<usize> {
    upstream.pick(tried(gone), Wish::default()).map(|(i, _)| i)
}

fn picks(upstream: &Upstream, count: usize) -> Vec<usize> {
    let mut hits = vec![0; upstream.endpoints.len()];
    for _ in 0..count {
        hits[pick(upstream, &[]).expect("an endpoint")] += 1;
    }
    hits
}

fn client(address: &str) -> Client {
    Client { address: address.parse::<IpAddr>().expect("an address"), https: true }
}

#[test]
fn round_robin_is_even() {
    assert_eq!(picks(&upstream(3, "balance = \"round-robin\""), 300), [100, 100, 100]);
}

#[test]
fn least_load_spreads_idle_endpoints_and_avoids_the_loaded_and_the_slow_one() {
    let upstream = upstream(3, "");
    let hits = picks(&upstream, 3000);
    assert!(hits.iter().all(|hits| (800..1200).contains(hits)), "{hits:?}");
    let busy: Vec<_> = (0..5).map(|_| upstream.endpoints[0].enter()).collect();
    assert_eq!(picks(&upstream, 300)[0], 0);
    drop(busy);
    upstream.endpoints[1].load.observe(Duration::from_millis(800), now_ms());
    upstream.endpoints[2].load.observe(Duration::from_millis(20), now_ms());
    assert_eq!(picks(&upstream, 300)[1], 0);
}

#[test]
fn drained_down_and_tried_endpoints_are_skipped_but_the_last_resort_is_used() {
    let upstream = upstream(3, "drained = [\"http://127.0.0.1:9000\"]");
    upstream.endpoints[1].set_up(false);
    assert_eq!(pick(&upstream, &[]), Some(2));
    assert_eq!(pick(&upstream, &[2]), Some(1), "all down: try anyway");
    assert_eq!(pick(&upstream, &[1, 2]), None);
}

#[test]
fn a_backup_is_used_only_while_no_other_endpoint_can_be() {
    let upstream = upstream(2, "backup = [\"http://127.0.0.1:9100\"]");
    assert_eq!(picks(&upstream, 100)[2], 0);
    upstream.endpoints[0].set_up(false);
    assert_eq!(picks(&upstream, 100), [0, 100, 0]);
    upstream.endpoints[1].set_up(false);
    assert_eq!(picks(&upstream, 100), [0, 0, 100]);
    upstream.endpoints[2].set_up(false);
    assert_eq!(picks(&upstream, 100)[2], 0, "when all fail, the shop itself is asked first");
    assert_eq!(pick(&upstream, &[0, 1]), Some(2));
}

#[tokio::test]
async fn an_endpoint_that_fails_is_out_and_at_most_half_of_them_are() {
    let upstream = upstream(3, "balance = \"round-robin\"");
    (0..5).for_each(|_| upstream.note(1, true));
    assert_eq!(picks(&upstream, 100)[1], 0);
    (0..5).for_each(|_| upstream.note(2, true));
    assert!(picks(&upstream, 100)[2] > 0);
}

#[tokio::test]
async fn when_the_last_one_fails_those_that_are_out_may_come_back() {
    let upstream = upstream(2, "");
    (0..5).for_each(|_| upstream.note(0, true));
    assert_eq!(picks(&upstream, 100), [0, 100]);
    (0..5).for_each(|_| upstream.note(1, true));
    assert_eq!(picks(&upstream, 100), [100, 0]);
}

#[tokio::test]
async fn who_comes_back_gets_few_requests_at_first() {
    for balance in ["round-robin", "least-load"] {
        let lines = format!("balance = {balance:?}\nslow_start_seconds = 1000\neject.seconds = 0");
        let upstream = upstream(3, &lines);
        (0..5).for_each(|_| upstream.note(1, true));
        while upstream.endpoints[1].ejection.is_out(now_ms()) {
            tokio::task::yield_now().await;
        }
        let hits = picks(&upstream, 3000);
        assert!(hits[1] < 400 && hits[0] > 800 && hits[2] > 800, "{balance} {hits:?}");
    }
}

#[tokio::test]
async fn the_last_endpoint_that_is_left_is_never_ejected() {
    let single = upstream(1, "");
    (0..100).for_each(|_| single.note(0, true));
    assert!(!single.endpoints[0].ejection.is_out(now_ms()));
    let double = upstream(2, "[eject]\nshare_percent = 100");
    double.endpoints[0].set_up(false);
    (0..100).for_each(|_| double.note(1, true));
    assert!(!double.endpoints[1].ejection.is_out(now_ms()), "the other one is down");
}

#[test]
fn the_same_customer_comes_to_the_same_endpoint() {
    let upstream = upstream(4, "balance = \"hash\"");
    let home = |address: &str| {
        let wish = upstream.wish(&client(address), &HeaderMap::new());
        upstream.pick(Set::default(), wish).map(|(i, _)| i).expect("an endpoint")
    };
    let homes: std::collections::HashSet<_> = (1..100).map(|n| home(&format!("192.0.2.{n}"))).collect();
    assert_eq!(homes.len(), 4);
    assert!((1..100).all(|_| home("192.0.2.1") == home("192.0.2.1")));
    assert_eq!(home("2001:db8::1"), home("2001:db8::2"));
}

#[test]
fn cookies_and_headers_can_make_a_customer() {
    let headers = HeaderMap::from_iter([
        (http::header::COOKIE, HeaderValue::from_static("sid2=x; sid=abc")),
        (http::header::HOST, HeaderValue::from_static("shop")),
    ]);
    let key = |by: &str| key(&by.parse().expect("a key"), &client("192.0.2.1"), &headers);
    assert_eq!(key("cookie:sid"), Some(hash(b"abc")));
    assert_eq!(key("header:host"), Some(hash(b"shop")));
    assert_eq!((key("cookie:si"), key("header:x-cart")), (None, None), "nothing to go by");
}

#[test]
fn a_sticky_customer_stays_and_moves_when_the_endpoint_goes() {
    let upstream = upstream(3, "sticky = true");
    let who = client("192.0.2.1");
    let set = upstream.cookie(&who, Wish::default(), 2, &HeaderMap::new()).expect("a cookie");
    let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    let headers = HeaderMap::from_iter([(http::header::COOKIE, pair.parse().unwrap())]);
    let wish = upstream.wish(&who, &headers);
    assert!((0..50).all(|_| upstream.pick(Set::default(), wish).map(|(i, _)| i) == Some(2)));
    assert!(upstream.cookie(&who, wish, 2, &HeaderMap::new()).is_none(), "it is there already");
    upstream.endpoints[2].set_up(false);
    let (moved, _) = upstream.pick(Set::default(), wish).expect("another one");
    assert!(moved != 2 && upstream.cookie(&who, wish, moved, &HeaderMap::new()).is_some());
    let plain = Client { https: false, ..who };
    assert!(upstream.cookie(&plain, Wish::default(), 1, &HeaderMap::new()).is_none());
}

#[test]
fn places_and_what_was_learned_live_on_over_reloads() {
    let before = upstream(2, "requests_max = 3");
    let taken: Vec<_> = (0..3).filter_map(|_| before.live.places.try_take()).collect();
    let config = UpstreamConfig::of("endpoints = [\"http://127.0.0.1:9001\"]\nrequests_max = 4");
    let after = Upstream::new(config, Some(&before), &support()).expect("an upstream");
    after.enter_force();
    assert!(Arc::ptr_eq(&before.endpoints[1], &after.endpoints[0]));
    let more: Vec<_> = (0..4).filter_map(|_| after.live.places.try_take()).collect();
    assert_eq!((taken.len(), more.len()), (3, 1), "what is in flight counts on");
}

#[test]
fn another_protocol_needs_other_connections() {
    let before = upstream(1, "");
    let config = UpstreamConfig::of("endpoints = [\"http://127.0.0.1:9000\"]\nprotocol = \"http2\"");
    let after = Upstream::new(config, Some(&before), &support()).expect("an upstream");
    assert!(!Arc::ptr_eq(&before.endpoints[0], &after.endpoints[0]));
}
