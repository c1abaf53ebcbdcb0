//! Requests that are no requests: a clear 4xx or a closed connection, and never anything at the shop.

use gabion_test::Shop;

use crate::front::{Front, Setup, shop, soon};

async fn start() -> (Shop, Front) {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    (shop, front)
}

/// Sends bytes, then says the status line (empty when there was none) once the connection was closed.
async fn refused(front: &Front, bytes: &[u8]) -> String {
    let mut wire = front.plain().await;
    wire.send(bytes).await;
    let rest = String::from_utf8_lossy(&soon(wire.rest()).await).into_owned();
    rest.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn malformed_heads_are_refused_and_the_connection_is_closed() {
    let (shop, front) = start().await;
    let host = "Host: plain.example\r\n";
    let mut count = 0;
    for bytes in [
        format!("G<T / HTTP/1.1\r\n{host}\r\n"),
        format!("GET\r\n{host}\r\n"),
        format!(" GET / HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}Bad Name: 1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}Bad\0: 1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X-A: a\0b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X-A : 1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X-A: 1\r\n folded\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}no colon\r\n\r\n"),
        format!("GET / HTTP/3.1\r\n{host}\r\n"),
        format!("GET / HTTX/1.1\r\n{host}\r\n"),
        format!("GET /\0 HTTP/1.1\r\n{host}\r\n"),
        format!("GET /a b HTTP/1.1\r\n{host}\r\n"),
        format!("GET /\\.gabion HTTP/1.1\r\n{host}\r\n"),
        format!("GET /#a HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1\n{host}\r\n"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET plain.example HTTP/1.1\r\nX: \u{1}\r\n{host}\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: +1\r\n\r\na"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        format!("POST / HTTP/1.1\r\n{host}Content-Length: 99999999999999999999\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked, gzip\r\n\r\n"),
        format!("POST / HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let line = refused(&front, bytes.as_bytes()).await;
        assert!(line.starts_with("HTTP/1.1 4") || line.starts_with("HTTP/1.1 50"), "{bytes:?}: {line}");
        count += 1;
    }
    assert_eq!(shop.requests(), 0);
    assert_eq!(front.events.all().len(), count, "each of them is an event");
}

#[tokio::test]
async fn heads_above_the_limit_are_431() {
    let (shop, front) = start().await;
    let long = format!("GET / HTTP/1.1\r\nHost: plain.example\r\nX-A: {}\r\n\r\n", "a".repeat(100 * 1024));
    let line = refused(&front, long.as_bytes()).await;
    assert!(line.starts_with("HTTP/1.1 431 "), "{line}");
    let many = format!("GET / HTTP/1.1\r\nHost: plain.example\r\n{}\r\n", "X-A: 1\r\n".repeat(200));
    let line = refused(&front, many.as_bytes()).await;
    assert!(line.starts_with("HTTP/1.1 431 "), "{line}");
    let target = format!("GET /{} HTTP/1.1\r\nHost: plain.example\r\n\r\n", "a".repeat(70 * 1024));
    let line = refused(&front, target.as_bytes()).await;
    assert!(line.starts_with("HTTP/1.1 414 "), "{line}");
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn malformed_chunks_break_the_request_and_nothing_behind_them_is_a_request() {
    let (shop, front) = start().await;
    for chunks in [
        "x\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcdef\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "ffffffffffffffffff\r\n\r\n",
        "3;\n\r\nabc",
    ] {
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: plain.example\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}\
             GET /smuggled HTTP/1.1\r\nHost: plain.example\r\n\r\n"
        );
        let mut wire = front.plain().await;
        wire.send(bytes).await;
        let text = String::from_utf8_lossy(&soon(wire.rest()).await).into_owned();
        assert!(text.matches("HTTP/1.1 ").count() == 1, "{chunks:?}: {text}");
    }
    assert!(shop.seen().iter().all(|seen| seen.target == "/"), "{:?}", shop.seen());
}

#[tokio::test]
async fn two_framings_are_refused_and_one_cannot_hide_a_second_request() {
    let (shop, front) = start().await;
    let hidden = "GET /smuggled HTTP/1.1\r\nHost: plain.example\r\n\r\n";
    for headers in [
        "Content-Length: 100\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 13\r\nContent-Length: 13\r\n",
    ] {
        let mut wire = front.plain().await;
        let bytes = format!("POST / HTTP/1.1\r\nHost: plain.example\r\n{headers}\r\n3\r\nabc\r\n0\r\n\r\n");
        wire.send(bytes).await;
        let text = String::from_utf8_lossy(&soon(wire.rest()).await).into_owned();
        assert!(
            text.starts_with("HTTP/1.1 400 ") && text.matches("HTTP/1.1 ").count() == 1,
            "{headers}: {text}"
        );
    }
    assert_eq!(shop.requests(), 0);
    let mut wire = front.plain().await;
    wire.send(format!(
        "GET / HTTP/1.1\r\nHost: plain.example\r\nContent-Length: {}\r\n\r\n{hidden}",
        hidden.len()
    ))
    .await;
    assert_eq!(soon(wire.response()).await.unwrap().status, 200);
    assert!(shop.seen().iter().all(|seen| seen.target == "/"));
}

#[tokio::test]
async fn connect_is_not_forwarded() {
    let (shop, front) = start().await;
    let mut wire = front.plain().await;
    let request = "CONNECT plain.example:80 HTTP/1.1\r\nHost: plain.example\r\n\r\n";
    assert_eq!(soon(wire.ask(request)).await.status, 405);
    assert_eq!(shop.requests(), 0);
}
