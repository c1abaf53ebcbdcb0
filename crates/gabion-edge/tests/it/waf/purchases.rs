//! Visitors who would have been stopped and then buy something: probably false alarms.

use std::sync::atomic::Ordering;

use gabion_test::{Shop, body};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{ESCAPED, rules};
use crate::front::{Front, Setup, entity, field, get, soon};

const TOLD: &str = "waf.flagged_visitor_bought";

/// A shop without orders that begin with a 4, which sends whoever asks for 3 elsewhere.
async fn shop() -> Shop {
    Shop::start(|request: Request<Incoming>| async move {
        let mut response = Response::new(body::whole("tea"));
        if request.uri().path().starts_with("/checkout/finish/4") {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        if request.uri().path() == "/checkout/finish/3" {
            *response.status_mut() = StatusCode::FOUND;
        }
        Ok(response)
    })
    .await
}

fn front(more: &str, shop: &Shop) -> Front {
    Setup::of(&[shop]).waf(&format!("mode = \"detect\"\n{more}"), &rules()).start()
}

async fn ask(front: &Front, path: &str, agent: &str) -> String {
    let request = get(path, &format!("User-Agent: {agent}\r\n"));
    soon(front.tls().await.ask(request)).await.header("x-request-id").to_owned()
}

fn counts(front: &Front) -> (u64, u64) {
    let metrics = front.edge.metrics();
    let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    (count(&metrics.waf_purchases), count(&metrics.waf_flagged_bought))
}

#[tokio::test]
async fn a_visitor_who_would_have_been_stopped_and_then_buys_is_told() {
    let shop = shop().await;
    let front = front("", &shop);
    let search = format!("/search?q={ESCAPED}");
    let flagged = ask(&front, &search, "Firefox").await;
    ask(&front, &search, "Firefox").await;
    let bought = ask(&front, "/de/checkout/finish/7", "Firefox").await;
    ask(&front, "/de/checkout/finish/8", "Firefox").await;
    let told: Vec<_> = front.events.all().into_iter().filter(|event| event.kind == TOLD).collect();
    assert_eq!(told.len(), 1, "one visitor, one finding");
    assert_eq!(entity(&told[0], "request"), bought);
    for (name, expected) in [
        ("flagged_request", flagged.as_str()),
        ("path", "/search"),
        ("rules", "10 ARGS:q, 11 ARGS:q, 90 TX:blocking_inbound_anomaly_score"),
        ("message", "SQL injection"),
        ("bought", "/de/checkout/finish/7"),
        ("address", "127.0.0.1"),
    ] {
        assert_eq!(field(&told[0], name), expected, "{name}");
    }
    assert_eq!(counts(&front), (2, 1));
    let mut page = gabion_edge::metrics::prometheus::Exposition::default();
    front.edge.expose(&mut page);
    assert!(page.finish().contains("gabion_waf_flagged_visitors_bought_total 1"));
}

#[tokio::test]
async fn others_failures_and_attacks_on_the_page_itself_are_no_purchases() {
    let shop = shop().await;
    let front = front("", &shop);
    ask(&front, &format!("/search?q={ESCAPED}"), "Firefox").await;
    ask(&front, "/checkout/finish/7", "Chrome").await;
    ask(&front, "/checkout/finish/404", "Firefox").await;
    ask(&front, "/checkout/finish/3", "Firefox").await;
    ask(&front, "/checkout/finished", "Firefox").await;
    ask(&front, &format!("/checkout/finish?id={ESCAPED}"), "sqlmap").await;
    assert!(front.events.all().iter().all(|event| event.kind != TOLD));
    assert_eq!(counts(&front), (2, 0));
}

#[tokio::test]
async fn the_operator_names_the_pages() {
    let shop = shop().await;
    let front = front("bought = [\"/danke\"]", &shop);
    ask(&front, &format!("/search?q={ESCAPED}"), "Firefox").await;
    ask(&front, "/checkout/finish/7", "Firefox").await;
    ask(&front, "/danke/7", "Firefox").await;
    assert_eq!(field(&front.events.first(TOLD).await, "bought"), "/danke/7");
    assert_eq!(counts(&front), (1, 1));
    let refused = Setup::of(&[&shop]).waf("bought = [\"danke\"]", &rules()).check().err().unwrap();
    assert!(refused.message.starts_with("bought: \"danke\" is no page"), "{}", refused.message);
}
