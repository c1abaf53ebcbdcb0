//! Responses of every shape keep their meaning on the way to the customer.

use gabion_test::{Shop, body};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::front::{Front, Setup, get, get2, soon};

/// An edge before a shop that answers every request with these bytes.
async fn before_bytes(answer: &'static str) -> Front {
    let address = gabion_test::shop::raw(move |mut stream: TcpStream, _| async move {
        while !gabion_test::shop::read_head(&mut stream).await.is_empty() {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    Setup::at(address).start()
}

#[tokio::test]
async fn a_response_to_head_keeps_its_length_and_has_no_body() {
    let front = before_bytes("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\netag: \"a\"\r\n\r\n").await;
    let mut wire = front.tls().await;
    let head = "HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    for _ in 0..2 {
        wire.send(head).await;
        let head = soon(wire.head()).await.unwrap();
        assert_eq!((head.status, head.header("content-length"), head.header("etag")), (200, "1234", "\"a\""));
    }
    let mut request = get2("/");
    *request.method_mut() = Method::HEAD;
    let answer = soon(front.http2().await.send_request(request)).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "1234");
    assert!(soon(answer.into_body().collect()).await.unwrap().to_bytes().is_empty());
    assert_eq!(front.edge.upstreams()[0].endpoints[0].idle_connections, 1);
}

#[tokio::test]
async fn a_response_to_head_of_unknown_length_claims_none() {
    let front = before_bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut wire = front.tls().await;
    for _ in 0..2 {
        wire.send("HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
        assert_eq!(soon(wire.head()).await.unwrap().header("content-length"), "");
    }
}

#[tokio::test]
async fn no_content_and_not_modified_have_no_body() {
    let front = before_bytes("HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n").await;
    let mut wire = front.tls().await;
    for _ in 0..2 {
        let answer = soon(wire.ask(get("/", ""))).await;
        assert_eq!((answer.status, answer.header("content-length"), answer.header("x-a")), (204, "", "1"));
    }
    let front = before_bytes("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 99\r\n\r\n").await;
    let mut wire = front.tls().await;
    for _ in 0..2 {
        wire.send(get("/", "If-None-Match: \"a\"\r\n")).await;
        let head = soon(wire.head()).await.unwrap();
        assert_eq!((head.status, head.header("etag")), (304, "\"a\""));
    }
    let answer = soon(front.http2().await.send_request(get2("/"))).await.unwrap();
    assert_eq!(answer.status(), 304);
    assert!(soon(answer.into_body().collect()).await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn framing_of_the_shop_becomes_framing_for_the_customer() {
    for (answer, framing) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nteas", ("4", "")),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nte\r\n2\r\nas\r\n0\r\n\r\n",
            ("", "chunked"),
        ),
    ] {
        let front = before_bytes(answer).await;
        let mut wire = front.tls().await;
        for _ in 0..2 {
            let answer = soon(wire.ask(get("/", ""))).await;
            assert_eq!(answer.text(), "teas");
            assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), framing);
        }
        let answer = soon(front.http2().await.send_request(get2("/"))).await.unwrap();
        assert!(!answer.headers().contains_key("transfer-encoding"));
        assert_eq!(soon(answer.into_body().collect()).await.unwrap().to_bytes(), "teas");
    }
}

#[tokio::test]
async fn a_shop_that_ends_its_body_by_closing_is_understood() {
    let address = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nteas").await.unwrap();
    })
    .await;
    let front = Setup::at(address).start();
    let mut wire = front.tls().await;
    for _ in 0..2 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "teas");
    }
}

#[tokio::test]
async fn http_1_0_customers_get_bodies_without_chunks_and_a_closed_connection() {
    let front =
        before_bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nteas\r\n0\r\n\r\n").await;
    let mut wire = front.tls().await;
    wire.send("GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n").await;
    let head = soon(wire.head()).await.unwrap();
    assert_eq!((head.version.as_str(), head.status, head.header("transfer-encoding")), ("HTTP/1.0", 200, ""));
    assert_eq!(soon(wire.rest()).await, b"teas");
}

#[tokio::test]
async fn interim_responses_of_the_shop_do_not_break_the_final_one() {
    let front = before_bytes(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nteas",
    )
    .await;
    let mut wire = front.tls().await;
    for _ in 0..2 {
        let answer = soon(wire.ask(get("/", ""))).await;
        assert_eq!((answer.status, answer.text(), answer.header("link")), (200, "teas", ""));
    }
    assert_eq!(soon(front.http2().await.send_request(get2("/"))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_customer_who_waits_for_100_continue_is_asked_for_the_body() {
    let shop = Shop::start(|request: Request<Incoming>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok(Response::new(body::whole(body)))
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(soon(wire.head()).await.unwrap().status, 100);
    wire.send("teas").await;
    assert_eq!(soon(wire.response()).await.unwrap().text(), "teas");
    assert_eq!(shop.only().header("expect"), "");
}

#[tokio::test]
async fn a_body_that_would_be_refused_is_not_asked_for() {
    let shop = Shop::start(|_: Request<Incoming>| async { Ok(Response::new(body::empty())) }).await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 3").start();
    let mut wire = front.tls().await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(soon(wire.head()).await.unwrap().status, 413);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn many_header_fields_of_one_name_stay_apart() {
    let front =
        before_bytes("HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n")
            .await;
    let answer = front.get("/").await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let shop = Shop::start(|request: Request<Incoming>| async move {
        Ok(Response::new(body::whole(request.uri().to_string())))
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(["/1", "/2", "/3"].map(|path| get(path, "")).concat()).await;
    for path in ["/1", "/2", "/3"] {
        assert_eq!(soon(wire.response()).await.unwrap().text(), path);
    }
}
