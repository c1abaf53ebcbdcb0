//! Requests that are written so that a gate does not see where they lead.

use http::Method;

use super::{PAGE, customer, open, staff};
use crate::front::{get, get2, soon};

/// What some server takes for `/admin` or something below it.
const WAYS_IN: &[&str] = &[
    "/admin",
    "/admin/",
    "/admin?x=/public",
    "/Admin",
    "/ADMIN/users",
    "/%61dmin",
    "/%2561dmin",
    "/%252561dmin",
    "//admin",
    "///admin",
    "/./admin",
    "/x/../admin",
    "/x/..;/admin",
    "/x/..;a=b/admin",
    "/;/admin",
    "/admin;/",
    "/admin;jsessionid=1",
    "/admin/..;/",
    "/%2e/admin",
    "/x/%2e%2e/admin",
    "/x/%252e%252e/admin",
    "/%2fadmin",
    "/x%2f..%2fadmin",
    "/x%5c..%5cadmin",
    "/%5cadmin",
    "/admin.",
    "/admin%20",
    "/admin%2e",
    "/admin./users",
    "/admin%09",
    "/admin%2500.png",
    "/admin::$data",
    "/admin%3f/public",
    "/admin%23",
    "/admin/../public",
    "/admin/%2e%2e/tea",
    "/admin%2f..%2ftea",
    "/admin/public/../users",
    "/admin/public/..%2fusers",
    "/admin/public%2f..%2fusers",
    "/index.php/admin",
    "/Index.PHP/admin/users",
    "/shop/index.php/../admin",
    "//evil.example/admin",
    "/%ef%bd%81dmin",
    "http://shop.example/admin",
    "https://shop.example/x/../admin",
];

/// What could be anything, or needs a customer and staff at once.
const UNCLEAR: &[&str] =
    &["/%c0%ae%c0%ae/admin", "/%25252561dmin", "/%e0%80%af/admin", "/account/..;/admin", "/admin/../account"];

/// What leads elsewhere.
const ELSEWHERE: &[&str] = &[
    "/",
    "/administrator",
    "/admins/",
    "/tea/admin",
    "/tea?path=/admin",
    "/caf%C3%A9",
    "/100%25",
    "/Tea/Oolong;v=2/x.",
    "/admin/public",
    "/admin/public/x.css",
    "/admin/public/A%20b",
];

#[tokio::test]
async fn no_way_of_writing_a_path_opens_a_gate() {
    let (shop, front) = open().await;
    let mut wire = front.tls().await;
    for path in WAYS_IN {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"] {
            let more = "X-HTTP-Method-Override: GET\r\nX-Original-URL: /tea\r\nContent-Length: 0\r\n";
            let ask = format!("{method} {path} HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n{more}\r\n");
            wire.send(&ask).await;
            let head = if method == "HEAD" { soon(wire.head()).await.unwrap().status } else { 0 };
            let status = if method == "HEAD" { head } else { soon(wire.response()).await.unwrap().status };
            assert!(matches!(status, 400 | 401), "{method} {path}: {status}");
        }
        let led = soon(wire.ask(get(path, PAGE))).await;
        assert!(matches!(led.status, 303 | 400), "{path}: {}", led.status);
        let customer = soon(wire.ask(get(path, &customer("bob")))).await;
        assert!(matches!(customer.status, 400 | 401), "{path}: {}", customer.status);
        let upgrade = format!("{}Connection: upgrade\r\nUpgrade: websocket\r\n", customer_upgrade());
        let websocket = soon(wire.ask(get(path, &upgrade))).await;
        assert!(matches!(websocket.status, 400 | 401), "{path}: {}", websocket.status);
    }
    assert_eq!(shop.requests(), 0, "{:?}", shop.seen());
    for path in WAYS_IN {
        let staff = soon(wire.ask(get(path, &staff("sue")))).await;
        assert_eq!(staff.status, 200, "{path}: staff may write it in any way");
    }
}

fn customer_upgrade() -> String {
    format!("{}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", customer("bob"))
}

#[tokio::test]
async fn what_could_be_anything_is_refused_and_what_leads_elsewhere_passes() {
    let (shop, front) = open().await;
    for path in UNCLEAR {
        let cookies = "Cookie: __Host-gabion-staff=sue; __Host-gabion-customer=bob\r\n";
        assert_eq!(soon(front.tls().await.ask(get(path, cookies))).await.status, 400, "{path}");
    }
    assert_eq!(shop.requests(), 0);
    for path in ELSEWHERE {
        assert_eq!(front.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn http2_and_its_websockets_find_the_gates_as_closed() {
    let (shop, front) = open().await;
    let mut sender = front.http2().await;
    for path in WAYS_IN.iter().filter(|path| path.starts_with('/')) {
        let mut connect = get2(path);
        *connect.method_mut() = Method::CONNECT;
        connect.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
        for request in [get2(path), connect] {
            let status = soon(sender.send_request(request)).await.unwrap().status();
            assert!(matches!(status.as_u16(), 400 | 401), "{path}: {status}");
        }
    }
    assert_eq!(shop.requests(), 0);
}

#[tokio::test]
async fn no_header_says_which_path_is_meant() {
    let (shop, front) = open().await;
    let lies = "X-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\nX_Original_URL: /admin\r\nX.Rewrite.URL: /admin\r\n";
    assert_eq!(soon(front.tls().await.ask(get("/tea", lies))).await.status, 200);
    assert!(!format!("{:?}", shop.only().headers).contains("/admin"), "{:?}", shop.only().headers);
}
