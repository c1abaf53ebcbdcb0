//! Pages that are held until all of their scripts are known.

use gabion_markup::ContentHash;
use gabion_markup::holding::{ClassHolding, ScriptKey, Undecided};
use gabion_test::Shop;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{PAGE, address, decided, held, packed, shop, unpacked};
use crate::front::{Front, Setup, soon};

fn elsewhere(shop: &Shop) -> Front {
    let to = address("https://shop.example/pay/link");
    held(shop, ClassHolding { undecided: Undecided::Elsewhere(to), ..decided() })
}

#[tokio::test]
async fn a_page_of_which_all_is_decided_is_served() {
    let plain = shop(&[], PAGE).await;
    assert_eq!(elsewhere(&plain).get("/pay").await.text(), PAGE);
    let compressed = shop(&[("content-encoding", "gzip")], packed(PAGE.as_bytes())).await;
    assert_eq!(unpacked(&elsewhere(&compressed).get("/pay").await.body), PAGE);
}

#[tokio::test]
async fn an_event_handler_and_an_unreadable_page_are_undecided() {
    let handler = PAGE.replace("<form", "<img onerror=steal()><form");
    let handled = shop(&[], handler.clone()).await;
    let front = elsewhere(&handled);
    assert_eq!(front.get("/pay").await.status, 303);
    let to = address("https://shop.example/pay/link");
    let mut known = ClassHolding { undecided: Undecided::Elsewhere(to), ..decided() };
    known.authorized.insert(ScriptKey::Handler(ContentHash::of(b"steal()")));
    super::hold(&front, known);
    assert_eq!(front.get("/pay").await.text(), handler);
    let unreadable = shop(&[("content-encoding", "br")], "tea").await;
    assert_eq!(elsewhere(&unreadable).get("/pay").await.status, 303);
    let wide = shop(&[("content-type", "text/html; charset=utf-16")], "tea").await;
    assert_eq!(elsewhere(&wide).get("/pay").await.status, 303);
}

#[tokio::test]
async fn in_the_page_that_customers_are_led_to_such_a_script_does_not_run() {
    let content = PAGE.replace("</body>", "<script>new()</script></body>");
    let shop = shop(&[], content).await;
    let answer = elsewhere(&shop).get("/pay/link").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("new()") && !answer.text().contains("<script>new()"), "{}", answer.text());
}

#[tokio::test]
async fn in_the_answer_to_a_form_such_a_script_does_not_run_and_the_order_is_thanked_for() {
    let content = PAGE.replace("</body>", "<script>new()</script></body>");
    let shop = shop(&[], content).await;
    let front = elsewhere(&shop);
    let form = "POST /pay HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n";
    let answer = soon(async { front.tls().await.ask(form).await }).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("new()") && !answer.text().contains("<script>new()"), "{}", answer.text());
}

#[tokio::test]
async fn in_what_is_too_long_to_be_held_such_a_script_does_not_run() {
    let content = format!("{PAGE}{}<script>new()</script>", "<p>tea</p>".repeat(300_000));
    let long = shop(&[], content.clone()).await;
    let answer = elsewhere(&long).get("/pay").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().ends_with("</script>") && !answer.text().contains("<script>new()"));
    let early = content.replacen("<form", "<script>new()</script><form", 1);
    let early = shop(&[], early).await;
    assert_eq!(elsewhere(&early).get("/pay").await.status, 303);
}

#[tokio::test]
async fn of_a_held_page_that_breaks_off_nothing_is_served() {
    let address = gabion_test::shop::raw(|mut stream: TcpStream, _| async move {
        gabion_test::shop::read_head(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 10000\r\n\r\n";
        stream.write_all(format!("{head}{PAGE}").as_bytes()).await.unwrap();
    })
    .await;
    let front = Setup::at(address).pages("mode = \"on\"").start();
    let to = Undecided::Elsewhere(super::address("https://pay.example/"));
    super::hold(&front, ClassHolding { undecided: to, ..decided() });
    let answer = front.get("/pay").await;
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("tag.js"), "{}", answer.text());
    assert!(front.sightings.all().is_empty());
}
