//! The mistakes the demo page talks about are really there.

use crate::client::open;

#[tokio::test]
async fn a_union_in_the_search_leaks_addresses_and_password_checksums() {
    let shop = open().await;
    let leak = "/search?q=zzz'%20UNION%20SELECT%20'x',%20email,%20password_hash,%200%20FROM%20customers%20--";
    let answer = shop.browser().get(leak).await;
    assert_eq!(answer.status, 200);
    answer.shows("6 found");
    answer.shows("nora@example.com");
    let checksums = answer.body.split("<p>").filter(|text| {
        text.split('<')
            .next()
            .is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    assert_eq!(checksums.count(), 6, "one for each customer");
}

#[tokio::test]
async fn a_quote_in_the_search_shows_the_databases_own_error() {
    let shop = open().await;
    let answer = shop.browser().get("/search?q='").await;
    assert_eq!(answer.status, 500);
    answer.shows("Database error");
}

#[tokio::test]
async fn a_script_in_a_review_comes_back_as_a_script() {
    let shop = open().await;
    let mut browser = shop.browser();
    browser.review("silver-needle", "<script>alert(1)</script>", None).await;
    browser.get("/products/silver-needle").await.shows("<script>alert(1)</script>");
}

#[tokio::test]
async fn a_path_leaves_the_guides_but_not_the_throwaway_folder() {
    let shop = open().await;
    let mut browser = shop.browser();
    std::fs::write(shop.folder.path().join("outside.txt"), "not yours").unwrap();
    browser.get("/download?file=black-tea.txt").await.shows("good pot of black tea");
    browser.get("/download?file=../config/shop.conf").await.shows("not-a-real-password");
    for path in
        ["../../outside.txt", "/etc/passwd", "../../../../../../../../etc/passwd", "..%2F..%2Foutside.txt"]
    {
        assert_eq!(browser.get(&format!("/download?file={path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn anybody_reads_any_order_by_counting() {
    let shop = open().await;
    let order = shop.browser().get("/orders/1007").await;
    order.shows("Nora Lindqvist");
    order.shows("Hamngatan 4");
}

#[tokio::test]
async fn fifty_wrong_passwords_do_not_stop_the_right_one() {
    let shop = open().await;
    let mut browser = shop.browser();
    for guess in 0..50 {
        let form = format!("email=nora%40example.com&password=guess{guess}");
        assert_eq!(browser.post("/account/sign-in", &form).await.status, 401);
    }
    let right = browser.post("/account/sign-in", "email=nora%40example.com&password=sunshine").await;
    assert_eq!(right.header("location"), Some("/account"));
}

#[tokio::test]
async fn an_upload_keeps_the_clients_name_and_type_inside_the_uploads() {
    let shop = open().await;
    let mut browser = shop.browser();
    browser
        .review("iron-goddess", "Look", Some(("../../evil.html", "text/html", b"<script>1</script>")))
        .await;
    let back = browser.get("/uploads/evil.html").await;
    assert_eq!(back.header("content-type"), Some("text/html"));
    assert!(shop.folder.path().join("shop/uploads/evil.html").is_file());
}

#[tokio::test]
async fn banners_and_cookie_are_as_careless_as_announced() {
    let shop = open().await;
    let mut browser = shop.browser();
    let added = browser.post("/cart", "product=tide-cups").await;
    assert_eq!(added.header("server"), Some("TideShop/1.4"));
    assert!(added.header("x-powered-by").is_some());
    let cookie = added.header("set-cookie").unwrap();
    assert!(
        !cookie.contains("HttpOnly") && !cookie.contains("SameSite") && !cookie.contains("Secure"),
        "{cookie}"
    );
}
