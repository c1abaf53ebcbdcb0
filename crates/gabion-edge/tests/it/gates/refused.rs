//! Who comes in, and what becomes of who does not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gabion_edge::Module;
use gabion_edge::metrics::prometheus::Exposition;
use gabion_test::body;
use http::{Request, StatusCode};

use super::{Kept, PAGE, customer, gated, open, staff};
use crate::front::{Setup, entity, field, get, get2, shop, soon};
use crate::waf::rules;

#[tokio::test]
async fn who_is_signed_in_well_enough_comes_in() {
    let (shop, front) = open().await;
    let mut wire = front.tls().await;
    for (path, cookie, status) in [
        ("/", String::new(), 200),
        ("/account", String::new(), 401),
        ("/account", customer("nobody"), 401),
        ("/account", staff("sue"), 401),
        ("/account", customer("ann"), 200),
        ("/account/orders", customer("ann-asked"), 200),
        ("/account", customer("old-bob"), 200),
        ("/account/security", customer("ann"), 403),
        ("/account/security", customer("old-bob"), 403),
        ("/account/security", customer("bob"), 200),
        ("/account/security", String::new(), 401),
        ("/admin", customer("bob"), 401),
        ("/admin", staff("sue"), 200),
        ("/admin/users", staff("old-sue"), 200),
        ("/admin/keys", staff("old-sue"), 401),
        ("/admin/keys", staff("sue"), 200),
        ("/admin/public", String::new(), 200),
        ("/administrator", String::new(), 200),
        ("/account", format!("{}{}", customer("ann"), customer("bob")), 401),
    ] {
        let before = shop.requests();
        let answer = soon(wire.ask(get(path, &cookie))).await;
        assert_eq!(
            (answer.status, shop.requests() - before),
            (status, usize::from(status == 200)),
            "{path} {cookie}"
        );
        if status != 200 {
            assert_eq!(answer.header("cache-control"), "no-store", "{path} {cookie}");
            assert_eq!(answer.header("www-authenticate").is_empty(), status != 401, "{path} {cookie}");
        }
        assert!(
            shop.seen().last().is_none_or(|seen| !seen.header("cookie").contains("gabion")),
            "{path} {cookie}"
        );
    }
    let metrics = front.edge.metrics();
    let counts = [&metrics.gate_passed, &metrics.gate_led, &metrics.gate_refused, &metrics.gate_unavailable];
    assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [7, 0, 9, 0]);
    let mut page = Exposition::default();
    front.edge.expose(&mut page);
    assert!(page.finish().contains("gabion_gate_refused_total 9\n"));
}

#[tokio::test]
async fn browsers_are_led_to_where_one_signs_in_and_back() {
    let (shop, front) = open().await;
    let mut wire = front.tls().await;
    for (path, cookie, expected) in [
        ("/account?id=7&x=%20y", String::new(), "/.gabion/sign-in?next=/account%3Fid%3D7%26x%3D%2520y"),
        ("/account/security", customer("ann"), "/.gabion/step-up?next=/account/security&level=two_factors"),
        (
            "/account/security",
            customer("old-bob"),
            "/.gabion/step-up?next=/account/security&level=two_factors",
        ),
        ("/admin/", String::new(), "/.gabion/staff/sign-in?next=/admin/"),
        ("/admin/keys", staff("old-sue"), "/.gabion/staff/sign-in?next=/admin/keys"),
        ("//account//x", String::new(), "/.gabion/sign-in?next=/account//x"),
    ] {
        let answer = soon(wire.ask(get(path, &format!("{PAGE}{cookie}")))).await;
        assert_eq!((answer.status, answer.header("location")), (303, expected), "{path}");
        assert_eq!((answer.header("cache-control"), answer.body.len()), ("no-store", 0), "{path}");
    }
    let request = Request::head("https://shop.example/account").header("accept", "text/html");
    let answer = soon(front.http2().await.send_request(request.body(body::empty()).unwrap())).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    for (method, headers, status) in [
        ("GET", "Accept: */*\r\n", 401),
        ("GET", "Accept: application/json\r\n", 401),
        ("GET", "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", 401),
        ("POST", "Accept: text/html\r\nContent-Length: 0\r\n", 401),
        ("OPTIONS", "Accept: text/html\r\n", 401),
        ("GET", "Accept: text/html\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", 401),
    ] {
        let ask = format!("{method} /account HTTP/1.1\r\nHost: shop.example\r\n{headers}\r\n");
        assert_eq!(soon(wire.ask(ask)).await.status, status, "{method} {headers}");
    }
    assert_eq!(front.edge.metrics().gate_led.load(Ordering::Relaxed), 7);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn a_refusal_says_where_to_sign_in_in_words_and_to_programs() {
    let (_shop, front) = open().await;
    let mut wire = front.tls().await;
    let post = |path: &str, headers: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n{headers}\r\n")
    };
    for (path, cookie, href, code) in [
        ("/account", String::new(), "/.gabion/sign-in", "sign_in_required"),
        ("/admin", String::new(), "/.gabion/staff/sign-in", "staff_sign_in_required"),
        ("/account/security", customer("ann"), "/.gabion/step-up", "step_up_required"),
    ] {
        let page = soon(wire.ask(post(path, &format!("Accept: text/html\r\n{cookie}")))).await;
        assert!(page.text().contains(&format!("href=\"{href}\"")), "{}", page.text());
        let problem = soon(wire.ask(post(path, &format!("Accept: application/json\r\n{cookie}")))).await;
        let problem: serde_json::Value = serde_json::from_slice(&problem.body).unwrap();
        assert_eq!(problem["code"], code, "{path}");
    }
    let staff = soon(wire.ask(post("/admin", ""))).await;
    assert_eq!(staff.header("www-authenticate"), "Gabion realm=\"staff\"");
}

#[tokio::test]
async fn who_may_not_come_in_is_read_by_no_rule_and_told_once_a_minute() {
    let shop = shop("tea").await;
    let front = gated(&shop).waf("mode = \"block\"", &rules()).start();
    let mut wire = front.tls().await;
    let attack = "q=1%27%20UNION%20SELECT%20login%20FROM%20users--";
    let ask = format!(
        "POST /admin/4242424242424242 HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{attack}",
        attack.len()
    );
    for _ in 0..3 {
        assert_eq!(soon(wire.ask(&ask)).await.status, 401);
    }
    assert_eq!(soon(wire.ask(get("/account", ""))).await.status, 401);
    let metrics = front.edge.metrics();
    assert_eq!((metrics.waf_inspected.load(Ordering::Relaxed), shop.requests()), (0, 0));
    let told: Vec<_> =
        front.events.all().into_iter().filter(|event| event.kind == "edge.gate_refused").collect();
    assert_eq!(told.len(), 2, "one for each route");
    let names = ["requires", "why", "route", "method", "path", "address"];
    let path = gabion_core::card::mask("/admin/4242424242424242");
    assert!(!path.contains("4242424242424242"));
    let expected = ["staff", "not signed in", "/admin", "POST", &path, "127.0.0.1"];
    assert_eq!(names.map(|name| field(&told[0], name)), expected);
    assert!(entity(&told[0], "request").starts_with("req_"));
}

#[tokio::test]
async fn nobody_comes_in_while_nobody_can_say_who_it_is() {
    let (shop, front) = open().await;
    for cookie in ["down", "hangs"] {
        for (path, cookie) in [("/account", customer(cookie)), ("/admin", staff(cookie))] {
            let answer = soon(front.tls().await.ask(get(path, &format!("{PAGE}{cookie}")))).await;
            assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{path} {cookie}");
        }
    }
    assert_eq!(front.edge.metrics().gate_unavailable.load(Ordering::Relaxed), 4);
    assert_eq!(shop.requests(), 0);
    assert_eq!(
        soon(front.tls().await.ask(get("/account", PAGE))).await.status,
        303,
        "without a cookie nobody is asked"
    );
}

#[tokio::test]
async fn neither_the_bypass_nor_the_list_of_who_is_let_in_opens_a_gate() {
    let (shop, front) = open().await;
    front.edge.set_bypass(Module::ALL.into());
    for path in ["/account", "/account/security", "/admin", "/admin/keys"] {
        assert_eq!(front.get(path).await.status, 401, "{path}");
    }
    assert_eq!(shop.requests(), 0);
    assert_eq!(front.get("/admin/public").await.status, 200);
}

#[tokio::test]
async fn a_whole_site_can_be_closed_and_our_own_pages_stay_open() {
    let shop = shop("tea").await;
    let setup = Setup::of(&[&shop]).sessions(&Arc::new(Kept::default())).route("requires = \"staff\"");
    let front = setup.start();
    let mut wire = front.tls().await;
    for path in ["/", "/tea", "*", "/.well-known/security.txt"] {
        let ask = format!("OPTIONS {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        assert_eq!(soon(wire.ask(ask)).await.status, 401, "{path}");
    }
    assert_eq!(soon(wire.ask(get("/tea", &staff("sue")))).await.status, 200);
    let report = "POST /.gabion/reports HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n\r\n[]";
    assert_eq!(soon(wire.ask(report)).await.status, 204);
    assert_eq!(shop.requests(), 1);
}

#[tokio::test]
async fn answers_from_behind_a_gate_are_kept_by_no_cache_between() {
    let shop = gabion_test::Shop::start(|_| async {
        let response = http::Response::builder()
            .header("cache-control", "public, max-age=60, s-maxage=600")
            .header("surrogate-control", "max-age=600");
        Ok(response.body(body::whole("tea")).unwrap())
    })
    .await;
    let front = gated(&shop).start();
    let mut wire = front.tls().await;
    let answer = soon(wire.ask(get("/account", &customer("ann")))).await;
    assert_eq!(
        (answer.header("cache-control"), answer.header("surrogate-control")),
        ("private, max-age=60", "")
    );
    let answer = soon(wire.ask(get("/tea", &customer("ann")))).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=60, s-maxage=600");
}

#[tokio::test]
async fn a_preflight_stays_outside_as_it_brings_no_cookie() {
    let (shop, front) = open().await;
    let mut wire = front.tls().await;
    let preflight = |cookie: &str| {
        format!(
            "OPTIONS /account/api HTTP/1.1\r\nHost: shop.example\r\nOrigin: https://other.example\r\n\
             Access-Control-Request-Method: POST\r\n{cookie}\r\n"
        )
    };
    let answer = soon(wire.ask(preflight(""))).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, ""));
    assert_eq!(shop.requests(), 0);
    assert_eq!(soon(wire.ask(preflight(&customer("ann")))).await.status, 200);
    let http2 = soon(front.http2().await.send_request(get2("/account"))).await.unwrap();
    assert_eq!(http2.status(), StatusCode::UNAUTHORIZED);
}
