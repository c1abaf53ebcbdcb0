//! Answers of the shop before the rules.

use bytes::Bytes;
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;

use super::rules_with;
use crate::front::{Front, Setup, field, get, soon};

const LEAK: &str = "<h1>Sorry</h1> SQLSTATE[42000]: Syntax error";

fn front(mode: &str, shop: &Shop) -> Front {
    let rules = rules_with("SecResponseBodyAccess On", gabion_waf::Services::default());
    Setup::of(&[shop]).waf(&format!("mode = \"{mode}\"\nresponses = true"), &rules).start()
}

async fn shop(kind: &'static str, body: impl Into<Bytes> + Clone + Send + Sync + 'static) -> Shop {
    Shop::start(move |_: Request<Incoming>| {
        let body = body::whole(body.clone());
        async move { Ok(Response::builder().header("content-type", kind).body(body).unwrap()) }
    })
    .await
}

#[tokio::test]
async fn a_leak_is_withheld_on_block_and_passes_on_detect() {
    for (mode, status, kind) in
        [("block", 502, "waf.blocked"), ("learn", 200, "waf.flagged"), ("detect", 200, "waf.flagged")]
    {
        let shop = shop("text/html", LEAK).await;
        let front = front(mode, &shop);
        let answer = soon(front.tls().await.ask(get("/", "Accept-Encoding: gzip\r\n"))).await;
        assert_eq!(answer.status, status, "{mode}");
        assert_eq!(answer.text().contains("SQLSTATE"), status == 200);
        assert_eq!(field(&front.events.first(kind).await, "phase"), "4");
        assert_eq!(shop.only().header("accept-encoding"), "", "compressed answers cannot be inspected");
    }
}

#[tokio::test]
async fn what_is_no_text_is_not_held() {
    let shop = shop("image/png", LEAK).await;
    assert_eq!(front("block", &shop).get("/").await.text(), LEAK);
}

#[tokio::test]
async fn a_long_answer_is_inspected_as_far_as_the_rules_say_and_passes_whole() {
    let long = "x".repeat(300_000);
    let shop = shop("text/html", long.clone()).await;
    let front = front("block", &shop);
    let answer = front.get("/").await;
    assert!(answer.text() == long, "{} bytes", answer.text().len());
    assert_eq!(answer.header("content-length"), "300000");
    assert_eq!(field(&front.events.first("waf.partial").await, "what"), "response_body");
}

#[tokio::test]
async fn streams_of_events_are_not_held() {
    let (mut feed, body) = body::fed();
    let body = std::sync::Mutex::new(Some(body));
    let shop = Shop::start(move |_: Request<Incoming>| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok(Response::builder().header("content-type", "text/event-stream").body(body).unwrap()) }
    })
    .await;
    let rules =
        rules_with("SecResponseBodyAccess On\nSecResponseBodyMimeType */*", gabion_waf::Services::default());
    let front = Setup::of(&[&shop]).waf("mode = \"block\"\nresponses = true", &rules).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    feed.send_data(Bytes::from("data: one\n\n")).await.unwrap();
    assert_eq!(soon(wire.head()).await.unwrap().status, 200);
    assert_eq!(soon(wire.chunk()).await.unwrap().unwrap(), b"data: one\n\n");
}

#[tokio::test]
async fn an_answer_that_breaks_off_while_it_is_held_breaks_off_for_the_customer() {
    let shop = Shop::start(|_: Request<Incoming>| async {
        let (mut feed, body) = body::fed();
        tokio::spawn(async move {
            feed.send_data(Bytes::from("half")).await.unwrap();
            feed.abort(body::Broken);
        });
        Ok(Response::builder().header("content-type", "text/html").body(body).unwrap())
    })
    .await;
    let front = front("block", &shop);
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    assert!(soon(wire.response()).await.is_err());
}
