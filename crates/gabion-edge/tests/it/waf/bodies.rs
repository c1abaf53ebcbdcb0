//! Bodies wait for their verdict, bounded, and reach the shop as they came.

use bytes::Bytes;
use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{ESCAPED, FORM, echo, front, post, rules};
use crate::front::{Setup, field, soon};

/// Bytes that repeat nowhere soon, so that an exchanged piece is seen.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[tokio::test]
async fn a_body_that_is_held_in_a_file_reaches_the_shop_unchanged() {
    let shop = echo().await;
    let front = front("block", &shop);
    for length in [65_536, 65_537, 700_001] {
        let body = noise(length);
        let answer = soon(front.tls().await.ask(post("application/octet-stream", &body))).await;
        assert!(answer.status == 200 && answer.body == body, "{length}");
    }
    assert!(shop.seen().iter().all(|seen| !seen.header("content-length").is_empty()));
}

#[tokio::test]
async fn an_attack_at_the_end_of_a_long_body_is_stopped() {
    let shop = echo().await;
    let front = front("block", &shop);
    let body = format!("text={}&note={ESCAPED}", "a+b+".repeat(50_000));
    assert_eq!(soon(front.tls().await.ask(post(FORM, body))).await.status, 403);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_or_inspected_in_part_as_the_route_says() {
    let shop = echo().await;
    let front = Setup::of(&[&shop])
        .waf("mode = \"block\"", &rules())
        .more("[[route]]\npath = \"/upload\"\nupstream = \"shop\"\nwaf_over_limit = \"partial\"")
        .start();
    let body = noise(10 << 20);
    let put = |path: &str| {
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    };
    let mut wire = front.tls().await;
    // The answer may come before all was sent.
    let _ = wire.try_send(put("/else")).await;
    assert_eq!(soon(wire.response()).await.unwrap().status, 413);
    assert_eq!(shop.requests(), 0);
    let event = front.events.first("waf.partial").await;
    assert_eq!((field(&event, "what").as_str(), field(&event, "refused").as_str()), ("request_body", "true"));
    let answer = soon(front.tls().await.ask(put("/upload"))).await;
    assert!(answer.status == 200 && answer.body == body);
    let told = front.events.all().into_iter().rfind(|event| event.kind == "waf.partial").unwrap();
    assert_eq!(field(&told, "refused"), "false");
}

#[tokio::test]
async fn learning_refuses_no_body_for_its_size() {
    let shop = echo().await;
    let front = front("learn", &shop);
    let body = noise(2 << 20);
    let answer = soon(front.tls().await.ask(post("image/png", &body))).await;
    assert!(answer.status == 200 && answer.body == body);
    assert_eq!(field(&front.events.first("waf.partial").await, "refused"), "false");
}

#[tokio::test]
async fn too_many_parameters_and_too_deep_json_are_refused() {
    let shop = echo().await;
    let front = front("block", &shop);
    let parameters = vec!["a=b"; 100_000].join("&");
    assert_eq!(soon(front.tls().await.ask(post(FORM, parameters))).await.status, 413);
    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    assert_eq!(soon(front.tls().await.ask(post("application/json", deep))).await.status, 400);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_slow_body_ends_as_without_the_waf() {
    let shop = echo().await;
    let front = Setup::of(&[&shop]).limits("body_idle_seconds = 1").waf("mode = \"block\"", &rules()).start();
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\n01234").await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, "close"));
    let mut broken = front.tls().await;
    broken.send("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    assert_eq!(soon(broken.response()).await.unwrap().status, 400);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn limits_of_the_route_hold_while_a_body_is_held() {
    let shop = echo().await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 10").waf("mode = \"block\"", &rules()).start();
    assert_eq!(soon(front.tls().await.ask(post(FORM, "a=345678901"))).await.status, 413);
    let chunked = "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n\
                   b\r\n01234567890\r\n0\r\n\r\n";
    assert_eq!(soon(front.tls().await.ask(chunked)).await.status, 413);
    assert_eq!(soon(front.tls().await.ask(post(FORM, "a=34567890"))).await.status, 200);
}

#[tokio::test]
async fn who_expects_a_hundred_gets_it_and_trailers_arrive() {
    let shop = Shop::start(|request: Request<Incoming>| async {
        let collected = request.into_body().collect().await.unwrap();
        let trailers = format!("{:?}", collected.trailers());
        Ok(Response::new(body::whole(trailers)))
    })
    .await;
    let front = front("block", &shop);
    let mut wire = front.tls().await;
    wire.send(
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\
         Expect: 100-continue\r\n\r\n",
    )
    .await;
    assert_eq!(soon(wire.head()).await.unwrap().status, 100);
    wire.send("3\r\ntea\r\n0\r\nx-sum: 7\r\n\r\n").await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!(answer.text(), "Some({\"x-sum\": \"7\"})");
    assert_eq!(shop.only().header("transfer-encoding"), "chunked");
}

#[tokio::test]
async fn the_shop_hears_nothing_of_a_request_before_all_of_its_body_was_inspected() {
    let shop = echo().await;
    let front = front("block", &shop);
    let (mut feed, body) = body::fed();
    let request = Request::post("https://shop.example/").header("content-type", FORM).body(body).unwrap();
    let mut sender = front.http2().await;
    let answer = sender.send_request(request);
    feed.send_data(Bytes::from("note=1%27%20UNION%20SELECT")).await.unwrap();
    feed.send_data(Bytes::from("%20login%20FROM%20users--")).await.unwrap();
    assert_eq!(shop.requests(), 0);
    drop(feed);
    assert_eq!(soon(answer).await.unwrap().status(), 403);
    assert_eq!(shop.requests(), 0);
}
