//! The head of a request as the shop sees it, and the head of a response as the customer sees it.

use gabion_test::{Shop, body};
use http::{Request, Response};

use crate::front::{Setup, get, get2, shop, soon};

#[tokio::test]
async fn the_shop_learns_who_asked_and_how() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let answer = soon(front.tls().await.ask("GET / HTTP/1.1\r\nHost: shop.example:8443\r\n\r\n")).await;
    let seen = shop.only();
    for (name, expected) in [
        ("host", "shop.example:8443"),
        ("forwarded", "for=127.0.0.1;host=\"shop.example:8443\";proto=https"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example:8443"),
        ("x-forwarded-port", "8443"),
    ] {
        assert_eq!(seen.header(name), expected, "{name}");
    }
    assert!(seen.header("x-request-id").starts_with("req_"));
    assert_eq!(seen.header("x-request-id"), answer.header("x-request-id"));
}

#[tokio::test]
async fn strangers_cannot_say_who_they_are() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let lies = "Forwarded: for=6.6.6.6;proto=http\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n\
                X-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\n\
                X-Real-IP: 6.6.6.6\r\nX-Request-Id: mine\r\nX-Forwarded-Prefix: /evil\r\n\
                X-Forwarded-Server: evil\r\nX-Forwarded-Ssl: off\r\nX_Forwarded_For: 6.6.6.6\r\n\
                X_Forwarded-Host: evil.example\r\nX_Real_IP: 6.6.6.6\r\n\
                CF-Connecting-IP: 6.6.6.6\r\nTrue-Client-IP: 7.7.7.7\r\nFastly_Client_IP: 6.6.6.6\r\n";
    soon(front.tls().await.ask(get("/", lies))).await;
    let seen = shop.only();
    assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.header("forwarded"), "for=127.0.0.1;host=shop.example;proto=https");
    let all = format!("{:?}", seen.headers);
    for lie in ["6.6.6.6", "7.7.7.7", "evil", "mine", "off"] {
        assert!(!all.contains(lie), "{lie} in {all}");
    }
}

#[tokio::test]
async fn a_cdn_that_nobody_told_of_is_noticed_once() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    soon(wire.ask(get("/", "Via: 1.1 corporate\r\n"))).await;
    assert_eq!(front.edge.unbelieved_cdn(), None);
    for _ in 0..3 {
        soon(wire.ask(get("/", "CF-Ray: 8f0-FRA\r\nCDN-Loop: cloudflare\r\n"))).await;
    }
    assert_eq!(front.edge.unbelieved_cdn(), Some("Cloudflare"));
    let told = front.events.all().into_iter().filter(|event| event.kind == "edge.cdn_noticed");
    assert_eq!(told.count(), 1);

    let believed = Setup::of(&[&shop]).listen("trusted_proxies = [\"127.0.0.0/8\"]").start();
    soon(believed.tls().await.ask(get("/", "CF-Ray: 8f0-FRA\r\n"))).await;
    assert_eq!(believed.edge.unbelieved_cdn(), None);
}

#[tokio::test]
async fn configured_proxies_are_believed() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).listen("trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]").start();
    let told = "X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n";
    let answer = soon(front.plain().await.ask(get("/", told))).await;
    assert_eq!(answer.status, 200, "the customer used TLS to the proxy in front: no redirect");
    assert_eq!(shop.only().header("x-forwarded-for"), "198.51.100.7");
    assert_eq!(shop.only().header("x-forwarded-proto"), "https");
    assert_eq!(shop.only().header("x-forwarded-port"), "443");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let told = "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: http\r\n";
    assert_eq!(soon(front.tls().await.ask(get("/", told))).await.status, 308);
}

#[tokio::test]
async fn headers_of_one_hop_end_here_in_both_directions() {
    let shop = Shop::start(|_: Request<_>| async {
        let response = Response::builder()
            .header("connection", "x-shop-hop")
            .header("x-shop-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-authenticate", "Basic")
            .header("upgrade", "h2c")
            .header("x-kept", "1");
        Ok(response.body(body::whole("ok")).unwrap())
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let hops = "Connection: keep-alive, X-Hop, host, Content-Length\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
                Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\n\
                HTTP2-Settings: AAMAAABk\r\nX-Kept: 1\r\nTE: gzip\r\nContent-Length: 0\r\n";
    let answer = soon(front.tls().await.ask(get("/", hops))).await;
    let seen = shop.only();
    for name in
        ["connection", "x-hop", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "te"]
    {
        assert_eq!(seen.header(name), "", "{name}");
    }
    assert_eq!((seen.header("x-kept"), seen.header("host")), ("1", "shop.example"));
    for name in ["x-shop-hop", "keep-alive", "proxy-authenticate", "upgrade", "connection"] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert_eq!(answer.header("x-kept"), "1");
}

#[tokio::test]
async fn our_own_cookies_stay_here_and_others_pass() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let cookies = "Cookie: a=1; __Host-gabion-session=secret; b=2\r\n";
    soon(front.tls().await.ask(get("/", cookies))).await;
    assert_eq!(shop.seen()[0].header("cookie"), "a=1; b=2");
    let mut request = get2("/");
    for crumb in ["a=1", "__Host-gabion-session=secret", "b=2; c=\"x y\""] {
        request.headers_mut().append("cookie", crumb.parse().unwrap());
    }
    soon(front.http2().await.send_request(request)).await.unwrap();
    assert_eq!(shop.seen()[1].header("cookie"), "a=1; b=2; c=\"x y\"");
}

#[tokio::test]
async fn http2_requests_become_plain_http1_requests() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut sender = front.http2().await;
    soon(sender.send_request(get2("/a?b=c"))).await.unwrap();
    let post = Request::post("https://shop.example/").body(body::whole("hello")).unwrap();
    soon(sender.send_request(post)).await.unwrap();
    let seen = shop.seen();
    assert_eq!((seen[0].target.as_str(), seen[0].header("host")), ("/a?b=c", "shop.example"));
    assert_eq!((seen[0].header("transfer-encoding"), seen[0].header("content-length")), ("", ""));
    assert_eq!(seen[1].header("content-length"), "5");
    assert!(shop.connections() <= 2, "one for requests, used again, and that of the health check");
}

#[tokio::test]
async fn security_headers_are_added_but_never_weaken_the_shops() {
    let shop = Shop::start(|request: Request<_>| async move {
        let response = Response::builder().header("server", "TideShop/1.4").header("x-powered-by", "PHP/5.3");
        let response = if request.uri() == "/strict" {
            response
                .header("strict-transport-security", "max-age=63072000; preload")
                .header("x-frame-options", "DENY")
                .header("referrer-policy", "no-referrer")
        } else {
            response
        };
        Ok(response.body(body::empty()).unwrap())
    })
    .await;
    let front = Setup::of(&[&shop]).start();
    let names = ["strict-transport-security", "x-frame-options", "referrer-policy", "x-content-type-options"];
    let plain = front.get("/").await;
    let expected = ["max-age=31536000", "SAMEORIGIN", "strict-origin-when-cross-origin", "nosniff"];
    assert_eq!(names.map(|name| plain.header(name)), expected);
    let strict = front.get("/strict").await;
    let expected = ["max-age=63072000; preload", "DENY", "no-referrer", "nosniff"];
    assert_eq!(names.map(|name| strict.header(name)), expected);
    assert_eq!((plain.header("server"), plain.header("x-powered-by")), ("", ""));
}

#[tokio::test]
async fn response_times_are_visible_beside_those_of_the_shop() {
    let shop = Shop::start(|_: Request<_>| async {
        Ok(Response::builder().header("server-timing", "db;dur=53").body(body::empty()).unwrap())
    })
    .await;
    let silent = Setup::of(&[&shop]).start().get("/").await;
    assert_eq!(silent.header("server-timing"), "db;dur=53", "told only where the site says so");
    let front = Setup::of(&[&shop]).site("server_timing = true").start();
    let answer = front.get("/").await;
    let timings: Vec<_> =
        answer.headers.get_all("server-timing").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(timings[0], "db;dur=53");
    assert!(
        timings[1].starts_with("gabion;dur=")
            && timings[1].contains(", shop;dur=")
            && timings[1].contains(", connect;dur="),
        "{timings:?}"
    );
}

#[tokio::test]
async fn a_shop_with_its_own_host_name_sees_it_and_redirects_lead_back() {
    let shop = Shop::start(|_: Request<_>| async {
        let response = Response::builder().status(302).header("location", "http://backend.internal/cart?x=1");
        Ok(response.body(body::empty()).unwrap())
    })
    .await;
    let front = Setup::of(&[&shop]).upstream("host = \"backend.internal\"").start();
    let answer = front.get("/").await;
    assert_eq!(shop.only().header("host"), "backend.internal");
    assert_eq!(shop.only().header("x-forwarded-host"), "shop.example");
    assert_eq!(answer.header("location"), "https://shop.example/cart?x=1");
}
