//! WebSocket connections pass through TLS in both directions until one side ends them.

use futures_util::{SinkExt, StreamExt};
use gabion_test::{Shop, body, client};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::front::{Front, Setup, entity, get, shop, soon};

/// A shop that greets, then echoes until "bye", on which it closes.
async fn echo_shop() -> Shop {
    Shop::start(|mut request: Request<Incoming>| async move {
        let key = request.headers()["sec-websocket-key"].clone();
        tokio::spawn(async move {
            let upgraded = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
            let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
            socket.send(Message::text("hello")).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message == Message::text("bye") {
                    socket.close(Some(CloseFrame { code: 4000.into(), reason: "bye".into() })).await.unwrap();
                } else if message.is_text() || message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        });
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()));
        Ok(response.body(body::empty()).unwrap())
    })
    .await
}

async fn open(front: &Front) -> WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>> {
    let tls = client::tls(front.authority.root_der(), &["http/1.1"]);
    let address = front.address(gabion_edge::Plane::Https);
    let stream = client::connect_tls(address, "shop.example", tls).await.unwrap();
    let (socket, response) = Box::pin(soon(client_async("wss://shop.example/stock", stream))).await.unwrap();
    assert_eq!(response.status(), 101);
    socket
}

#[tokio::test]
async fn messages_pass_both_ways_and_the_shop_can_close() {
    let shop = echo_shop().await;
    let front = Setup::of(&[&shop]).start();
    let mut socket = open(&front).await;
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("hello"));
    for message in [Message::text("one"), Message::binary(vec![7; 100_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    }
    assert_eq!(front.edge.upstreams()[0].in_flight, 1);
    socket.send(Message::text("bye")).await.unwrap();
    let Message::Close(Some(frame)) = soon(socket.next()).await.unwrap().unwrap() else { panic!("no close") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4000, "bye"));
    assert!(soon(socket.next()).await.is_none(), "the connection ends cleanly");
    assert_eq!(shop.only().header("upgrade"), "websocket");
}

#[tokio::test]
async fn messages_pass_an_edge_that_inspects() {
    let shop = echo_shop().await;
    let front = Setup::of(&[&shop]).waf("mode = \"block\"\nresponses = true", &crate::waf::rules()).start();
    let mut socket = open(&front).await;
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("hello"));
    let message = Message::text("1' UNION SELECT login FROM users--");
    socket.send(message.clone()).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    let attack = get(
        "/?q=1%27%20UNION%20SELECT%20login%20FROM%20users--",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
    );
    assert_eq!(soon(front.tls().await.ask(attack)).await.status, 403, "the request for one is inspected");
}

#[tokio::test]
async fn a_customer_who_closes_or_vanishes_ends_the_tunnel() {
    let shop = echo_shop().await;
    let front = Setup::of(&[&shop]).start();
    let mut polite = open(&front).await;
    let rude = open(&front).await;
    soon(polite.close(None)).await.unwrap();
    soon(async { while polite.next().await.is_some() {} }).await;
    drop((polite, rude));
    let tunnels = || front.edge.metrics().tunnels.load(std::sync::atomic::Ordering::Relaxed);
    soon(async {
        while tunnels() > 0 || front.edge.upstreams()[0].in_flight > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_shop_that_vanishes_ends_the_connection_of_the_customer() {
    let shop = echo_shop().await;
    let front = Setup::of(&[&shop]).start();
    let mut socket = open(&front).await;
    assert!(soon(socket.next()).await.is_some());
    // The fake shop's upgraded connection lives in its own task; closing from that side stands for its end.
    socket.send(Message::text("bye")).await.unwrap();
    soon(async { while let Some(Ok(_)) = socket.next().await {} }).await;
    assert!(socket.send(Message::text("more")).await.is_err());
}

#[tokio::test]
async fn first_bytes_sent_with_the_switch_are_not_lost() {
    let address = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        let switch =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nearly";
        stream.write_all(switch.as_bytes()).await.unwrap();
        let mut word = [0; 4];
        stream.read_exact(&mut word).await.unwrap();
        stream.write_all(&word).await.unwrap();
    })
    .await;
    let front = Setup::at(address).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + "echo").await;
    assert_eq!(soon(wire.head()).await.unwrap().status, 101);
    assert_eq!(soon(wire.rest()).await, b"earlyecho");
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_response() {
    let shop = shop("not here").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    for _ in 0..2 {
        let answer = soon(wire.ask(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))).await;
        assert_eq!((answer.status, answer.text()), (200, "not here"));
    }
}

#[tokio::test]
async fn a_shop_that_switches_without_being_asked_is_an_error() {
    let address = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await.unwrap();
    })
    .await;
    let front = Setup::at(address).start();
    assert_eq!(front.get("/").await.status, 502);
    let event = front.events.first("edge.shop_failed").await;
    assert_eq!(entity(&event, "upstream"), "shop");
}

/// A shop that takes WebSockets over HTTP/2 and echoes.
async fn http2_echo_shop() -> Shop {
    Shop::start(|mut request: Request<Incoming>| async move {
        assert_eq!(request.method(), http::Method::CONNECT);
        tokio::spawn(async move {
            let upgraded = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
            let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    socket.send(message).await.unwrap();
                }
            }
        });
        Ok(Response::new(body::empty()))
    })
    .await
}

/// A WebSocket by extended CONNECT.
async fn open_http2(front: &Front) -> WebSocketStream<TokioIo<hyper::upgrade::Upgraded>> {
    let sender = front.http2().await;
    let request = || {
        Request::connect("https://shop.example/stock")
            .header("sec-websocket-version", "13")
            .extension(hyper::ext::Protocol::from_static("websocket"))
            .body(body::empty())
            .unwrap()
    };
    // The client refuses to ask before it has seen the server's settings.
    let mut answer = soon(async {
        loop {
            match sender.clone().send_request(request()).await {
                Ok(answer) => return answer,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("sec-websocket-accept"));
    let upgraded = soon(hyper::upgrade::on(&mut answer)).await.unwrap();
    // The connection lives as long as a sender of it.
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(sender)
    });
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await
}

async fn echoes<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text(text));
    }
}

#[tokio::test]
async fn a_customer_of_http2_reaches_a_shop_of_http1() {
    let shop = echo_shop().await;
    let front = Setup::of(&[&shop]).start();
    let mut socket = open_http2(&front).await;
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("hello"));
    echoes(&mut socket).await;
    let seen = shop.only();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/stock"));
    assert_eq!((seen.header("upgrade"), seen.header("sec-websocket-version")), ("websocket", "13"));
}

#[tokio::test]
async fn rules_see_the_get_that_the_shop_sees() {
    let shop = echo_shop().await;
    let front = Setup::of(&[&shop]).waf("mode = \"block\"", &crate::waf::rules()).start();
    let mut socket = open_http2(&front).await;
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("hello"));
    echoes(&mut socket).await;
}

#[tokio::test]
async fn a_shop_of_http2_is_reached_by_customers_of_both() {
    let shop = http2_echo_shop().await;
    let front = Setup::of(&[&shop]).upstream("protocol = \"http2\"").start();
    echoes(&mut open(&front).await).await;
    echoes(&mut open_http2(&front).await).await;
    assert_eq!(front.edge.upstreams()[0].endpoints[0].failures, 0);
}

#[tokio::test]
async fn other_protocols_cannot_be_connected_to() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let sender = front.http2().await;
    let first = soon(sender.clone().send_request(crate::front::get2("/"))).await.unwrap();
    assert_eq!(first.status(), 200);
    let request = Request::connect("https://shop.example/")
        .extension(hyper::ext::Protocol::from_static("connect-udp"))
        .body(body::empty())
        .unwrap();
    assert_eq!(soon(sender.clone().send_request(request)).await.unwrap().status(), 405);
    assert_eq!(shop.requests(), 1);
}
