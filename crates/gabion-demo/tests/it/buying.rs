//! What a customer does: look, search, review, order, come back.

use crate::client::{Browser, open, open_in};

const ADDRESS: &str = "name=Ada+Stone&email=ada%40example.com&street=Quay+1&town=Crail&postcode=KY10&country=Scotland&payment=invoice";

async fn left(browser: &mut Browser, product: &str) -> i64 {
    let answer = browser.get(&format!("/api/products/{product}")).await;
    serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()["stock"].as_i64().unwrap()
}

#[tokio::test]
async fn every_page_of_the_catalog_opens_and_every_picture_is_there() {
    let shop = open().await;
    let mut browser = shop.browser();
    let pages =
        ["/", "/shop", "/shop/green", "/shop?sort=price", "/guides", "/about", "/cart", "/account/sign-in"];
    for page in pages {
        assert_eq!(browser.get(page).await.status, 200, "{page}");
    }
    let answer = browser.get("/api/products").await;
    let products: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let products = products["products"].as_array().unwrap();
    assert_eq!(products.len(), 24);
    for product in products {
        let slug = product["slug"].as_str().unwrap();
        assert_eq!(browser.get(&format!("/products/{slug}")).await.status, 200, "{slug}");
        let picture = browser.get(&format!("/static/art/{slug}.svg")).await;
        assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    }
    assert_eq!(browser.get("/shop/coffee").await.status, 404);
    assert_eq!(browser.get("/products/coffee").await.status, 404);
    shop.close().await;
}

#[tokio::test]
async fn a_shelf_is_sorted_by_price_on_request() {
    let shop = open().await;
    let answer = shop.browser().get("/shop/teaware?sort=price").await;
    let at = |name: &str| answer.body.find(&format!("card-name\">{name}")).unwrap();
    assert!(at("Deep Brew Basket") < at("Harbor Gaiwan"));
    assert!(at("Harbor Gaiwan") < at("Stoneware Teapot"));
}

#[tokio::test]
async fn search_finds_by_name_and_says_when_there_is_nothing() {
    let shop = open().await;
    let mut browser = shop.browser();
    let found = browser.get("/search?q=jasmine").await;
    found.shows("1 found");
    found.shows("/products/jasmine-pearls");
    browser.get("/search?q=coffee").await.shows("Nothing on our shelves matches");
}

#[tokio::test]
async fn only_the_made_up_card_is_taken_and_no_number_comes_back() {
    let shop = open().await;
    let mut browser = shop.browser();
    browser.post("/cart", "product=tide-cups&quantity=1").await;
    let page = browser.get("/checkout").await;
    page.shows("autocomplete=\"cc-number\"");
    page.shows("/pay/pay.js");
    let address = ADDRESS.replace("payment=invoice", "payment=card");
    let form = |card: &str| format!("{address}&consent=yes&card={card}&until=12%2F34&code=123");
    let refused = browser.post("/checkout", &form("5555+5555+5555+4444")).await;
    assert_eq!(refused.status, 422);
    refused.shows("Only the made-up card, 4242 four times, is taken here.");
    assert!(!refused.body.contains("5555"), "a number came back");
    let placed = browser.post("/checkout", &form("4242+4242+4242+4242")).await;
    assert_eq!(placed.status, 303);
    let order = browser.get(placed.header("location").unwrap()).await;
    order.shows("by card, ending in 4242");
    assert_eq!(browser.get("/pay/pay.js").await.status, 200);
    assert_eq!(browser.get("/pay/methods.json").await.header("access-control-allow-origin"), Some("*"));
    shop.close().await;
}

#[tokio::test]
async fn checkout_makes_an_order_and_takes_the_goods_off_the_shelf() {
    let shop = open().await;
    let mut browser = shop.browser();
    let before = left(&mut browser, "tide-cups").await;
    assert_eq!(browser.post("/cart", "product=tide-cups&quantity=2").await.header("location"), Some("/cart"));
    browser.get("/cart").await.shows("€72.00");

    let refused = browser.post("/checkout", ADDRESS).await;
    assert_eq!(refused.status, 422);
    refused.shows("Please agree before you order.");
    assert_eq!(left(&mut browser, "tide-cups").await, before);

    let placed = browser.post("/checkout", &format!("{ADDRESS}&consent=yes")).await;
    assert_eq!((placed.status, placed.header("location")), (303, Some("/orders/1012?thanks=1")));
    let order = browser.get("/orders/1012?thanks=1").await;
    order.shows("Thank you, Ada Stone.");
    order.shows("by invoice");
    assert_eq!(left(&mut browser, "tide-cups").await, before - 2);
    browser.get("/cart").await.shows("There is nothing in it yet.");
    shop.close().await;
}

#[tokio::test]
async fn nothing_changes_when_the_shelf_has_less_than_the_cart() {
    let shop = open().await;
    let mut browser = shop.browser();
    browser.post("/cart", "product=harbor-breakfast&quantity=1").await;
    browser.post("/cart", "product=sencha-sea-mist&quantity=8").await;
    let refused = browser.post("/checkout", &format!("{ADDRESS}&consent=yes")).await;
    assert_eq!(refused.status, 422);
    refused.shows("Only 7 of Sencha Sea Mist left.");
    assert_eq!(left(&mut browser, "harbor-breakfast").await, 48, "the first line was put back");
    assert_eq!(browser.get("/orders/1012").await.status, 404);
}

#[tokio::test]
async fn an_order_without_a_cart_leads_back_to_the_cart() {
    let shop = open().await;
    let mut browser = shop.browser();
    assert_eq!(browser.get("/checkout").await.header("location"), Some("/cart"));
    let placed = browser.post("/checkout", &format!("{ADDRESS}&consent=yes")).await;
    assert_eq!(placed.header("location"), Some("/cart"));
}

#[tokio::test]
async fn a_customer_registers_orders_and_finds_the_order_again() {
    let shop = open().await;
    let mut browser = shop.browser();
    let form = "name=Ada+Stone&email=ada%40example.com&password=pebble";
    assert_eq!(browser.post("/account/register", form).await.header("location"), Some("/account"));
    browser.get("/account").await.shows("You have not ordered anything yet.");
    browser.post("/cart", "product=peppermint-quay").await;
    browser.post("/checkout", &format!("{ADDRESS}&consent=yes")).await;
    browser.post("/account/sign-out", "").await;
    assert_eq!(browser.get("/account").await.header("location"), Some("/account/sign-in"));

    let mut elsewhere = shop.browser();
    assert_eq!(
        elsewhere.post("/account/sign-in", "email=ada%40example.com&password=wrong").await.status,
        401
    );
    elsewhere.post("/account/sign-in", "email=ada%40example.com&password=pebble").await;
    elsewhere.get("/account").await.shows("/orders/1012");
    let again = elsewhere.post("/account/register", form).await;
    assert_eq!(again.status, 422);
    again.shows("already has an account");
}

#[tokio::test]
async fn a_review_with_a_picture_appears_on_the_product_page() {
    let shop = open().await;
    let mut browser = shop.browser();
    let picture: &[u8] = b"\x89PNG bytes";
    let sent =
        browser.review("white-peony", "Soft & quiet", Some(("my cup.png", "image/png", picture))).await;
    assert_eq!(sent.header("location"), Some("/products/white-peony#reviews"));
    browser.get("/products/white-peony").await.shows("src=\"/uploads/my%20cup.png\"");
    let back = browser.get("/uploads/my%20cup.png").await;
    assert_eq!(back.header("content-type"), Some("image/png"));
    assert!(back.body.ends_with("PNG bytes"));
}

#[tokio::test]
async fn the_json_cart_is_the_same_cart() {
    let shop = open().await;
    let mut browser = shop.browser();
    let json = "content-type: application/json\r\n";
    let added = browser.send("POST", "/api/cart", json, br#"{"product": "tide-cups", "quantity": 1}"#).await;
    added.shows(r#""count":1,"goods_cents":3600,"shipping_cents":490"#);
    browser.get("/cart").await.shows("€36.00");
    let unknown = browser.send("POST", "/api/cart", json, br#"{"product": "coffee", "quantity": 1}"#).await;
    assert_eq!(unknown.status, 404);
    let odd = browser.send("POST", "/api/cart", json, br#"{"product": "tide-cups", "price": 1}"#).await;
    assert_eq!(odd.status, 400);
    odd.shows("unknown field");
}

#[tokio::test]
async fn goods_and_orders_are_there_after_a_restart() {
    let shop = open().await;
    let mut browser = shop.browser();
    browser.post("/cart", "product=tide-cups").await;
    browser.post("/checkout", &format!("{ADDRESS}&consent=yes")).await;
    let reopened = open_in(shop.close().await).await;
    let mut browser = reopened.browser();
    browser.get("/orders/1012").await.shows("Ada Stone");
    assert_eq!(left(&mut browser, "tide-cups").await, 13);
}
