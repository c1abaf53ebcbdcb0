//! How many connections there may be, whom they count for, and how long they may take to begin.

use std::time::Instant;

use gabion_edge::{Cut, Plane};
use gabion_test::client::{self, Wire};
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;

use crate::front::{Front, Setup, field, get, get2, shop, soon};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n";

/// Waits until a connection was cut for this reason, and looks at what is told of it.
pub(crate) async fn cut(front: &Front, cut: Cut, address: &str) {
    let event = front.events.first("edge.connection_cut").await;
    assert_eq!(field(&event, "reason"), cut.as_str());
    assert_eq!(field(&event, "address"), address);
    assert!(event.fields.iter().any(|field| field.name == "address" && field.personal));
    assert_eq!(front.edge.metrics().connections_cut.count(cut), 1);
}

#[tokio::test]
async fn one_connection_more_than_the_limit_is_closed_at_once() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("connections_max = 2").start();
    let (mut first, mut second) = (front.plain().await, front.plain().await);
    assert_eq!(soon(first.ask(REQUEST)).await.status, 200);
    assert_eq!(soon(second.ask(REQUEST)).await.status, 200);
    assert!(soon(front.plain().await.rest()).await.is_empty());
    cut(&front, Cut::Connections, "127.0.0.1").await;
    assert_eq!(soon(second.ask(REQUEST)).await.status, 200, "who is in stays in");
    drop(first);
    soon(async { while front.plain().await.try_ask(REQUEST).await.is_none() {} }).await;
}

#[tokio::test]
async fn one_address_has_so_many_connections_until_the_setting_changes() {
    let shop = shop("ok").await;
    let setup = Setup::of(&[&shop]).limits("connections_per_address_max = 1");
    let front = setup.start();
    let mut first = front.plain().await;
    assert_eq!(soon(first.ask(REQUEST)).await.status, 200);
    assert!(soon(front.plain().await.rest()).await.is_empty());
    cut(&front, Cut::ConnectionsPerAddress, "127.0.0.1").await;
    front.edge.set_bypass(gabion_edge::Module::ALL.into());
    assert_eq!(soon(front.plain().await.ask(REQUEST)).await.status, 200);
    front.edge.set_bypass([].into());
    front.edge.reload(setup.listen("trusted_proxies = [\"127.0.0.1\"]").config()).unwrap();
    assert_eq!(
        soon(front.plain().await.ask(REQUEST)).await.status,
        200,
        "a believed proxy has no such limit"
    );
    assert_eq!(soon(first.ask(REQUEST)).await.status, 200);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_broken_off() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("handshake_timeout_seconds = 1").start();
    let began = Instant::now();
    let mut silent = Wire::plain(front.address(Plane::Https)).await;
    silent.send([22, 3, 1]).await;
    soon(silent.rest()).await;
    assert!(began.elapsed().as_secs() >= 1);
    cut(&front, Cut::HandshakeTimeout, "127.0.0.1").await;
}

#[tokio::test]
async fn handshakes_at_a_time_are_bounded() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).limits("handshakes_max = 1").start();
    let mut open = front.tls().await;
    let mut silent = Wire::plain(front.address(Plane::Https)).await;
    silent.send([22]).await;
    let connections = || front.edge.metrics().connections.load(std::sync::atomic::Ordering::Relaxed);
    soon(async {
        while connections() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let root = front.authority.root_der();
    let refused = client::connect_tls(front.address(Plane::Https), "shop.example", client::tls(root, &[]));
    assert!(soon(refused).await.is_err());
    cut(&front, Cut::Handshakes, "127.0.0.1").await;
    assert_eq!(soon(open.ask(get("/", ""))).await.status, 200, "connections that are agreed on go on");
}

/// A shop that answers with the address it was told.
async fn telling_shop() -> Shop {
    Shop::start(|request: Request<Incoming>| async move {
        let client = request.headers()["x-forwarded-for"].to_str().unwrap().to_owned();
        Ok(Response::new(body::whole(client)))
    })
    .await
}

/// PROXY, TCP over IPv4, 192.0.2.9:4711 to 198.51.100.1:443, with one extra.
const BINARY: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\x02\x09\xc6\x33\x64\x01\x12\x67\x01\xbb\x04\0\x01\0";

#[tokio::test]
async fn configured_peers_say_whom_they_speak_for() {
    let shop = telling_shop().await;
    let front = Setup::of(&[&shop]).listen("proxy_protocol = [\"127.0.0.0/8\"]").start();
    let mut wire = front.plain().await;
    wire.send("PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n").await;
    assert_eq!(soon(wire.ask(REQUEST)).await.text(), "192.0.2.7");
    assert_eq!(soon(wire.ask(REQUEST)).await.text(), "192.0.2.7", "it holds for the whole connection");
    let mut wire = front.plain().await;
    let with = "X-Forwarded-For: 6.6.6.6\r\n";
    wire.send([BINARY, b"GET / HTTP/1.1\r\nHost: plain.example\r\n", with.as_bytes(), b"\r\n"].concat())
        .await;
    assert_eq!(soon(wire.response()).await.unwrap().text(), "192.0.2.9");
    let mut wire = front.plain().await;
    for byte in b"PROXY UNKNOWN\r\n" {
        wire.send([*byte]).await;
    }
    assert_eq!(soon(wire.ask(REQUEST)).await.text(), "127.0.0.1");
}

#[tokio::test]
async fn a_proxy_header_stands_before_tls() {
    let shop = telling_shop().await;
    let front = Setup::of(&[&shop]).listen("proxy_protocol = [\"127.0.0.1\"]").start();
    let mut stream = tokio::net::TcpStream::connect(front.address(Plane::Https)).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, BINARY).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(client::tls(front.authority.root_der(), &[]));
    let name = "shop.example".try_into().unwrap();
    let mut wire = Wire::over(soon(connector.connect(name, stream)).await.unwrap());
    assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "192.0.2.9");
}

#[tokio::test]
async fn trusted_proxies_are_judged_by_the_announced_address() {
    let shop = telling_shop().await;
    let setup = Setup::of(&[&shop]).listen("proxy_protocol = [\"127.0.0.1\"]");
    let front = setup.listen("trusted_proxies = [\"192.0.2.7\"]").start();
    let forwarded = "GET / HTTP/1.1\r\nHost: plain.example\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n";
    for (line, expected) in [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "203.0.113.5"),
        ("PROXY TCP4 192.0.2.8 198.51.100.1 1 2\r\n", "192.0.2.8"),
    ] {
        let mut wire = front.plain().await;
        wire.send(line).await;
        assert_eq!(soon(wire.ask(forwarded)).await.text(), expected);
    }
}

#[tokio::test]
async fn announced_addresses_are_counted_and_not_the_peer() {
    let shop = telling_shop().await;
    let setup = Setup::of(&[&shop]).listen("proxy_protocol = [\"127.0.0.1\"]");
    let front = setup.limits("connections_per_address_max = 1").start();
    let mut open = Vec::new();
    for host in 1..5 {
        let mut wire = front.plain().await;
        wire.send(format!("PROXY TCP4 192.0.2.{host} 198.51.100.1 1 2\r\n")).await;
        assert_eq!(soon(wire.ask(REQUEST)).await.status, 200);
        open.push(wire);
    }
    let mut wire = front.plain().await;
    wire.send("PROXY TCP4 192.0.2.3 198.51.100.1 1 2\r\n").await;
    assert!(soon(wire.rest()).await.is_empty());
    cut(&front, Cut::ConnectionsPerAddress, "192.0.2.3").await;
}

#[tokio::test]
async fn a_configured_peer_without_a_header_is_closed() {
    for bytes in [REQUEST.as_bytes(), b"PROXY TCP9 x\r\n", b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"] {
        let shop = telling_shop().await;
        let front = Setup::of(&[&shop]).listen("proxy_protocol = [\"127.0.0.1\"]").start();
        let mut wire = front.plain().await;
        wire.send(bytes).await;
        assert!(soon(wire.rest()).await.is_empty());
        cut(&front, Cut::ProxyHeader, "127.0.0.1").await;
        assert_eq!(shop.requests(), 0);
    }
    let shop = telling_shop().await;
    let setup = Setup::of(&[&shop]).listen("proxy_protocol = [\"127.0.0.1\"]");
    let front = setup.limits("handshake_timeout_seconds = 1").start();
    let mut wire = front.plain().await;
    wire.send("PROXY TCP4 ").await;
    assert!(soon(wire.rest()).await.is_empty(), "a header that does not end");
    cut(&front, Cut::ProxyHeader, "127.0.0.1").await;
}

#[tokio::test]
async fn strangers_cannot_say_whom_they_speak_for() {
    let shop = telling_shop().await;
    let front = Setup::of(&[&shop]).listen("proxy_protocol = [\"10.0.0.0/8\"]").start();
    for header in [&b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n"[..], BINARY] {
        let mut wire = front.plain().await;
        wire.send([header, REQUEST.as_bytes()].concat()).await;
        let answer = String::from_utf8_lossy(&soon(wire.rest()).await).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(shop.requests(), 0);
    let answer = soon(front.http2().await.send_request(get2("/"))).await.unwrap();
    assert_eq!(answer.status(), 200);
}

trait TryAsk {
    async fn try_ask(&mut self, request: &str) -> Option<u16>;
}

impl TryAsk for Wire {
    /// Asks somebody who may close at once.
    async fn try_ask(&mut self, request: &str) -> Option<u16> {
        self.try_send(request).await.ok()?;
        self.response().await.ok().map(|answer| answer.status)
    }
}
