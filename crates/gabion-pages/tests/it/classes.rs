//! What pages look like they are for, until a person says it.

use gabion_markup::PageClass;
use gabion_markup::holding::{Stage, Undecided};

use crate::harness::{CHECKOUT, World, ann, rule};

#[tokio::test]
async fn pages_are_proposed_from_what_is_on_them_and_looked_at_like_that() {
    let world = World::new().await;
    world
        .take(vec![
            world.served(PageClass::Other, "/checkout/step1", CHECKOUT),
            world.served(PageClass::Other, "/kunde/anmelden", "<form><input type=password name=p></form>"),
            world.served(PageClass::Other, "/mein-konto/bestellungen", ""),
            world.served(PageClass::Other, "/tea/green", ""),
        ])
        .await;
    let classes = world.pages.classes(&world.site).await.unwrap();
    assert_eq!(classes.confirmed, None);
    let expected = vec![
        rule("/checkout/*", PageClass::Payment),
        rule("/kunde/anmelden/*", PageClass::SignIn),
        rule("/mein-konto/*", PageClass::Account),
    ];
    assert_eq!(classes.proposed, expected);
    let holding = world.pages.holding(&world.site).await.unwrap();
    assert_eq!(holding.classes, expected);
    assert_eq!(*world.pages.holdings().borrow().get(&world.site).unwrap(), holding, "it was told");
}

#[tokio::test]
async fn what_a_person_confirmed_counts_and_what_it_misses_is_shown() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Other, "/checkout", CHECKOUT)]).await;
    let rules = vec![rule("/login", PageClass::SignIn)];
    world.pages.set_classes(&world.site, rules.clone(), ann()).await.unwrap();
    let classes = world.pages.classes(&world.site).await.unwrap();
    assert_eq!(classes.confirmed, Some(rules.clone()));
    assert_eq!(classes.unexplained.len(), 1);
    assert_eq!(classes.unexplained[0].proposed, PageClass::Payment);
    assert_eq!(world.pages.holding(&world.site).await.unwrap().classes, rules);
}

#[tokio::test]
async fn nothing_acts_on_what_pages_only_look_like() {
    let world = World::new().await;
    world.approved().await;
    let wish = gabion_pages::decision::HoldWish {
        stage: gabion_pages::decision::StageWord::Enforce,
        undecided: gabion_pages::decision::UndecidedWord::Stopped,
        ..Default::default()
    };
    world.pages.set_hold(&world.site, PageClass::Payment, wish, ann()).await.unwrap();
    let held = |holding: gabion_markup::holding::SiteHolding| {
        let held = &holding.by_class[&PageClass::Payment];
        (held.stage, held.undecided.clone())
    };
    let holding = world.pages.holding(&world.site).await.unwrap();
    assert_eq!(held(holding), (Stage::Enforce, Undecided::Stopped));
    let decisions = world.pages.decisions(&world.site, crate::harness::all()).await.unwrap().items;
    let classes =
        decisions.iter().find(|one| one.kind == gabion_pages::decision::DecisionKind::Classes).unwrap();
    world.pages.undo(classes.id, ann()).await.unwrap();
    let holding = world.pages.holding(&world.site).await.unwrap();
    assert_eq!(held(holding), (Stage::Learn, Undecided::Told));
}
