//! Policies: proposed, weighed, enforced, taken back.

use gabion_markup::PageClass;
use gabion_markup::holding::{Stage, TrustBy, Undecided};
use gabion_markup::policy::Allowed;
use gabion_markup::report::Blocked;
use gabion_pages::decision::{HoldWish, StageWord, TrustWord, UndecidedWord};
use gabion_pages::{PagesError, Status};

use crate::harness::{CHECKOUT, World, address, all, ann};

fn enforce() -> HoldWish {
    HoldWish { stage: StageWord::Enforce, ..HoldWish::default() }
}

#[tokio::test]
async fn a_policy_is_proposed_from_what_was_seen_and_enforced_from_what_was_approved() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let class = PageClass::Payment;
    let before = world.pages.proposal(&world.site, class).await.unwrap();
    assert!(before.seen_policy.contains("https://js.stripe.com"), "{}", before.seen_policy);
    assert!(!before.enforced_policy.contains("https://js.stripe.com"), "{}", before.enforced_policy);
    assert_eq!((before.page_views, before.undecided, before.breakage.len()), (1, 4, 4));
    assert!(before.breakage.iter().any(|broken| broken.what == "https://js.stripe.com/v3/"));
    world.approved().await;
    let after = world.pages.proposal(&world.site, class).await.unwrap();
    assert_eq!(after.breakage, []);
    assert_eq!((after.trust, after.needs_nonce, after.problem), (TrustWord::Places, false, None));
    let sources = &after.directives["script-src-elem"];
    assert!(sources.contains(&"https://js.stripe.com".to_owned()), "{sources:?}");
    assert!(after.directives["script-src-attr"].contains(&"'unsafe-hashes'".to_owned()));
}

#[tokio::test]
async fn what_would_break_is_told_before_it_is_enforced() {
    let world = World::new().await;
    world.approved().await;
    let blocked = Blocked::Web(address("https://api.ratings.example/v1"));
    world.take(vec![world.violation(PageClass::Payment, "connect-src", blocked)]).await;
    let refused = world.pages.set_hold(&world.site, PageClass::Payment, enforce(), ann()).await;
    assert!(matches!(refused, Err(PagesError::Breaks { count: 1 })));
    let proposal = world.pages.proposal(&world.site, PageClass::Payment).await.unwrap();
    let broken = &proposal.breakage[0];
    assert_eq!(
        (broken.directive.as_str(), broken.what.as_str()),
        ("connect-src", "https://api.ratings.example")
    );
    assert_eq!((broken.is_reported_only, broken.reports), (true, 1));
    let places = world.pages.destinations(&world.site, Default::default(), all()).await.unwrap().items;
    let ids = vec![places[0].id];
    let (reason, status) = ("Shows ratings.", Status::Authorized);
    world.pages.decide_destinations(ids, status, reason, ann()).await.unwrap();
    world.pages.set_hold(&world.site, PageClass::Payment, enforce(), ann()).await.unwrap();
    let holding = world.pages.holding(&world.site).await.unwrap();
    let held = &holding.by_class[&PageClass::Payment];
    assert_eq!(held.stage, Stage::Enforce);
    assert!(held.allowed.connect.contains(&Allowed::Origin(address("https://api.ratings.example/"))));
}

#[tokio::test]
async fn a_person_may_enforce_in_spite_of_it_and_take_it_back_at_once() {
    let world = World::new().await;
    world.approved().await;
    let html = format!("{CHECKOUT}<script>unknown()</script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    let mut watching = world.pages.holdings();
    watching.mark_unchanged();
    let wish = HoldWish { despite_breakage: true, ..enforce() };
    let decision = world.pages.set_hold(&world.site, PageClass::Payment, wish, ann()).await.unwrap();
    assert!(watching.has_changed().unwrap());
    let held =
        |world: &World| world.pages.holdings().borrow()[&world.site].by_class[&PageClass::Payment].clone();
    assert_eq!(held(&world).stage, Stage::Enforce);
    assert_eq!(held(&world).authorized.len(), 4);
    world.pages.undo(decision.id, ann()).await.unwrap();
    assert_eq!(held(&world).stage, Stage::Learn);
    assert_eq!(world.events_of("pages.held").await.len(), 2);
}

#[tokio::test]
async fn nothing_is_enforced_before_somebody_confirmed_what_pages_are_for() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let wish = HoldWish { despite_breakage: true, ..enforce() };
    let refused = world.pages.set_hold(&world.site, PageClass::Payment, wish, ann()).await;
    assert!(matches!(refused, Err(PagesError::ClassesUnconfirmed)));
    let learn = HoldWish::default();
    world.pages.set_hold(&world.site, PageClass::Payment, learn, ann()).await.unwrap();
}

#[tokio::test]
async fn customers_are_led_elsewhere_only_to_a_real_address() {
    let world = World::new().await;
    world.approved().await;
    let wish = |elsewhere: Option<&str>| HoldWish {
        undecided: UndecidedWord::Elsewhere,
        elsewhere: elsewhere.map(str::to_owned),
        ..HoldWish::default()
    };
    for bad in [None, Some("pay"), Some("http://pay.example/"), Some("javascript:x")] {
        let refused = world.pages.set_hold(&world.site, PageClass::Payment, wish(bad), ann()).await;
        assert!(matches!(refused, Err(PagesError::Field { field: "elsewhere", .. })), "{bad:?}");
    }
    let good = wish(Some("https://pay.example/link"));
    world.pages.set_hold(&world.site, PageClass::Payment, good, ann()).await.unwrap();
    let holding = world.pages.holding(&world.site).await.unwrap();
    let expected = Undecided::Elsewhere(address("https://pay.example/link"));
    assert_eq!(holding.by_class[&PageClass::Payment].undecided, expected);
}

#[tokio::test]
async fn scripts_that_differ_in_every_answer_need_a_nonce() {
    let world = World::new().await;
    for token in 0..5 {
        let html = format!("{CHECKOUT}<script>var csrf = 'token{token}';</script>");
        world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    }
    world.approved().await;
    let proposal = world.pages.proposal(&world.site, PageClass::Payment).await.unwrap();
    assert_eq!((proposal.trust, proposal.breakage.len()), (TrustWord::Nonce, 0), "{:?}", proposal.breakage);
    assert!(proposal.enforced_policy.contains("'nonce-…'"));
    let holding = world.pages.holding(&world.site).await.unwrap();
    assert_eq!(holding.by_class[&PageClass::Payment].trust, TrustBy::Nonce);
}

#[tokio::test]
async fn of_a_host_for_everybody_only_the_file_is_allowed() {
    let world = World::new().await;
    let file = "https://cdn.jsdelivr.net/npm/vue@3/vue.js";
    let html = format!("{CHECKOUT}<script src={file}></script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    world.approved().await;
    let holding = world.pages.holding(&world.site).await.unwrap();
    let scripts = &holding.by_class[&PageClass::Payment].allowed.scripts;
    assert!(scripts.contains(&Allowed::Path(address(file))), "{scripts:?}");
    assert!(scripts.contains(&Allowed::Own));
}

#[tokio::test]
async fn an_origin_is_stopped_and_allowed_again() {
    let world = World::new().await;
    world.approved().await;
    let origin = "https://js.stripe.com";
    world.pages.stop_origin(&world.site, origin, "A report of theft.", ann()).await.unwrap();
    let holding = world.pages.holding(&world.site).await.unwrap();
    assert!(holding.stopped_origins.contains(origin));
    let scripts = &holding.by_class[&PageClass::Payment].allowed.scripts;
    assert!(!scripts.contains(&Allowed::Origin(address("https://js.stripe.com/"))));
    let overview = world.pages.overview(&world.site).await.unwrap();
    assert_eq!(overview.stopped_origins[0].reason, "A report of theft.");
    world.pages.allow_origin(&world.site, origin, ann()).await.unwrap();
    assert!(world.pages.holding(&world.site).await.unwrap().stopped_origins.is_empty());
}

#[tokio::test]
async fn what_is_held_is_there_again_after_a_restart() {
    let world = World::new().await;
    world.approved().await;
    let deps = gabion_pages::Deps {
        db: world.db.clone(),
        clock: std::sync::Arc::new(world.clock.clone()),
        entropy: std::sync::Arc::new(gabion_test::SeededEntropy::new(9)),
    };
    let again = gabion_pages::Pages::new(gabion_pages::LooksSection::default(), deps);
    assert!(again.holdings().borrow().is_empty());
    again.refresh().await.unwrap();
    assert_eq!(*again.holdings().borrow(), *world.pages.holdings().borrow());
}
