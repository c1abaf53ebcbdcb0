//! While Gabion learns, the customer gets what the shop sends.

use gabion_edge::Module;
use gabion_markup::Partial;
use gabion_markup::holding::ClassHolding;
use gabion_test::{Shop, body};
use http::{Method, Response};
use http_body_util::BodyExt;

use super::{PAGE, front, held, inline, packed, page, shop};
use crate::front::{Setup, get, get2, soon};

#[tokio::test]
async fn a_page_in_which_nothing_is_changed_passes_byte_for_byte() {
    let broken = "<script>let tea = 1;</script><p <<<<\u{1} onclick='x()' <script src=//a.example/ <table><tr><td></table";
    for content in [
        PAGE,
        broken,
        "<script>let tea = 1;</script><script>an endless",
        "\u{feff}<script>let tea = 1;</script>",
    ] {
        let shop = shop(&[("etag", "\"a\"")], content).await;
        let front = held(&shop, ClassHolding::default());
        let answer = front.get("/pay").await;
        assert_eq!(answer.text(), content);
        assert_eq!(answer.header("content-length"), content.len().to_string());
        assert_eq!(answer.header("etag"), "\"a\"");
        let seen = front.sightings.first(page).await;
        assert!(inline(&seen.page).contains(&"let tea = 1;"), "{seen:?}");
        assert_eq!(seen.address.to_string(), "https://shop.example/pay");
    }
}

#[tokio::test]
async fn payment_pages_are_asked_to_report_beside_the_shops_own_policy() {
    let own = &[
        ("content-security-policy", "script-src 'self'"),
        ("content-security-policy-report-only", "img-src 'self'; report-uri /own"),
        ("reporting-endpoints", "own=\"/own\""),
    ];
    let shop = shop(own, PAGE).await;
    let front = held(&shop, ClassHolding::default());
    let answer = front.get("/pay/card").await;
    let values = |name: &str| -> Vec<_> {
        answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("content-security-policy"), ["script-src 'self'"]);
    let reported = values("content-security-policy-report-only");
    assert_eq!(reported[0], own[1].1);
    assert!(reported[1].contains("report-uri /.gabion/reports; report-to gabion-page"), "{reported:?}");
    assert_eq!(values("reporting-endpoints"), ["own=\"/own\"", "gabion-page=\"/.gabion/reports\""]);
    let seen = front.sightings.first(page).await;
    assert_eq!((seen.headers.policies.len(), seen.headers.reported_policies.len()), (1, 1));
    let other = front.get("/about").await;
    assert_eq!(other.headers.get_all("content-security-policy-report-only").iter().count(), 1);
}

#[tokio::test]
async fn a_compressed_page_passes_as_it_is_and_is_read() {
    let whole = packed(PAGE.as_bytes());
    let shop = shop(&[("content-encoding", "gzip")], whole.clone()).await;
    let front = front(&shop);
    let answer = soon(async { front.tls().await.ask(get("/", "Accept-Encoding: gzip, br, zstd\r\n")).await });
    let answer = answer.await;
    assert_eq!((answer.body, answer.headers["content-encoding"].as_bytes()), (whole, &b"gzip"[..]));
    let seen = front.sightings.first(page).await;
    assert_eq!(inline(&seen.page), ["let tea = 1;"]);
    assert_eq!(shop.only().header("accept-encoding"), "gzip");
}

#[tokio::test]
async fn what_cannot_be_read_passes_and_that_is_told() {
    for (coding, content) in
        [("br", &b"\x0b\x02\x80tea\x03"[..]), ("gzip", b"this is no gzip"), ("gzip", b"")]
    {
        let headers: &'static [_] =
            if coding == "br" { &[("content-encoding", "br")] } else { &[("content-encoding", "gzip")] };
        let shop = shop(headers, content).await;
        let front = front(&shop);
        let answer = front.get("/").await;
        assert_eq!((answer.body.as_slice(), answer.header("content-encoding")), (content, coding));
        if !content.is_empty() {
            let seen = front.sightings.first(page).await;
            assert!(seen.page.partial.contains(&Partial::Encoding), "{coding}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_page_of_50_mb_passes_whole_compressed_or_not() {
    let long = [
        b"<script>let tea = 1;</script>".to_vec(),
        ["<p>".as_bytes(), &b"tea ".repeat(256)].concat().repeat(50 << 10),
    ]
    .concat();
    let shop_plain = shop(&[], long.clone()).await;
    let front_plain = front(&shop_plain);
    let answer = front_plain.get("/").await;
    assert!(answer.body == long);
    assert_eq!(inline(&front_plain.sightings.first(page).await.page), ["let tea = 1;"]);

    let bomb = packed(&long);
    let shop_packed = shop(&[("content-encoding", "gzip")], bomb.clone()).await;
    let front_packed = front(&shop_packed);
    assert!(front_packed.get("/").await.body == bomb);
    let seen = front_packed.sightings.first(page).await;
    assert!(seen.page.partial.contains(&Partial::Length), "{:?}", seen.page.partial);
    assert_eq!(inline(&seen.page), ["let tea = 1;"]);
}

#[tokio::test]
async fn a_script_without_end_reaches_the_customer_while_it_comes() {
    let (mut feed, content) = body::fed();
    let content = std::sync::Mutex::new(Some(content));
    let shop = Shop::start(move |_| {
        let content = content.lock().unwrap().take().unwrap();
        async move { Ok(Response::builder().header("content-type", "text/html").body(content).unwrap()) }
    })
    .await;
    let front = held(&shop, ClassHolding::default());
    let mut wire = front.tls().await;
    wire.send(get("/pay", "")).await;
    assert_eq!(soon(wire.head()).await.unwrap().status, 200);
    for _ in 0..3 {
        soon(feed.send_data("<script>tea".into())).await.unwrap();
        assert_eq!(soon(wire.chunk()).await.unwrap().unwrap(), b"<script>tea");
    }
    drop(feed);
    assert_eq!(soon(wire.chunk()).await.unwrap(), None);
    assert!(front.sightings.first(page).await.page.partial.contains(&Partial::Unfinished));
}

#[tokio::test]
async fn answers_without_a_page_pass_as_they_are() {
    let shop = Shop::start(|request: http::Request<hyper::body::Incoming>| async move {
        let known = request.headers().contains_key("if-none-match");
        let response = Response::builder().header("content-type", "text/html").header("etag", "\"a\"");
        let response = if known { response.status(304) } else { response.header("content-length", "7") };
        Ok(response.body(body::empty()).unwrap())
    })
    .await;
    let front = held(&shop, ClassHolding::default());
    let mut wire = front.tls().await;
    wire.send("HEAD /pay HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    let head = soon(wire.head()).await.unwrap();
    assert_eq!((head.status, head.header("content-length"), head.header("etag")), (200, "7", "\"a\""));
    assert!(head.headers.contains_key("content-security-policy-report-only"));
    wire.send(get("/pay", "If-None-Match: \"a\"\r\n")).await;
    let head = soon(wire.head()).await.unwrap();
    assert_eq!((head.status, head.header("etag")), (304, "\"a\""));
    assert!(!head.headers.contains_key("content-security-policy-report-only"));
    let mut request = get2("/pay");
    *request.method_mut() = Method::HEAD;
    assert_eq!(soon(front.http2().await.send_request(request)).await.unwrap().status(), 200);
    assert!(front.sightings.all().is_empty());
}

#[tokio::test]
async fn pages_are_the_same_over_http2() {
    let shop = shop(&[], PAGE).await;
    let front = held(&shop, ClassHolding::default());
    let answer = soon(front.http2().await.send_request(get2("/pay"))).await.unwrap();
    assert!(answer.headers().contains_key("content-security-policy-report-only"));
    assert_eq!(soon(answer.into_body().collect()).await.unwrap().to_bytes(), PAGE);
    assert_eq!(inline(&front.sightings.first(page).await.page), ["let tea = 1;"]);
}

#[tokio::test]
async fn bypassed_or_switched_off_nobody_looks() {
    let shop = shop(&[], PAGE).await;
    let ask = get("/pay", "Accept-Encoding: br\r\n");
    let bypassed = held(&shop, super::decided());
    bypassed.edge.set_bypass([Module::Pages].into());
    let off = Setup::of(&[&shop]).pages("mode = \"on\"").route("pages = \"off\"").start();
    super::hold(&off, super::decided());
    for front in [bypassed, off] {
        let answer = soon(async { front.tls().await.ask(&ask).await }).await;
        assert_eq!(answer.text(), PAGE);
        assert!(!answer.headers.contains_key("content-security-policy-report-only"));
        assert_eq!(shop.seen().last().unwrap().header("accept-encoding"), "br");
        assert!(front.sightings.all().is_empty());
    }
}
