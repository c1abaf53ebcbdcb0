//! Which requests reach which shop, and which reach none.

use gabion_test::Shop;
use http::StatusCode;

use crate::front::{Front, Setup, field, get, get2, shop, soon};

async fn two_shops() -> (Shop, Shop, Front) {
    let (main, api) = (shop("main").await, shop("api").await);
    let front = Setup::of(&[&main])
        .more(&format!(
            r#"
            [[upstream]]
            name = "api"
            endpoints = ["{}"]
            [[route]]
            path = "/api"
            upstream = "api"
            [[route]]
            path = "/api/orders"
            upstream = "shop"
            [[route]]
            path = "/only"
            host = "www.shop.example"
            upstream = "api"
            "#,
            api.url()
        ))
        .start();
    (main, api, front)
}

#[tokio::test]
async fn the_longest_path_prefix_on_segment_boundaries_wins() {
    let (_main, _api, front) = two_shops().await;
    let mut wire = front.tls().await;
    for (path, expected) in [
        ("/", "main"),
        ("/tea", "main"),
        ("/api", "api"),
        ("/api?x=/api/orders", "api"),
        ("/api/", "api"),
        ("/api/items", "api"),
        ("/apiary", "main"),
        ("/api/orders/7", "main"),
        ("/api/ordersx", "api"),
        ("/x/../api/items", "api"),
        ("/%61pi/items", "api"),
        ("//api//items", "api"),
    ] {
        let answer = soon(wire.ask(get(path, ""))).await;
        assert_eq!((answer.status, answer.text()), (200, expected), "{path}");
    }
}

#[tokio::test]
async fn routes_can_be_for_one_host() {
    let (_main, _api, front) = two_shops().await;
    let mut wire = front.tls().await;
    for (host, expected) in [
        ("shop.example", "main"),
        ("www.shop.example", "api"),
        ("WWW.Shop.Example:8443", "api"),
        ("www.shop.example:9999", "api"),
    ] {
        let answer = soon(wire.ask(format!("GET /only HTTP/1.1\r\nHost: {host}\r\n\r\n"))).await;
        assert_eq!(answer.text(), expected, "{host}");
    }
}

#[tokio::test]
async fn the_shop_gets_the_path_as_the_customer_wrote_it() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    for path in ["/a//b/../c/%7Euser;v=1?q=%2e%2e&x=a+b", "/?", "/caf%C3%A9?=&&"] {
        front.get(path).await;
        assert_eq!(shop.seen().last().unwrap().target, path);
    }
}

#[tokio::test]
async fn foreign_hosts_are_misdirected_and_leave_an_event() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    for host in ["evil.example", "shop.example.evil.example", "127.0.0.1", "shop.example."] {
        let answer = soon(front.tls().await.ask(format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n"))).await;
        assert_eq!(answer.status, 421, "{host}");
    }
    let event = front.events.first("edge.request_refused").await;
    assert_eq!(field(&event, "reason"), "no site is configured for host evil.example");
    assert_eq!(field(&event, "status"), "421");
    assert_eq!(event.site, None);
    let foreign = http::Request::get("https://evil.example/").body(gabion_test::body::empty()).unwrap();
    let answer = soon(front.http2().await.send_request(foreign)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_request_without_one_plain_host_is_bad() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil@shop.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.example:x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.example, evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.example/x\r\n\r\n",
        "GET http://evil@shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        "GET http://shop.example:x/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    ] {
        let answer = soon(front.tls().await.ask(head)).await;
        assert_eq!(answer.status, 400, "{head}");
    }
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn an_absolute_target_says_the_host_again() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    let answer = soon(wire.ask("GET https://Shop.example/a?b HTTP/1.1\r\nHost: shop.example\r\n\r\n")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(shop.only().target, "/a?b");
    assert_eq!(shop.only().header("host").to_ascii_lowercase(), "shop.example");
    let answer = soon(wire.ask("GET https://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")).await;
    assert_eq!((answer.status, answer.header("connection")), (421, "close"));
    for (target, host) in [("shop.example", "evil.example"), ("evil.example", "shop.example")] {
        let mut wire = front.tls().await;
        let request = format!("GET https://{target}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(soon(wire.ask(request)).await.status, 400, "{target}, {host}");
    }
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn reserved_paths_never_reach_the_shop() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.tls().await;
    for path in [
        "/.gabion",
        "/.gabion/",
        "/.gabion/account?x=1",
        "/%2egabion/account",
        "/%2Egabi%6Fn",
        "//.gabion/x",
        "/./.gabion",
        "/x/../.gabion",
        "/x/%2e%2e/.gabion",
        "/x%2f..%2f.gabion",
        "/%5c.gabion",
    ] {
        assert_eq!(soon(wire.ask(get(path, ""))).await.status, 404, "{path}");
    }
    assert_eq!(soon(front.http2().await.send_request(get2("/%2egabion"))).await.unwrap().status(), 404);
    assert_eq!(shop.requests(), 0);
    for path in ["/.gabionet", "/x/.gabion", "/.well-known/security.txt"] {
        assert_eq!(soon(wire.ask(get(path, ""))).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn plain_http_leads_to_the_https_origin_with_its_port_and_the_whole_target() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = front.plain().await;
    for (host, target, expected) in [
        ("shop.example", "/tea?kind=green&q=%20", "https://shop.example/tea?kind=green&q=%20"),
        ("shop.example:80", "/", "https://shop.example/"),
        ("www.shop.example", "/a", "https://www.shop.example:8443/a"),
        ("WWW.shop.example:8080", "//evil.example/", "https://www.shop.example:8443//evil.example/"),
    ] {
        let request = format!("POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\nx");
        let answer = soon(wire.ask(request)).await;
        assert_eq!((answer.status, answer.header("location")), (308, expected), "{host}");
        assert_eq!(answer.header("strict-transport-security"), "", "RFC 6797 section 7.2");
    }
    assert_eq!(shop.requests(), 0);
    let answer = soon(wire.ask("GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n")).await;
    assert_eq!((answer.status, answer.text()), (200, "ok"), "a site without HTTPS is served as it is");
}

#[test]
fn two_sites_cannot_share_a_host() {
    let mut setup = Setup { endpoints: vec!["http://127.0.0.1:1".into()], ..Setup::default() };
    setup.more = "[[site]]\nname = \"Second\"\norigins = [\"https://shop.example:444\"]".into();
    let refused = setup.check().unwrap_err();
    assert!(refused.message.starts_with("shop.example belongs to site "), "{}", refused.message);
}

#[tokio::test]
async fn a_path_without_a_route_is_not_found() {
    let shop = shop("ok").await;
    let mut setup = Setup::of(&[&shop]);
    setup.route = String::from("host = \"www.shop.example\"\n");
    let front = setup.start();
    assert_eq!(front.get("/").await.status, 404);
    assert_eq!(shop.requests(), 0);
}
