//! The first message of TLS clients: what it tells of them, and how long it may be.

use gabion_edge::Plane;
use gabion_test::client::{self, Wire};
use tokio::net::TcpListener;

use crate::front::{Setup, field, get, shop, soon};

#[tokio::test]
async fn events_say_what_kind_of_client_it_was() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let setup = Setup::at(listener.local_addr().unwrap());
    drop(listener);
    let front = setup.start();
    assert_eq!(front.get("/").await.status, 502);
    let ja4 = field(&front.events.first("edge.shop_failed").await, "ja4");
    assert!(ja4.starts_with("t13d") && ja4[8..].starts_with("h1_") && ja4.len() == 36, "{ja4}");
}

#[tokio::test]
async fn a_hello_without_end_is_refused_and_the_next_client_served() {
    let shop = shop("ok").await;
    let front = Setup::of(&[&shop]).start();
    let mut wire = Wire::plain(front.address(Plane::Https)).await;
    // A ClientHello that announces 60,000 bytes, in records of 4,000.
    let mut records = vec![22, 3, 1, 0x0f, 0xa0, 1, 0, 0xea, 0x60, 3, 3];
    records.resize(5 + 4000, 0);
    for _ in 0..5 {
        records.extend([22, 3, 1, 0x0f, 0xa0]);
        records.resize(records.len() + 4000, 0);
    }
    wire.send(&records).await;
    soon(wire.rest()).await;
    assert_eq!(front.edge.metrics().handshakes_failed.load(std::sync::atomic::Ordering::Relaxed), 1);
    let root = front.authority.root_der();
    let stream = client::connect_tls(front.address(Plane::Https), "shop.example", client::tls(root, &[]));
    let mut wire = Wire::over(soon(stream).await.unwrap());
    assert_eq!(soon(wire.ask(get("/", ""))).await.status, 200);
}
