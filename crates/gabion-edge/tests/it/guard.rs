//! The head guard as clients and operators meet it: every fault has its status and its reason, and nothing of a
//! refused request reaches the shop.

mod corpus;

use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::front::{Front, Setup, field, get, shop, soon};

/// Sends bytes and reads all that comes until the connection is closed.
async fn talk(front: &Front, bytes: &str) -> String {
    let mut wire = front.plain().await;
    wire.send(bytes).await;
    String::from_utf8_lossy(&soon(wire.rest()).await).into_owned()
}

#[track_caller]
fn status(answer: &str) -> u16 {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

#[tokio::test]
async fn every_fault_has_its_status_and_its_reason() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let host = "Host: plain.example\r\n";
    let cases = [
        (
            format!("GET /a?secret HTTP/1.1\n{host}\r\n"),
            400,
            "a line that does not end in CR LF",
            "GET",
            "/a",
        ),
        (
            format!("GET /b HTTP/1.1\r\n{host}X: \u{1}\r\n\r\n"),
            400,
            "a control character in the head",
            "GET",
            "/b",
        ),
        (format!("TRACE /c HTTP/1.1\r\n{host}\r\n"), 405, "a method that is not forwarded", "TRACE", "/c"),
        (format!("brew /pot HTTP/1.1\r\n{host}\r\n"), 501, "an unknown method", "brew", "/pot"),
        (
            format!("GET /d HTTP/2.0\r\n{host}\r\n"),
            505,
            "a version other than HTTP/1.0 and HTTP/1.1",
            "GET",
            "/d",
        ),
        (
            format!("GET /<e> HTTP/1.1\r\n{host}\r\n"),
            400,
            "a byte in the target that must be escaped",
            "GET",
            "/<e>",
        ),
        (
            format!("GET /4111111111111111%zz HTTP/1.1\r\n{host}\r\n"),
            400,
            "malformed escape in the path",
            "GET",
            "/[card …1111]%zz",
        ),
        (
            format!("POST /f HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n"),
            501,
            "a transfer coding other than chunked",
            "POST",
            "/f",
        ),
        (
            format!("POST /g HTTP/1.1\r\n{host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400,
            "both Content-Length and Transfer-Encoding",
            "POST",
            "/g",
        ),
        (
            format!("POST /h HTTP/1.1\r\n{host}Content_Length: 1\r\n\r\n"),
            400,
            "a field name that looks like one of framing",
            "POST",
            "/h",
        ),
        (
            format!("POST /i HTTP/1.1\r\n{host}Expect: the best\r\n\r\n"),
            417,
            "unknown expectation",
            "POST",
            "/i",
        ),
        ("GET /j HTTP/1.1\r\n\r\n".to_owned(), 400, "no Host header", "GET", "/j"),
        ("\u{16}\u{3}\u{1}".to_owned(), 400, "a control character in the head", "\\x16\\x03\\x01", ""),
    ];
    for (bytes, code, reason, method, path) in cases {
        let before = front.events.all().len();
        let answer = talk(&front, &bytes).await;
        assert_eq!(status(&answer), code, "{bytes:?}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{bytes:?}: {answer}");
        let event = front.events.all().swap_remove(before);
        assert_eq!(event.kind, "edge.request_refused");
        assert_eq!(field(&event, "reason"), format!("bad request: {reason}"), "{bytes:?}");
        assert_eq!(
            (field(&event, "method").as_str(), field(&event, "path").as_str()),
            (method, path),
            "{bytes:?}"
        );
    }
    assert_eq!(shop.requests(), 0);
    assert_eq!(front.edge.metrics().malformed.load(std::sync::atomic::Ordering::Relaxed), 13);
}

#[tokio::test]
async fn earlier_answers_come_before_a_refusal_and_nothing_after_it() {
    let shop = shop("tea").await;
    let front = Setup::of(&[&shop]).start();
    let good = "GET /good HTTP/1.1\r\nHost: plain.example\r\n\r\n";
    let answers =
        talk(&front, &format!("{good}{good}GET /bad HTTP/1.1\nHost: plain.example\r\n\r\n{good}")).await;
    let statuses: Vec<_> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answers[at..])).collect();
    assert_eq!(statuses, [200, 200, 400], "{answers}");
    assert_eq!(shop.requests(), 2);
}

#[tokio::test]
async fn a_slow_head_is_answered_408() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("head_timeout_seconds = 1").start();
    let mut wire = front.plain().await;
    assert_eq!(soon(wire.ask("GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n")).await.status, 200);
    wire.send("GET /slow HTTP/1.1\r\nHost: plain.exa").await;
    let answer = String::from_utf8_lossy(&soon(wire.rest()).await).into_owned();
    assert_eq!(status(&answer), 408);
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "reason"), "bad request: head did not arrive in time");
    assert_eq!(field(&event, "path"), "/slow");
}

#[tokio::test]
async fn a_connection_that_is_silent_between_requests_is_closed_without_a_word() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("keepalive_idle_seconds = 1").start();
    let mut wire = front.tls().await;
    for _ in 0..2 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    }
    assert!(soon(wire.rest()).await.is_empty());
    assert!(front.events.all().is_empty());
}

#[tokio::test]
async fn an_answer_may_take_longer_than_the_silence_between_requests() {
    let shop = Shop::start(|_: Request<Incoming>| async {
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        Ok(Response::new(body::whole("at last")))
    })
    .await;
    let limits = "keepalive_idle_seconds = 1\nhead_timeout_seconds = 1";
    let front = Setup::of(&[&shop]).limits(limits).start();
    assert_eq!(front.get("/").await.text(), "at last");
}

#[tokio::test]
async fn a_broken_chunk_breaks_the_body_for_the_shop_and_is_told_as_what_it_is() {
    let (told, mut outcome) = tokio::sync::mpsc::unbounded_channel();
    let shop = Shop::start(move |request: Request<Incoming>| {
        let told = told.clone();
        async move {
            told.send(request.into_body().collect().await.is_ok()).unwrap();
            Err(body::Broken)
        }
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.plain().await;
    wire.send("POST /up HTTP/1.1\r\nHost: plain.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await;
    soon(async {
        while shop.requests() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    wire.send("1 \r\na\r\n0\r\n\r\n").await;
    let answer = String::from_utf8_lossy(&soon(wire.rest()).await).into_owned();
    assert_eq!(status(&answer), 400);
    assert_eq!(soon(outcome.recv()).await, Some(false), "half a body must not look whole");
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "reason"), "bad request: malformed chunk size");
    assert_eq!(field(&event, "path"), "/up");
}

#[tokio::test]
async fn encoded_bodies_are_refused_unless_the_route_takes_them() {
    let shop = shop("ok").await;
    let request =
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1\r\nContent-Encoding: gzip\r\n\r\nx";
    let front = Setup::of(&[&shop]).start();
    let answer = soon(front.tls().await.ask(request)).await;
    assert_eq!((answer.status, answer.header("connection")), (415, "close"));
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "reason"), "encoded request body");
    let plain = request.replace("gzip", "identity");
    assert_eq!(soon(front.tls().await.ask(plain)).await.status, 200);
    let front = Setup::of(&[&shop]).route("encoded_bodies = \"pass\"").start();
    assert_eq!(soon(front.tls().await.ask(request)).await.status, 200);
    assert_eq!(shop.seen()[1].header("content-encoding"), "gzip");
}

#[tokio::test]
async fn http2_is_held_against_the_same_rules() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut sender = front.http2().await;
    let at = |path: &str| Request::get(format!("https://shop.example{path}"));
    for (request, code) in [
        (at("/").method("TRACE"), 405),
        (at("/%zz"), 400),
        (at("/{a}"), 400),
        (at("/").header("host", "evil.example"), 400),
        (at("/").header("content_length", "1"), 400),
        (at("/").header("content-encoding", "br"), 415),
        (at(&format!("/{}", "a".repeat(17 * 1024))), 414),
        (at("/?a[]=b|c").header("host", "shop.example"), 200),
    ] {
        let request = request.body(body::empty()).unwrap();
        let shown = format!("{request:?}");
        assert_eq!(soon(sender.send_request(request)).await.unwrap().status(), code, "{shown}");
    }
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn one_empty_line_before_a_request_is_tolerated() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    for _ in 0..2 {
        assert_eq!(soon(wire.ask(format!("\r\n{}", get("/", "")))).await.status, 200);
    }
    assert_eq!(soon(wire.ask(format!("\r\n\r\n{}", get("/", "")))).await.status, 400);
}

#[tokio::test]
async fn bodies_of_any_method_pass_when_they_are_framed() {
    let shop = Shop::start(|request: Request<Incoming>| async {
        let whole = request.into_body().collect().await.unwrap().to_bytes();
        Ok(Response::new(body::whole(String::from_utf8(whole.to_vec()).unwrap())))
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    for method in ["GET", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: shop.example\r\n");
        assert_eq!(
            soon(wire.ask(format!("{head}Content-Length: 4\r\n\r\nbody"))).await.text(),
            "body",
            "{method}"
        );
        let chunked = "Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n";
        assert_eq!(soon(wire.ask(head + chunked)).await.text(), "body", "{method}");
    }
}
