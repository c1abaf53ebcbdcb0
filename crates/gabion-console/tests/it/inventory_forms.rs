//! What people decide about pages, and how they take it back.

use gabion_markup::PageClass;

use crate::harness::Harness;
use crate::sights::{CHECKOUT, SITE};

/// The decision at the top of the list, for the form of taking it back.
async fn last_decision(harness: &Harness) -> String {
    let desk = harness.page("owner", "/pages/desk").await;
    let at = desk.text.split("name=\"decision\" value=\"").nth(1).expect("a decision to take back");
    at.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_script_is_approved_with_a_reason_and_not_without() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let id = harness.scripts("stripe").await.remove(0);
    let form = |reason: &str, verdict: &str| {
        format!("site={SITE}&class=&script={id}&verdict={verdict}&justification={reason}&owner=Payments+team")
    };
    harness.post("operator", "/pages/desk", &form("+", "approve")).await.shows("say why");
    assert_eq!(harness.post("operator", "/pages/desk", &form("x", "explode")).await.status(), 400);
    let long = "x".repeat(2_001);
    harness.post("operator", "/pages/desk", &form(&long, "approve")).await.shows("at most 2000 bytes");
    let done = harness.post("operator", "/pages/desk", &form("Takes+card+payments", "approve")).await;
    assert_eq!((done.status(), done.header("location")), (303, "/pages/desk"));
    let page = harness.page("auditor", &format!("/pages/scripts/{id}")).await;
    page.shows("approved");
    page.shows("Takes card payments");
    page.shows("Payments team answers for it");
    page.shows("Stripe changes it without notice");
}

#[tokio::test]
async fn several_are_decided_at_once_and_taken_back_at_once() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let ids = harness.scripts("").await;
    assert_eq!(ids.len(), 3);
    let marked: String = ids.iter().map(|id| format!("&script={id}")).collect();
    let form = format!("site={SITE}&verdict=deny&justification=Nobody+knows+them{marked}");
    assert_eq!(harness.post("operator", "/pages/desk", &form).await.status(), 303);
    harness.page("operator", "/pages").await.shows("3 denied");
    let nothing = format!("site={SITE}&verdict=deny&justification=x");
    harness.post("operator", "/pages/desk", &nothing).await.shows("name what you decide about");

    let decision = last_decision(&harness).await;
    let undo = format!("decision={decision}&back=/pages/desk");
    let back = harness.post("operator", "/pages/undo", &undo).await;
    assert_eq!((back.status(), back.header("location")), (303, "/pages/desk"));
    harness.page("operator", "/pages").await.shows("0 denied");
    assert_eq!(harness.post("operator", "/pages/undo", &undo).await.status(), 409, "once is enough");
}

#[tokio::test]
async fn a_file_of_the_shop_is_pinned_and_let_go() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let id = harness.scripts("cart.js").await.remove(0);
    let path = format!("/pages/scripts/{id}");
    harness.post("owner", &format!("{path}/pin"), "pinned=yes").await.shows("authorize it first");
    harness.post("owner", &path, "verdict=approve&justification=Shows+the+cart").await;
    harness.page("owner", &path).await.shows("Pin to what it says now");
    assert_eq!(harness.post("owner", &format!("{path}/pin"), "pinned=yes").await.status(), 303);
    harness.page("owner", &path).await.shows("Unpin");
    assert_eq!(harness.post("owner", &format!("{path}/pin"), "pinned=no").await.status(), 303);
    harness.page("owner", &path).await.shows("Pin to what it says now");
}

#[tokio::test]
async fn a_change_is_settled_with_a_note_and_opened_again() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let list = harness.page("operator", "/pages/changes?state=open").await;
    let id = list.text.split("href=\"/pages/changes/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let path = format!("/pages/changes/{id}");
    let done = harness.post("operator", &path, "state=accepted&note=Our+new+theme").await;
    assert_eq!((done.status(), done.header("location")), (303, path.as_str()));
    let page = harness.page("operator", &path).await;
    page.shows("accepted");
    page.shows("by you");
    page.shows("Our new theme");
    let long = format!("state=accepted&note={}", "x".repeat(1_001));
    harness.post("operator", &path, &long).await.shows("at most 1000 bytes");
    assert_eq!(harness.post("operator", &path, "state=forgotten&note=").await.status(), 400);
    assert_eq!(harness.post("operator", &path, "state=open&note=").await.status(), 303);
    harness.page("operator", &path).await.hides("Open it again");
}

#[tokio::test]
async fn a_third_party_is_stopped_after_one_question_and_allowed_again() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let address = format!("/pages/third-parties/decide?site={SITE}&origin=https%3A%2F%2Fjs.stripe.com");
    let question = harness.page("operator", &format!("{address}&act=stop")).await;
    question.shows("Stop js.stripe.com?");
    question.shows("no script from js.stripe.com runs on any page of Tidewater Tea");
    let form = |act: &str, reason: &str| {
        format!("site={SITE}&origin=https%3A%2F%2Fjs.stripe.com&act={act}&reason={reason}")
    };
    harness.post("operator", "/pages/third-parties/decide", &form("stop", "")).await.shows("say why");
    let stopped = harness.post("operator", "/pages/third-parties/decide", &form("stop", "moved")).await;
    assert_eq!((stopped.status(), stopped.header("location")), (303, "/pages/third-parties"));
    let page = harness.page("operator", "/pages/third-parties").await;
    page.shows("chart-cut");
    page.shows("Allow<span");
    harness.page("owner", "/pages").await.shows("<code>https://js.stripe.com</code>: moved");
    harness
        .page("operator", &format!("{address}&act=allow"))
        .await
        .shows("run again on pages of Tidewater Tea");
    let allowed = harness.post("operator", "/pages/third-parties/decide", &form("allow", "")).await;
    assert_eq!(allowed.status(), 303);
    harness.page("operator", "/pages/third-parties").await.hides("chart-cut");
    assert_eq!(harness.page("operator", &format!("{address}&act=shut")).await.status(), 400);
}

#[tokio::test]
async fn a_policy_is_enforced_after_one_question_and_undone_with_one_click() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let hold = |stage: &str, more: &str| {
        format!("site={SITE}&class=payment&stage={stage}&undecided=told&trust=auto&elsewhere={more}")
    };
    let unconfirmed = harness.post("operator", "/pages/policy", &hold("enforce", "&despite=yes")).await;
    unconfirmed.shows("confirm first what the pages of this site are for");
    harness.post("operator", "/pages/classes", &format!("site={SITE}&path=/checkout&class=payment")).await;
    let ask = format!("/pages/policy/enforce?site={SITE}&class=payment");
    harness.page("operator", &ask).await.shows("Enforce it anyway");
    harness.post("operator", "/pages/policy", &hold("enforce", "")).await.shows("would stop");

    let approve = format!("site={SITE}&class=payment&justification=All+ours&destinations=on&headers=on");
    harness.post("operator", "/pages/desk/class", &approve).await;
    harness.page("operator", &ask).await.shows("Nothing that these pages do now would be stopped.");
    let enforced = harness.post("operator", "/pages/policy", &hold("enforce", "")).await;
    assert_eq!((enforced.status(), enforced.header("location")), (303, "/pages/policy#payment"));
    harness.page("operator", "/pages/policy").await.shows("Back to learning, at once");
    assert_eq!(harness.post("operator", "/pages/policy", &hold("learn", "")).await.status(), 303);
    harness.page("operator", "/pages/policy").await.hides("Back to learning, at once");

    let elsewhere = |address: &str| {
        format!("site={SITE}&class=payment&stage=learn&undecided=elsewhere&trust=auto&elsewhere={address}")
    };
    harness
        .post("operator", "/pages/policy", &elsewhere("http://pay.example"))
        .await
        .shows("https://pay.example/link");
    let led = harness.post("operator", "/pages/policy", &elsewhere("https://pay.example/link")).await;
    assert_eq!(led.status(), 303);
    harness
        .page("operator", "/pages/policy")
        .await
        .shows("sends customers to https://pay.example/link instead");
}

#[tokio::test]
async fn destinations_and_headers_are_decided_on_the_desk_too() {
    let harness = Harness::new().await;
    harness.checkout().await;
    let desk = harness.page("operator", "/pages/desk").await;
    desk.shows("Destinations that wait");
    desk.shows("Nobody approved them yet.");
    let id = desk.text.split("name=\"destination\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("site={SITE}&class=&verdict=deny&justification=A+pixel&destination={id}");
    assert_eq!(harness.post("operator", "/pages/desk/destinations", &form).await.status(), 303);
    harness.page("operator", "/pages/desk").await.hides(id);
    let form = format!("site={SITE}&class=payment");
    assert_eq!(harness.post("operator", "/pages/desk/headers", &form).await.status(), 303);
    harness.page("operator", "/pages/desk").await.hides("Nobody approved them yet.");
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed() {
    let harness = Harness::new().await;
    harness.serve(PageClass::Payment, "/checkout", CHECKOUT).await;
    let id = harness.scripts("stripe").await.remove(0);
    let long = format!("because+{}", "x".repeat(2_000));
    let form = format!("site={SITE}&script={id}&verdict=approve&justification={long}");
    harness.post("operator", "/pages/desk", &form).await.shows("value=\"because xxx");
    let wrong = format!("site={SITE}&path=checkout&class=payment");
    let page = harness.post("operator", "/pages/classes", &wrong).await;
    page.shows("a path begins with /");
    page.shows("value=\"checkout\"");
}
