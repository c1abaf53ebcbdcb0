//! What people decide, and taking it back.

use std::collections::BTreeMap;

use gabion_markup::PageClass;
use gabion_pages::change::{ChangeKind, ChangeState};
use gabion_pages::decision::{Approval, Authorization, DecisionKind};
use gabion_pages::{PagesError, Status};

use crate::harness::{CHECKOUT, World, address, all, ann};

fn why(script: gabion_pages::ScriptId, justification: &str) -> Authorization {
    Authorization { script, justification: justification.to_owned(), owner: Some("Bo".to_owned()) }
}

#[tokio::test]
async fn a_script_is_authorized_with_a_reason_and_its_change_accepted() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let id = world.script("/static/app.js").await.id;
    let empty = world.pages.authorize(vec![why(id, "  ")], ann()).await;
    assert!(matches!(empty, Err(PagesError::Field { field: "justification", .. })));
    let decision = world.pages.authorize(vec![why(id, "Runs the checkout.")], ann()).await.unwrap();
    let script = world.script("/static/app.js").await;
    assert_eq!((script.status, script.decided_by), (Status::Authorized, Some(ann())));
    assert_eq!(script.justification.as_deref(), Some("Runs the checkout."));
    assert_eq!(script.owner.as_deref(), Some("Bo"));
    let changes = world.changes().await;
    let own = changes.iter().find(|change| change.script == Some(id)).unwrap();
    assert_eq!((own.state, own.settled_by.clone()), (ChangeState::Accepted, Some(ann())));
    assert_eq!((decision.items[0].before.as_str(), decision.items[0].after.as_str()), ("new", "authorized"));
    assert_eq!(world.events_of("pages.decided").await.len(), 1);
}

#[tokio::test]
async fn a_decision_is_taken_back_unless_something_else_was_decided_since() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let id = world.script("/static/app.js").await.id;
    let first = world.pages.authorize(vec![why(id, "Runs the checkout.")], ann()).await.unwrap();
    let second = world.pages.deny(vec![id], "Not ours.", ann()).await.unwrap();
    assert!(matches!(world.pages.undo(first.id, ann()).await, Err(PagesError::Superseded)));
    world.pages.undo(second.id, ann()).await.unwrap();
    let script = world.script("/static/app.js").await;
    assert_eq!(script.justification.as_deref(), Some("Runs the checkout."));
    assert_eq!(script.status, Status::Authorized);
    assert!(matches!(world.pages.undo(second.id, ann()).await, Err(PagesError::Superseded)));
    world.pages.undo(first.id, ann()).await.unwrap();
    assert_eq!(world.script("/static/app.js").await.status, Status::New);
    let log = world.pages.decisions(&world.site, all()).await.unwrap().items;
    let kinds: Vec<_> = log.iter().map(|decision| decision.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == DecisionKind::Undo).count(), 2);
    let of = |id| log.iter().find(|one| one.id == id).unwrap();
    assert_eq!(of(of(first.id).undone_by.unwrap()).undoes, Some(first.id));
}

#[tokio::test]
async fn a_class_is_approved_at_once_and_every_script_has_a_reason() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let stripe = world.script("js.stripe.com/v3/").await.id;
    let without =
        Approval { each: BTreeMap::from([(stripe, "Takes the card.".to_owned())]), ..Approval::default() };
    let class = PageClass::Payment;
    let refused = world.pages.approve_class(&world.site, class, without.clone(), ann()).await;
    assert!(matches!(refused, Err(PagesError::Field { field: "justification", .. })));
    assert!(world.scripts().await.iter().all(|script| script.status == Status::New), "nothing was changed");
    let common = Approval {
        justification: Some("Part of the checkout.".to_owned()),
        owner: Some("Shop team".to_owned()),
        with_destinations: true,
        with_headers: true,
        ..without
    };
    let decision = world.pages.approve_class(&world.site, class, common.clone(), ann()).await.unwrap();
    assert_eq!(decision.items.len(), 5, "four scripts and the headers of a page");
    let scripts = world.scripts().await;
    assert!(scripts.iter().all(|script| script.status == Status::Authorized));
    let stripe = scripts.iter().find(|script| script.id == stripe).unwrap();
    assert_eq!(stripe.justification.as_deref(), Some("Takes the card."));
    assert!(world.changes().await.iter().all(|change| change.state == ChangeState::Accepted));
    let overview = world.pages.overview(&world.site).await.unwrap();
    assert_eq!((overview.classes[0].changes_open, overview.classes[0].scripts.authorized), (0, 4));
    assert!(overview.classes[0].baseline_at.is_some());
    world.pages.undo(decision.id, ann()).await.unwrap();
    assert!(world.scripts().await.iter().all(|script| script.status == Status::New));
    let overview = world.pages.overview(&world.site).await.unwrap();
    assert_eq!(overview.classes[0].baseline_at, None);
}

#[tokio::test]
async fn a_denied_script_that_is_in_a_page_is_told_once_a_day() {
    let world = World::new().await;
    world.approved().await;
    let html = format!("{CHECKOUT}<script src=https://evil.example/s.js></script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    let evil = world.script("evil.example/s.js").await.id;
    world.pages.deny(vec![evil], "Nobody knows it.", ann()).await.unwrap();
    for _ in 0..3 {
        world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
    }
    assert_eq!(world.events_of("pages.script_denied_seen").await.len(), 1);
    assert_eq!(world.change(ChangeKind::ScriptDeniedSeen).await.script, Some(evil));
}

#[tokio::test]
async fn only_scripts_that_stay_as_they_are_are_pinned() {
    let world = World::new().await;
    world.approved().await;
    world.take(vec![world.ran(PageClass::Payment, "https://js.stripe.com/v3/", "x()")]).await;
    let stripe = world.script("js.stripe.com/v3/").await.id;
    let refused = world.pages.set_pin(stripe, true, ann()).await;
    assert!(matches!(refused, Err(PagesError::ChangesByItself { company: "Stripe" })));
    let app = world.script("/static/app.js").await;
    world.pages.set_pin(app.id, true, ann()).await.unwrap();
    let holding = world.pages.holding(&world.site).await.unwrap();
    let pinned = &holding.by_class[&PageClass::Payment].pinned;
    assert_eq!(pinned.get(&address("/static/app.js")).map(ToString::to_string), app.hash);
    world.take(vec![world.script_served("/static/app.js", "changed()")]).await;
    let script = world.script("/static/app.js").await;
    assert_ne!(script.pin, script.hash, "a pin stays with what was approved");
    world.pages.authorize(vec![why(app.id, "The new version, read by Bo.")], ann()).await.unwrap();
    let script = world.script("/static/app.js").await;
    assert_eq!(script.pin, script.hash, "and moves when a person approves what it says now");
    world.pages.set_pin(app.id, false, ann()).await.unwrap();
    assert_eq!(world.script("/static/app.js").await.pin, None);
}

#[tokio::test]
async fn a_change_is_settled_with_a_note() {
    let world = World::new().await;
    world.approved().await;
    world.take(vec![world.script_served("/static/app.js", "start();\nshow();\nmore();")]).await;
    let change = world.change(ChangeKind::ScriptChanged).await;
    let note = Some("Release 4.2.");
    let decision = world.pages.settle_change(change.id, ChangeState::Accepted, note, ann()).await.unwrap();
    let settled = world.change(ChangeKind::ScriptChanged).await;
    assert_eq!((settled.state, settled.note.as_deref()), (ChangeState::Accepted, note));
    world.pages.undo(decision.id, ann()).await.unwrap();
    assert_eq!(world.change(ChangeKind::ScriptChanged).await.state, ChangeState::Open);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_decided_about() {
    let world = World::new().await;
    let nothing = gabion_pages::ScriptId::from_bits(1);
    let refused = world.pages.authorize(vec![why(nothing, "x")], ann()).await;
    assert!(matches!(refused, Err(PagesError::NotFound { what: "script" })));
    assert!(matches!(
        world.pages.authorize(vec![], ann()).await,
        Err(PagesError::Field { field: "items", .. })
    ));
    let refused = world.pages.stop_origin(&world.site, "https://a.example/path", "x", ann()).await;
    assert!(matches!(refused, Err(PagesError::Field { field: "origin", .. })));
    assert_eq!(world.events().await, []);
}
