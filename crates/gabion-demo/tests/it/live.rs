//! Stock notice over WebSocket and recent orders as a stream.

use std::net::SocketAddr;

use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{Browser, open};

struct Notices(WebSocketStream<TcpStream>);

impl Notices {
    async fn of(address: SocketAddr, product: &str) -> Notices {
        let stream = TcpStream::connect(address).await.unwrap();
        let request = format!("ws://naked.localhost/live?product={product}").into_client_request().unwrap();
        Notices(client_async(request, stream).await.unwrap().0)
    }

    /// Reads notices until this one comes.
    async fn until(&mut self, text: &str) {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(notice))) if notice.contains(text) => return,
                Some(Ok(_)) => {}
                other => panic!("{text:?} never came: {other:?}"),
            }
        }
    }
}

async fn order(browser: &mut Browser, product: &str, quantity: i64) {
    browser.post("/cart", &format!("product={product}&quantity={quantity}")).await;
    let form = "name=A&email=a%40b&street=S&town=Crail&postcode=1&country=C&payment=delivery&consent=yes";
    assert_eq!(browser.post("/checkout", form).await.status, 303);
}

#[tokio::test]
async fn the_stock_notice_follows_visitors_and_orders() {
    let shop = open().await;
    let mut first = Notices::of(shop.address, "sencha-sea-mist").await;
    first.until("7 left").await;
    let mut second = Notices::of(shop.address, "sencha-sea-mist").await;
    second.until("7 left, 2 people are looking at this tea").await;
    first.until("7 left, 2 people are looking at this tea").await;

    order(&mut shop.browser(), "sencha-sea-mist", 3).await;
    first.until("\"left\":4").await;
    second.until("4 left, 2 people").await;

    drop(second);
    first.until("\"viewers\":1").await;
    shop.close().await;
    assert!(matches!(first.0.next().await, Some(Ok(Message::Close(_))) | None), "the shop says goodbye");
}

#[tokio::test]
async fn a_notice_for_an_unknown_product_is_refused() {
    let shop = open().await;
    let stream = TcpStream::connect(shop.address).await.unwrap();
    let request = "ws://naked.localhost/live?product=coffee".into_client_request().unwrap();
    assert!(client_async(request, stream).await.is_err());
}

#[tokio::test]
async fn recent_orders_stream_as_they_happen_and_end_when_the_shop_closes() {
    let shop = open().await;
    let mut stream = TcpStream::connect(shop.address).await.unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut until = async |text: &str| loop {
        let line = lines.next_line().await.unwrap().expect("the stream goes on");
        if line.contains(text) {
            return;
        }
    };
    until("text/event-stream").await;
    until("darjeeling-first-flush").await;
    order(&mut shop.browser(), "peppermint-quay", 1).await;
    until("event: ordered").await;
    until(r#""product":"peppermint-quay","town":"Crail""#).await;
    shop.close().await;
    while lines.next_line().await.unwrap().is_some() {}
}
