//! HTTP/2 toward the shop.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gabion_core::{Clock, SystemClock};
use gabion_edge::tls::{CertificateStore, TlsSettings, server_config};
use gabion_test::{Shop, body};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::front::{Setup, authority, get, get2, names, shop, soon};

#[tokio::test]
async fn many_requests_share_a_connection() {
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let shop = Shop::start(move |request: Request<Incoming>| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(Response::new(body::whole(format!("{:?}", request.version()))))
        }
    })
    .await;
    let front = Setup::of(&[&shop]).upstream("protocol = \"http2\"").start();
    let sender = front.http2().await;
    let asked: Vec<_> = (0..50).map(|_| tokio::spawn(sender.clone().send_request(get2("/a?b")))).collect();
    soon(async {
        while shop.requests() < 50 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    open.add_permits(50);
    for request in asked {
        let answer = soon(request).await.unwrap().unwrap();
        assert_eq!(soon(answer.into_body().collect()).await.unwrap().to_bytes(), "HTTP/2.0");
    }
    let seen = shop.seen().remove(0);
    assert_eq!((seen.target.as_str(), seen.header("host")), ("http://shop.example/a?b", ""));
    assert_eq!(seen.header("x-forwarded-host"), "shop.example");
    assert_eq!(front.edge.upstreams()[0].endpoints[0].protocol, "HTTP/2");
    // One for the requests, one more at most for the health check that came first.
    assert!(shop.connections() <= 2, "{} connections", shop.connections());
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways() {
    let shop = Shop::start(|request: Request<Incoming>| async move {
        let whole = request.into_body().collect().await.map_err(|_| body::Broken)?;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let (mut feed, answer) = body::fed();
        tokio::spawn(async move {
            feed.send_data(whole.to_bytes()).await.unwrap();
            feed.send_trailers(trailers).await.unwrap();
        });
        Ok(Response::new(answer))
    })
    .await;
    let front = Setup::of(&[&shop]).upstream("protocol = \"http2\"").start();
    let sent = Bytes::from(vec![7; 1_000_000]);
    let request = Request::post("https://shop.example/rpc")
        .header("te", "trailers")
        .body(body::whole(sent.clone()))
        .unwrap();
    let answer = soon(front.http2().await.send_request(request)).await.unwrap();
    let answer = soon(answer.into_body().collect()).await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes(), sent);
    assert_eq!(shop.only().header("te"), "trailers");
}

#[tokio::test]
async fn an_endpoint_may_choose_behind_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(&folder);
    let certificate = authority.issue(&names(&["127.0.0.1"]), SystemClock.now()).unwrap();
    let store = CertificateStore::new(vec![certificate]).unwrap();
    for (offered, expected) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"][..], "HTTP/1.1")] {
        let mut tls = server_config(&store, &TlsSettings::default()).unwrap();
        Arc::make_mut(&mut tls).alpn_protocols =
            offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let shop = Shop::start_tls(tls, |request: Request<Incoming>| async move {
            Ok(Response::new(body::whole(format!("{:?}", request.version()))))
        })
        .await;
        let lines = format!("protocol = \"auto\"\nca = {:?}", authority.root_path());
        let front = Setup::of(&[&shop]).upstream(&lines).start();
        for _ in 0..3 {
            assert_eq!(front.get("/").await.text(), expected);
        }
    }
}

#[tokio::test]
async fn what_the_endpoint_refused_unseen_is_sent_again_even_a_post() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let address = gabion_test::shop::raw(move |stream: TcpStream, _| {
        let count = Arc::clone(&count);
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                if count.fetch_add(1, Ordering::SeqCst) == 0 {
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                } else {
                    respond.send_response(Response::new(()), true).unwrap();
                }
            }
        }
    })
    .await;
    let front = Setup::at(address).upstream("protocol = \"http2\"").start();
    let mut wire = front.tls().await;
    let post = "POST /order HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(soon(wire.ask(post)).await.status, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_post_that_was_reset_otherwise_is_never_sent_twice() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let address = gabion_test::shop::raw(move |stream: TcpStream, _| {
        let count = Arc::clone(&count);
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                respond.send_reset(h2::Reason::INTERNAL_ERROR);
            }
        }
    })
    .await;
    let front = Setup::at(address).upstream("protocol = \"http2\"").start();
    let mut wire = front.tls().await;
    let post = "POST /order HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(soon(wire.ask(post)).await.status, 502);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_endpoint_that_says_goodbye_gets_a_new_connection() {
    let address = gabion_test::shop::raw(|stream: TcpStream, _| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        if let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_response(Response::new(()), true).unwrap();
        }
        connection.graceful_shutdown();
        // Drives the goodbye; an error is the other side's way to leave.
        drop(poll_fn(|cx| connection.poll_closed(cx)).await);
    })
    .await;
    let front = Setup::at(address).upstream("protocol = \"http2\"").start();
    let mut wire = front.tls().await;
    for _ in 0..10 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    }
}

#[tokio::test]
async fn a_shop_that_does_not_speak_it_is_unreachable() {
    let gone = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
    })
    .await;
    let front = Setup::at(gone).upstream("protocol = \"http2\"").start();
    assert_eq!(front.get("/").await.status, 502);
    let plain = shop("one").await;
    let front = Setup::of(&[&plain]).upstream("protocol = \"auto\"").start();
    assert_eq!(front.get("/").await.text(), "one", "without TLS nobody is asked");
}
