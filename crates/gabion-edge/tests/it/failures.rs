//! A shop that is gone, silent, or talks nonsense: what the customer sees, what is recorded, what is tried again.

use bytes::Bytes;
use gabion_core::{Actor, Severity};
use gabion_test::{Shop, body};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::front::{Front, Setup, entity, field, get, get2, shop, soon};

/// A port nobody listens on.
async fn nobody() -> Setup {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    Setup::at(listener.local_addr().unwrap())
}

async fn before_bytes(answer: &'static str) -> Front {
    let address = gabion_test::shop::raw(move |mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    Setup::at(address).start()
}

#[tokio::test]
async fn a_shop_that_is_gone_is_a_calm_page_with_a_request_id() {
    let front = nobody().await.start();
    let answer = front.get("/").await;
    assert_eq!((answer.status, answer.header("content-type")), (502, "text/html; charset=utf-8"));
    assert!(answer.text().contains(answer.header("x-request-id")), "the customer can quote the id");
    assert!(answer.text().contains("Tidewater Tea"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert!(!answer.text().contains("127.0.0.1"), "nothing inside is told outside");
}

#[tokio::test]
async fn pages_speak_the_customers_language_or_json() {
    let front = nobody().await.start();
    let mut wire = front.tls().await;
    let german = soon(wire.ask(get("/", "Accept: text/html\r\nAccept-Language: fr;q=0.1, de-AT\r\n"))).await;
    assert!(german.text().contains("<html lang=\"de\""), "{}", german.text());
    let english = soon(wire.ask(get("/", "Accept-Language: xx\r\n"))).await;
    assert!(english.text().contains("<html lang=\"en\""));
    let problem = soon(wire.ask(get("/", "Accept: application/json\r\n"))).await;
    assert_eq!(problem.header("content-type"), "application/problem+json");
    let json: serde_json::Value = serde_json::from_slice(&problem.body).unwrap();
    assert_eq!((json["status"].as_u64(), json["code"].as_str()), (Some(502), Some("shop_unreachable")));
    assert_eq!(json["request_id"], problem.header("x-request-id"));
    assert_eq!(problem.header("vary"), "Accept, Accept-Language");
    let own = nobody().await.site("language = \"de\"").start();
    assert!(own.get("/").await.text().contains("<html lang=\"de\""), "the site's own language by default");
}

#[tokio::test]
async fn a_failure_is_an_event_with_all_that_is_needed_to_find_it() {
    let front = nobody().await.start();
    let answer = front.get("/pay/4111111111111111?pan=4111111111111111").await;
    let event = front.events.first("edge.shop_failed").await;
    assert_eq!((event.severity, &event.actor), (Severity::Warning, &Actor::Visitor));
    assert_eq!(event.site.as_ref().unwrap().to_string(), front.edge.sites()[0].id);
    assert_eq!(entity(&event, "upstream"), "shop");
    assert_eq!(entity(&event, "request"), answer.header("x-request-id"));
    assert_eq!((field(&event, "status"), field(&event, "method")), ("502".into(), "GET".into()));
    assert!(field(&event, "reason").contains("refused"), "{event:?}");
    let address = event.fields.iter().find(|field| field.name == "address").unwrap();
    assert!(address.personal && address.value.to_string() == "127.0.0.1");
    let all = format!("{:?}", front.events.all());
    assert!(!all.contains("4111111111111111"), "card numbers are masked: {all}");
    assert!(field(&event, "path").starts_with("/pay/"));
}

#[tokio::test]
async fn a_silent_shop_is_504() {
    let shop = Shop::start(|_: Request<Incoming>| std::future::pending()).await;
    let front = Setup::of(&[&shop]).upstream("response_timeout_seconds = 1").start();
    let answer = front.get("/").await;
    assert_eq!(answer.status, 504);
    let event = front.events.first("edge.shop_failed").await;
    assert_eq!(field(&event, "reason"), "upstream shop did not answer in 1s");
    assert_eq!(shop.requests(), 1, "a request that may be at work is not sent again");
}

#[tokio::test]
async fn a_shop_that_talks_nonsense_is_502() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nab",
        "HTTP/1.1 99 Odd\r\n\r\n",
        "",
        "HTTP/1.1 200",
    ] {
        let front = before_bytes(answer).await;
        assert_eq!(front.get("/").await.status, 502, "{answer:?}");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_never_made_to_look_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense",
    ] {
        let front = before_bytes(answer).await;
        let mut wire = front.tls().await;
        wire.send(get("/", "")).await;
        assert!(soon(wire.response()).await.is_err(), "{answer:?}");
        let whole = soon(front.http2().await.send_request(get2("/"))).await;
        let broken = match whole {
            Ok(answer) => soon(answer.into_body().collect()).await.is_err(),
            Err(_) => true,
        };
        assert!(broken, "{answer:?} over HTTP/2");
        assert!(front.edge.upstreams()[0].endpoints[0].last_error.is_some());
    }
}

#[tokio::test]
async fn an_idle_connection_that_the_shop_closed_is_not_the_customers_problem() {
    // Every connection is closed right after its first response, without saying so before.
    let address = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let front = Setup::at(address).start();
    let mut wire = front.tls().await;
    for _ in 0..50 {
        assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    }
}

#[tokio::test]
async fn a_get_on_a_connection_that_ends_under_it_is_sent_again() {
    // The first connection takes a second request and hangs up on it, as a server does whose idle time is over.
    let address = gabion_test::shop::raw(|mut stream: TcpStream, number| async move {
        gabion_test::shop::read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").await.unwrap();
        stream.write_all(number.to_string().as_bytes()).await.unwrap();
        gabion_test::shop::read_head(&mut stream).await;
    })
    .await;
    let front = Setup::at(address).start();
    let mut wire = front.tls().await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    let failures = front.edge.upstreams()[0].endpoints[0].failures;
    assert_eq!(failures, 0, "closing an idle connection is no failure");
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_sent_twice() {
    let broken = || Shop::start(|_: Request<Incoming>| async { Err(body::Broken) });
    let (one, two) = (broken().await, broken().await);
    let front = Setup::of(&[&one, &two]).start();
    let mut wire = front.tls().await;
    for sent in 1..=10 {
        let post = "POST /order HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\ntea";
        assert_eq!(soon(wire.ask(post)).await.status, 502);
        assert_eq!(one.requests() + two.requests(), sent);
    }
    let empty = "POST /order HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(soon(wire.ask(empty)).await.status, 502);
    assert_eq!(one.requests() + two.requests(), 11, "not even without a body");
}

#[tokio::test]
async fn a_post_on_a_used_connection_that_ends_under_it_is_not_sent_twice() {
    let (told, mut posts) = tokio::sync::mpsc::unbounded_channel();
    let address = gabion_test::shop::raw(move |mut stream: TcpStream, _| {
        let told = told.clone();
        async move {
            loop {
                let head = gabion_test::shop::read_head(&mut stream).await;
                if head.is_empty() || head.starts_with("POST") {
                    told.send(head).unwrap();
                    return;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        }
    })
    .await;
    let front = Setup::at(address).start();
    let mut wire = front.tls().await;
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
    let post = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\ntea";
    assert_eq!(soon(wire.ask(post)).await.status, 502);
    drop(front);
    let mut count = 0;
    while let Ok(head) = posts.try_recv() {
        count += usize::from(head.starts_with("POST"));
    }
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_post_that_could_not_be_sent_goes_to_the_next_endpoint() {
    let alive = shop("ok").await;
    let mut setup = nobody().await.upstream("balance = \"round-robin\"");
    setup.endpoints.push(alive.url());
    let front = setup.start();
    let mut wire = front.tls().await;
    for _ in 0..6 {
        let post = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\ntea";
        assert_eq!(soon(wire.ask(post)).await.status, 200);
    }
    assert_eq!(alive.requests(), 6);
}

#[tokio::test]
async fn a_response_is_cut_when_the_shop_falls_silent_in_it() {
    let (mut feed, body) = body::fed();
    let body = std::sync::Mutex::new(Some(body));
    let shop = Shop::start(move |_: Request<Incoming>| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok(Response::new(body)) }
    })
    .await;
    let front = Setup::of(&[&shop]).upstream("read_timeout_seconds = 1").start();
    let mut wire = front.tls().await;
    wire.send(get("/", "")).await;
    feed.send_data(Bytes::from("half")).await.unwrap();
    assert!(soon(wire.response()).await.is_err());
    let endpoint = &front.edge.upstreams()[0].endpoints[0];
    assert_eq!(endpoint.last_error.as_deref(), Some("the shop sent no byte of its response for 1s"));
}

#[tokio::test]
async fn a_response_head_without_end_is_502() {
    let address = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        let mut more = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while more.is_ok() {
            more = stream.write_all(format!("x-more: {}\r\n", "x".repeat(8000)).as_bytes()).await;
        }
    })
    .await;
    let front = Setup::at(address).start();
    assert_eq!(front.get("/").await.status, 502);
}

#[tokio::test]
async fn errors_of_the_shop_pass_as_they_are() {
    let shop = Shop::start(|_: Request<Incoming>| async {
        let response = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).header("retry-after", "7");
        Ok(response.body(body::whole("busy today")).unwrap())
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let answer = front.get("/").await;
    assert_eq!((answer.status, answer.text(), answer.header("retry-after")), (503, "busy today", "7"));
    assert_eq!(shop.requests(), 1);
}
