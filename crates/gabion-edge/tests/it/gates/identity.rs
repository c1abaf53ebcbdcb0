//! What the shop is told of who is signed in, and by whom.

use std::sync::Arc;

use gabion_test::{Shop, body};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{Kept, customer, staff};
use crate::front::{Front, Setup, get, get2, shop, soon};

/// Names by which a shop could take the word of a stranger for Gabion's.
const LIES: &str = "X-Gabion-Identity: lie\r\nx-gabion-identity: lie\r\nX_Gabion_Identity: lie\r\nX-GABION_IDENTITY: lie\r\n\
                    X.Gabion.Identity: lie\r\nX~Gabion-Identity: lie\r\nX-Gabion-Other: lie\r\n";
const ROUTES: &str = r#"
    [[route]]
    path = "/account"
    upstream = "shop"
    requires = "customer"
    forward_identity = true
    [[route]]
    path = "/tea"
    upstream = "shop"
    forward_identity = true
    [[route]]
    path = "/admin"
    upstream = "shop"
    requires = "staff"
    forward_identity = true
"#;

fn told(shop: &Shop) -> Setup {
    Setup::of(&[shop]).sessions(&Arc::new(Kept::default())).more(ROUTES)
}

/// What the shop was told last, and that nobody lied.
#[track_caller]
fn heard(shop: &Shop) -> String {
    let seen = shop.seen().pop().unwrap();
    assert!(!format!("{:?}", seen.headers).contains("lie"), "{:?}", seen.headers);
    seen.header("x-gabion-identity").to_owned()
}

async fn each_way(front: &Front, shop: &Shop) {
    let mut wire = front.tls().await;
    let mut sender = front.http2().await;
    let upgrade = "Connection: upgrade, x-gabion-identity\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (path, cookie, expected) in [
        ("/", customer("ann"), ""),
        ("/tea", customer("ann"), "signed:ann"),
        ("/tea", customer("nobody"), ""),
        ("/tea", customer("down"), ""),
        ("/tea", String::new(), ""),
        ("/account", customer("ann-asked"), "signed:ann-asked"),
        ("/admin", staff("sue"), "signed:sue"),
    ] {
        for more in ["", upgrade] {
            let answer = soon(wire.ask(get(path, &format!("{cookie}{LIES}{more}")))).await;
            assert_eq!((answer.status, heard(shop).as_str()), (404, expected), "{path} {cookie}");
        }
        for method in [Method::GET, Method::CONNECT] {
            let mut request = get2(path);
            for line in cookie.lines().chain(LIES.lines()) {
                let (name, value) = line.split_once(": ").unwrap();
                let name: http::HeaderName = name.parse().unwrap();
                request.headers_mut().append(name, value.parse().unwrap());
            }
            if method == Method::CONNECT {
                request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
            }
            *request.method_mut() = method;
            let answer = soon(sender.send_request(request)).await.unwrap();
            assert_eq!(answer.status(), 404, "{path} {cookie}");
            assert_eq!(heard(shop), expected, "{path} {cookie}");
        }
    }
}

#[tokio::test]
async fn the_shop_is_told_who_is_signed_in_and_believes_nobody_else() {
    // Nothing to be found, and no WebSocket.
    let shop = Shop::start(|_: Request<Incoming>| async {
        Ok(Response::builder().status(404).body(body::empty()).unwrap())
    })
    .await;
    each_way(&told(&shop).start(), &shop).await;
}

#[tokio::test]
async fn a_shop_that_speaks_http2_is_told_the_same() {
    let shop = shop("tea").await;
    let front = told(&shop).upstream("protocol = \"http2\"").start();
    let answer = soon(front.tls().await.ask(get("/account", &format!("{}{LIES}", customer("ann"))))).await;
    assert_eq!((answer.status, heard(&shop).as_str()), (200, "signed:ann"));
}

#[tokio::test]
async fn trailers_say_it_no_more_than_headers() {
    for protocol in ["http1", "http2"] {
        let shop = Shop::start(|request: Request<Incoming>| async move {
            let trailers =
                request.into_body().collect().await.unwrap().trailers().cloned().unwrap_or_default();
            Ok(Response::new(body::whole(format!("{trailers:?}"))))
        })
        .await;
        let front = told(&shop).upstream(&format!("protocol = \"{protocol}\"")).start();
        let ask = "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\
                   Trailer: x-sum, x-gabion-identity, x_gabion_identity\r\n\r\n\
                   3\r\ntea\r\n0\r\nX-Sum: 7\r\nX-Gabion-Identity: lie\r\nX_Gabion_Identity: lie\r\n\r\n";
        let answer = soon(front.tls().await.ask(ask)).await;
        assert!(
            answer.text().contains("x-sum") && !answer.text().contains("lie"),
            "{protocol}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_mirror_is_not_told() {
    let (main, mirror) = (shop("tea").await, shop("copy").await);
    let front = told(&main)
        .more(&format!("[[upstream]]\nname = \"new\"\nendpoints = [\"{}\"]", mirror.url()))
        .more("[[route]]\npath = \"/both\"\nupstream = \"shop\"\nforward_identity = true")
        .more("mirror = { upstream = \"new\", percent = 100 }")
        .start();
    soon(front.tls().await.ask(get("/both", &customer("ann")))).await;
    soon(async {
        while mirror.requests() < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((heard(&main).as_str(), heard(&mirror).as_str()), ("signed:ann", ""));
}
