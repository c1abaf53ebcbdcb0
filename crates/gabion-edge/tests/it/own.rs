//! Gabion's own pages on a shop's sites, answered by a router as identity's will be.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Extension;
use axum::response::IntoResponse;
use axum::routing::{get as on_get, post as on_post};
use gabion_core::SiteId;
use gabion_edge::own::Answering;
use gabion_edge::{Body, Caller, Module, OwnPages};
use gabion_test::{Shop, body};
use http::header::{COOKIE, HeaderMap};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::access_log::objects;
use crate::front::{Front, Setup, get, get2, shop, soon};
use crate::waf::rules;

/// What the rules of the WAF would stop, in a password.
const PASSWORD: &str = "password=1%27+UNION+SELECT+login+FROM+users--";

/// Pages that claim what is below `/.gabion/account` and one path of the web's.
#[derive(Default)]
struct Pages {
    callers: Arc<Mutex<Vec<Caller>>>,
}

async fn sign_in(
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    form: String,
) -> impl IntoResponse {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    (
        [("cache-control", "no-store"), ("connection", "close")],
        format!("{form} {cookies:?} {}", caller.origin),
    )
}

impl Pages {
    fn router() -> Router {
        Router::new()
            .route("/.gabion/account", on_get("account"))
            .route("/.gabion/account/sign-in", on_post(sign_in))
            .route("/.well-known/change-password", on_get("here"))
    }

    fn callers(&self) -> Vec<Caller> {
        self.callers.lock().unwrap().clone()
    }
}

impl OwnPages for Pages {
    fn claims(&self, site: &SiteId, path: &str) -> bool {
        assert_eq!(site.as_str(), "tidewater-tea");
        path == "/.well-known/change-password" || path.starts_with("/.gabion/account")
    }

    fn answer(&self, request: Request<Body>) -> Answering {
        self.callers.lock().unwrap().push(request.extensions().get::<Caller>().unwrap().clone());
        let answer = Self::router().call(request.map(axum::body::Body::new));
        Box::pin(async { answer.await.unwrap().map(Body::new) })
    }
}

fn front(shop: &Shop) -> (Front, Arc<Pages>) {
    let pages = Arc::new(Pages::default());
    let setup = Setup::of(&[shop]).waf("mode = \"block\"", &rules()).pages("mode = \"on\"");
    (setup.own(&pages).start(), pages)
}

fn post(path: &str, headers: &str, form: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: shop.example\r\n{headers}Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

#[tokio::test]
async fn a_password_reaches_our_page_and_neither_the_rules_nor_the_shop() {
    let shop = shop("tea").await;
    let (front, pages) = front(&shop);
    let attack = post("/", "Content-Type: application/x-www-form-urlencoded\r\n", PASSWORD);
    assert_eq!(soon(front.tls().await.ask(attack)).await.status, 403, "the rules know it");
    let told = front.events.all().len();
    let kind = "Content-Type: application/x-www-form-urlencoded\r\nCookie: a=1\r\nAccept-Language: de\r\n";
    let answer = soon(front.tls().await.ask(post("/.gabion/account/sign-in", kind, PASSWORD))).await;
    assert_eq!(
        (answer.status, answer.header("cache-control"), answer.header("connection")),
        (200, "no-store", "")
    );
    assert_eq!(answer.text(), format!("{PASSWORD} [\"a=1\"] https://shop.example"));
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");

    let mut request = Request::post("https://shop.example:8443/.gabion/account/sign-in");
    for crumb in ["a=1", "__Host-gabion-customer=x"] {
        request = request.header("cookie", crumb);
    }
    let answer =
        soon(front.http2().await.send_request(request.body(body::whole(PASSWORD)).unwrap())).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let expected = format!("{PASSWORD} [\"a=1; __Host-gabion-customer=x\"] https://shop.example");
    assert_eq!(String::from_utf8_lossy(&text), expected);

    let metrics = front.edge.metrics();
    assert_eq!(metrics.waf_inspected.load(Ordering::Relaxed), 1, "the attack on the shop's own page");
    assert_eq!(metrics.own_pages.load(Ordering::Relaxed), 2);
    assert_eq!((shop.requests(), front.events.all().len()), (0, told));
    let caller = pages.callers().remove(0);
    assert_eq!((caller.site.as_str(), caller.site_name.as_str()), ("tidewater-tea", "Tidewater Tea"));
    assert_eq!((caller.language.tag(), caller.address.to_string().as_str()), ("de", "127.0.0.1"));
    assert!(caller.https && caller.ja4.is_some() && caller.request.to_string().starts_with("req_"));
}

#[tokio::test]
async fn only_claimed_paths_are_ours() {
    let shop = shop("tea").await;
    let (front, pages) = front(&shop);
    let mut wire = front.tls().await;
    for (path, status, text) in [
        ("/.gabion/account", 200, "account"),
        ("/.gabion//x/../account", 404, ""),
        ("/.well-known/change-password", 200, "here"),
        ("/.well-known/other", 200, "tea"),
        ("/gabion/account", 200, "tea"),
    ] {
        let answer = soon(wire.ask(get(path, ""))).await;
        assert_eq!((answer.status, answer.text()), (status, text), "{path}");
    }
    for path in ["/.gabion", "/.gabion/other", "/%2egabion/other", "/.gabion/reports"] {
        assert!(matches!(soon(wire.ask(get(path, ""))).await.status, 404 | 405), "{path}");
    }
    assert_eq!((shop.requests(), pages.callers().len()), (2, 3));
}

#[tokio::test]
async fn what_heads_say_has_no_content_over_both_versions() {
    let shop = shop("tea").await;
    let (front, _) = front(&shop);
    let mut wire = front.tls().await;
    wire.send("HEAD /.gabion/account HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    let head = soon(wire.head()).await.unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, "7"));
    assert_eq!(
        soon(wire.ask(get("/.gabion/account", ""))).await.text(),
        "account",
        "nothing came in between"
    );
    let mut request = get2("/.gabion/account");
    *request.method_mut() = Method::HEAD;
    let answer = soon(front.http2().await.send_request(request)).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-length"]),
        (StatusCode::OK, &"7".parse().unwrap())
    );
    assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn bodies_have_64_kib_whatever_the_route_allows_and_the_bypass_opens() {
    let shop = shop("tea").await;
    let (front, pages) = front(&shop);
    front.edge.set_bypass(Module::ALL.into());
    let declared =
        post("/.gabion/account/sign-in", "Content-Type: text/plain\r\n", &"x".repeat(64 * 1024 + 1));
    assert_eq!(soon(front.tls().await.ask(declared)).await.status, 413);
    let mut wire = front.tls().await;
    wire.send(
        "POST /.gabion/account/sign-in HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    .await;
    // The edge may close before all of it is sent.
    let chunk = format!("10000\r\n{}\r\n1\r\nx\r\n", "x".repeat(64 * 1024));
    drop(wire.try_send(chunk).await);
    assert_eq!(soon(wire.response()).await.unwrap().status, 413);
    let encoded = post("/.gabion/account/sign-in", "Content-Encoding: gzip\r\n", "x");
    assert_eq!(soon(front.tls().await.ask(encoded)).await.status, 415);
    assert!(pages.callers().is_empty());
    let fits = post("/.gabion/account/sign-in", "Content-Type: text/plain\r\n", &"x".repeat(64 * 1024));
    assert_eq!(soon(front.tls().await.ask(fits)).await.status, 200);
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn plain_http_is_led_to_https_and_limits_count() {
    let shop = shop("tea").await;
    let pages = Arc::new(Pages::default());
    let setup = Setup::of(&[&shop]).own(&pages).more(
        "[[rate_limit]]\nname = \"all\"\nby = [\"address\"]\nrequests = 3\nper_seconds = 3600\neverywhere = true",
    );
    // The shop has nothing at the path of our pages: they are limited all the same.
    let mut config = setup.config();
    config.routes[0].path = "/tea".to_owned();
    let front = setup.try_start(config).unwrap();
    let answer = soon(front.plain().await.ask(get("/.gabion/account", ""))).await;
    assert_eq!((answer.status, answer.header("location")), (308, "https://shop.example/.gabion/account"));
    let plain = "GET /.gabion/account HTTP/1.1\r\nHost: plain.example\r\n\r\n";
    assert_eq!(soon(front.plain().await.ask(plain)).await.text(), "account");
    assert_eq!(front.get("/.gabion/account").await.status, 200);
    assert_eq!(front.get("/other").await.status, 404);
    assert_eq!(front.get("/.gabion/account").await.status, 429);
    let callers: Vec<_> = pages.callers().into_iter().map(|caller| (caller.origin, caller.https)).collect();
    let expected = [("http://plain.example".to_owned(), false), ("https://shop.example".to_owned(), true)];
    assert_eq!(callers, expected);
}

#[tokio::test]
async fn the_access_log_marks_our_pages_and_leaves_their_query_out() {
    let shop = shop("tea").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let pages = Arc::new(Pages::default());
    let setup = Setup::of(&[&shop]).own(&pages).more(&format!("[access_log]\npath = {path:?}"));
    let front = setup.start();
    front.get("/.gabion/account?link=signs-in").await;
    front.get("/tea?q=1").await;
    let lines = objects(&path, 2).await;
    assert_eq!((&lines[0]["own_page"], lines[0].get("query")), (&true.into(), None));
    assert_eq!((lines[1].get("own_page"), &lines[1]["query"]), (None, &"q=1".into()));
}

#[tokio::test]
async fn a_websocket_is_no_page() {
    let shop = shop("tea").await;
    let (front, _) = front(&shop);
    let upgrade =
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
    assert_eq!(soon(front.tls().await.ask(get("/.gabion/account", upgrade))).await.text(), "account");
    let mut sender = front.http2().await;
    // The client asks for a WebSocket only after it has seen the server's settings.
    assert_eq!(soon(sender.send_request(get2("/.gabion/account"))).await.unwrap().status(), 200);
    let mut request = get2("/.gabion/account");
    *request.method_mut() = Method::CONNECT;
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    assert_eq!(soon(sender.send_request(request)).await.unwrap().status(), 405);
}
