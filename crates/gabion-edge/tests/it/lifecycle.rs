//! Starting, taking a new configuration, and stopping, while customers are connected.

use std::sync::Arc;

use gabion_edge::{Plane, ReloadError};
use gabion_test::{Shop, body};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::front::{Setup, get, get2, shop, soon};

#[tokio::test]
async fn a_reload_keeps_connections_and_takes_new_routes() {
    let (old, new) = (shop("old").await, shop("new").await);
    let setup = Setup::of(&[&old]);
    let front = setup.start();
    let (mut wire, mut sender) = (front.tls().await, front.http2().await);
    assert_eq!(soon(wire.ask(get("/api", ""))).await.text(), "old");
    soon(sender.send_request(get2("/"))).await.unwrap();
    let (addresses, accepted) = (front.edge.addresses(), old.connections());
    let more = format!(
        "[[upstream]]\nname = \"new\"\nendpoints = [\"{}\"]\n[[route]]\npath = \"/api\"\nupstream = \"new\"",
        new.url()
    );
    front.edge.reload(setup.clone().more(&more).config()).unwrap();
    assert_eq!(soon(wire.ask(get("/api", ""))).await.text(), "new");
    assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "old");
    assert_eq!(soon(sender.send_request(get2("/api"))).await.unwrap().status(), 200);
    assert_eq!(front.edge.addresses(), addresses);
    assert_eq!(front.edge.metrics().connections.load(std::sync::atomic::Ordering::Relaxed), 2);
    // One more connection at most: the health check of the new configuration.
    assert!(old.connections() <= accepted + 1, "connections to the shop live on");
}

#[tokio::test]
async fn a_request_that_began_before_a_reload_finishes_as_it_began() {
    let (go, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begun, open) = (Arc::clone(&go), Arc::clone(&gate));
    let old = Shop::start(move |_: Request<Incoming>| {
        let (go, gate) = (Arc::clone(&go), Arc::clone(&gate));
        async move {
            go.notify_one();
            gate.notified().await;
            Ok(Response::new(body::whole("old")))
        }
    })
    .await;
    let new = shop("new").await;
    let front = Setup::of(&[&old]).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    soon(begun.notified()).await;
    front.edge.reload(Setup::of(&[&new]).config()).unwrap();
    assert_eq!(front.get("/").await.text(), "new");
    open.notify_one();
    assert_eq!(soon(wire.response()).await.unwrap().text(), "old");
    assert_eq!(soon(wire.ask(get("/", ""))).await.text(), "new");
}

#[tokio::test]
async fn a_reload_that_cannot_listen_changes_nothing() {
    let (old, new) = (shop("old").await, shop("new").await);
    let front = Setup::of(&[&old]).start();
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = taken.local_addr().unwrap();
    let before = front.edge.addresses();
    let mut config = Setup::of(&[&new]).config();
    config.http.push(address);
    let error = front.edge.reload(config).unwrap_err();
    assert!(matches!(error, ReloadError::Bind { address: found, .. } if found == address));
    assert!(error.to_string().contains("another program listens there"), "{error}");
    assert_eq!(front.edge.addresses(), before);
    assert_eq!(front.get("/").await.text(), "old");
}

#[tokio::test]
async fn a_reload_with_an_unreadable_authority_changes_nothing() {
    let old = shop("old").await;
    let front = Setup::of(&[&old]).start();
    let mut setup = Setup::of(&[&old]).upstream("ca = \"/nonexistent/ca.pem\"");
    setup.endpoints = vec!["https://127.0.0.1:1".into()];
    let error = front.edge.reload(setup.config()).unwrap_err();
    let told = gabion_core::blame::chain(&error);
    assert!(told.starts_with("upstream shop: /nonexistent/ca.pem"), "{told}");
    assert_eq!(front.get("/").await.text(), "old");
}

#[tokio::test]
async fn listeners_are_opened_and_closed_by_a_reload_while_their_connections_go_on() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let plain = front.address(Plane::Http);
    let mut wire = front.plain().await;
    let request = "GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n";
    assert_eq!(soon(wire.ask(request)).await.status, 200);
    let mut config = Setup::of(&[&shop]).config();
    config.http.clear();
    front.edge.reload(config).unwrap();
    assert_eq!(front.edge.addresses().len(), 1);
    soon(async {
        while TcpStream::connect(plain).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(soon(wire.ask(request)).await.status, 200);
}

#[tokio::test]
async fn stopping_lets_running_requests_finish_and_refuses_new_connections() {
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (started, open) = (Arc::clone(&begun), Arc::clone(&gate));
    let shop = Shop::start(move |_: Request<Incoming>| {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        async move {
            begun.notify_one();
            gate.notified().await;
            Ok(Response::new(body::whole("done")))
        }
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    soon(started.notified()).await;
    let edge = front.edge.clone();
    let stopping = tokio::spawn(async move { edge.stop_and_drain().await });
    let address = front.address(Plane::Https);
    soon(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!stopping.is_finished());
    open.notify_one();
    let answer = soon(wire.response()).await.unwrap();
    assert_eq!((answer.text(), answer.header("connection")), ("done", "close"));
    assert!(soon(wire.rest()).await.is_empty());
    assert_eq!(soon(stopping).await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_that_has_not_asked_yet_when_gabion_hands_over_is_answered() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let (mut wire, address) = (front.tls().await, front.address(Plane::Https));
    let edge = front.edge.clone();
    let handing_over = tokio::spawn(async move { edge.stop_and_hand_over().await });
    tokio::task::yield_now().await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    assert_eq!(soon(handing_over).await.unwrap(), 0);
    TcpStream::connect(address).await.expect("the next one waits for whoever comes after");
}

#[tokio::test]
async fn idle_connections_do_not_delay_stopping() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let (mut wire, mut sender) = (front.tls().await, front.http2().await);
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    soon(sender.send_request(get2("/"))).await.unwrap();
    assert_eq!(soon(front.edge.stop_and_drain()).await, 0);
    assert!(soon(wire.rest()).await.is_empty());
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_cut() {
    let shop = Shop::start(|_: Request<Incoming>| std::future::pending()).await;
    let front = Setup::of(&[&shop]).listen("drain_seconds = 1").start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    soon(async {
        while shop.requests() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(soon(front.edge.stop_and_drain()).await, 1);
    assert!(soon(wire.rest()).await.is_empty());
}

#[tokio::test]
async fn an_edge_that_cannot_listen_does_not_start_and_leaves_nothing_open() {
    let shop = shop("ok").await;
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let setup = Setup::of(&[&shop]);
    let mut config = setup.config();
    config.https = vec![free];
    config.http = vec![taken.local_addr().unwrap()];
    assert!(matches!(setup.try_start(config), Err(ReloadError::Bind { .. })));
    assert!(TcpStream::connect(free).await.is_err(), "the other listener is closed again");
    assert_eq!(shop.connections(), 0);
}

#[tokio::test]
async fn bypassed_limits_let_large_bodies_pass() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).route("body_bytes_max = 1").start();
    let mut wire = front.tls().await;
    front.edge.set_bypass(gabion_edge::Module::ALL.into());
    let post = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\ntea";
    let answer = soon(wire.ask(post)).await;
    assert_eq!((answer.status, answer.header("x-frame-options")), (200, ""));
    front.edge.set_bypass([].into());
    assert_eq!(soon(wire.ask(post)).await.status, 413);
}
