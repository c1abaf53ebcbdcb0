//! Limits on request bodies, and customers who are too slow.

use bytes::Bytes;
use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::front::{Setup, field, get, soon};

/// A shop that reads the whole body and says how long it was.
async fn measuring_shop() -> Shop {
    Shop::start(|request: Request<Incoming>| async move {
        match request.into_body().collect().await {
            Ok(body) => Ok(Response::new(body::whole(body.to_bytes().len().to_string()))),
            Err(_) => Err(body::Broken),
        }
    })
    .await
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[tokio::test]
async fn a_declared_length_above_the_limit_is_refused_before_the_shop_is_asked() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 10").start();
    let mut wire = front.tls().await;
    wire.send(format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 11\r\n\r\n{SMUGGLED}")).await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (413, "close"));
    assert!(soon(wire.rest()).await.is_empty(), "nothing behind the body is answered");
    assert_eq!(shop.requests(), 0);
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "reason"), "request body above 10 bytes");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 10").start();
    let mut wire = front.tls().await;
    let answer =
        soon(wire.ask("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\n0123456789")).await;
    assert_eq!((answer.status, answer.text()), (200, "10"));
    let chunked = "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n";
    assert_eq!(soon(wire.ask(chunked)).await.text(), "10");
}

#[tokio::test]
async fn a_chunked_body_is_cut_at_the_limit_and_the_connection_closed() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 10").start();
    let mut wire = front.tls().await;
    wire.send(format!(
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n\
         b\r\n01234567890\r\n0\r\n\r\n{SMUGGLED}"
    ))
    .await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (413, "close"));
    assert!(soon(wire.rest()).await.is_empty());
    assert!(shop.seen().iter().all(|seen| seen.target == "/"));
    assert_eq!(front.edge.upstreams()[0].endpoints[0].failures, 0, "that was not the shop's fault");
}

#[tokio::test]
async fn the_same_over_http2_leaves_the_connection_usable() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 10").start();
    let mut sender = front.http2().await;
    let (mut feed, body) = body::fed();
    let answer = sender.send_request(Request::post("https://shop.example/").body(body).unwrap());
    feed.send_data(Bytes::from("01234567890")).await.unwrap();
    assert_eq!(soon(answer).await.unwrap().status(), 413);
    let request = Request::post("https://shop.example/").body(body::whole("0123456789")).unwrap();
    assert_eq!(soon(sender.send_request(request)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_large_upload_that_is_refused_still_gets_its_answer() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 10").start();
    for _ in 0..20 {
        let mut wire = front.tls().await;
        let head = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1000000\r\n\r\n";
        wire.send(head).await;
        // Sent without looking, as browsers do; the edge may have closed its side meanwhile.
        for _ in 0..10 {
            if wire.try_send(vec![b'x'; 100_000]).await.is_err() {
                break;
            }
        }
        assert_eq!(soon(wire.response()).await.unwrap().status, 413);
    }
}

#[tokio::test]
async fn a_customer_who_stops_in_the_middle_of_a_body_gets_408() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).limits("body_idle_seconds = 1").start();
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\n01234").await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, "close"));
    assert!(soon(wire.rest()).await.is_empty());
    assert_eq!(front.edge.upstreams()[0].endpoints[0].failures, 0);
    let (_feed, body) = body::fed();
    let mut sender = front.http2().await;
    let request = Request::post("https://shop.example/").body(body).unwrap();
    assert_eq!(soon(sender.send_request(request)).await.unwrap().status(), 408);
}

#[tokio::test]
async fn a_customer_who_never_finishes_a_head_is_closed() {
    let shop = measuring_shop().await;
    let front = Setup::of(&[&shop]).limits("head_timeout_seconds = 1").start();
    let (mut silent, mut half) = (front.tls().await, front.plain().await);
    half.send("GET / HTTP/1.1\r\nHost: plain.exa").await;
    let (silent, half) = soon(async { tokio::join!(silent.rest(), half.rest()) }).await;
    assert!(silent.is_empty());
    assert!(half.is_empty() || half.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&half));
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_passes_and_nothing_is_smuggled() {
    let shop = Shop::start(|_: Request<Incoming>| async { Ok(Response::new(body::whole("early"))) }).await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    let half = "POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1000000\r\n\r\nhalf";
    assert_eq!(soon(wire.ask(half)).await.text(), "early");
    let mut next = front.tls().await;
    for _ in 0..3 {
        assert_eq!(soon(next.ask(get("/next", ""))).await.text(), "early");
    }
    let targets: Vec<_> = shop.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/up", "/next", "/next", "/next"]);
}

#[tokio::test]
async fn a_customer_who_breaks_off_an_upload_breaks_it_for_the_shop_too() {
    let (told, mut outcome) = tokio::sync::mpsc::unbounded_channel();
    let shop = Shop::start(move |request: Request<Incoming>| {
        let told = told.clone();
        async move {
            let body = request.into_body().collect().await;
            told.send(body.map(|body| body.to_bytes().len()).map_err(|error| error.to_string())).unwrap();
            Ok(Response::new(body::empty()))
        }
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    for body in ["Content-Length: 10\r\n\r\n01234", "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"] {
        let mut wire = front.tls().await;
        wire.send(format!("POST / HTTP/1.1\r\nHost: shop.example\r\n{body}")).await;
        soon(async {
            while shop.requests() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        drop(wire);
        assert!(soon(outcome.recv()).await.unwrap().is_err(), "half a body must not look whole: {body}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_gets_408_and_a_slow_shop_is_nobodys_fault() {
    let shop = measuring_shop().await;
    let setup = Setup::of(&[&shop]).limits("body_rate_min = 1000").limits("body_rate_grace_seconds = 1");
    let front = setup.start();
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n").await;
    let trickle = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(100));
        while wire.try_send([b'x'; 10]).await.is_ok()
            && front.edge.metrics().refused.load(std::sync::atomic::Ordering::Relaxed) == 0
        {
            tick.tick().await;
        }
    };
    soon(trickle).await;
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, "close"));
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "reason"), "client sent its body at less than 1000 bytes a second");
    assert_eq!(front.edge.metrics().bodies_slow.load(std::sync::atomic::Ordering::Relaxed), 1);
    let shop = Shop::start(|request: Request<Incoming>| async move {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        let body = request.into_body().collect().await.map_err(|_| body::Broken)?;
        Ok(Response::new(body::whole(body.to_bytes().len().to_string())))
    })
    .await;
    let front = Setup { endpoints: vec![shop.url()], ..setup }.start();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4000000\r\n\r\n{}",
        "x".repeat(4_000_000)
    );
    assert_eq!(soon(front.tls().await.ask(request)).await.text(), "4000000");
}
