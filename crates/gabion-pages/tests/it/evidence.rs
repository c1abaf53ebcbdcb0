//! What is exported, that it is signed, and what is kept for how long.

use std::time::Duration;

use data_encoding::BASE64;
use gabion_core::Timestamp;
use gabion_markup::PageClass;
use gabion_pages::PagesError;
use gabion_pages::evidence::{EvidenceError, Period, verify_evidence};
use serde_json::Value;

use crate::harness::{World, ann};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn last_year(world: &World) -> Period {
    Period { from: world.now().before(365 * DAY), until: world.now().after(DAY) }
}

#[tokio::test]
async fn an_export_says_who_approved_what_and_can_be_checked_by_others() {
    let world = World::new().await;
    world.approved().await;
    let text = world.pages.evidence(&world.site, last_year(&world), ann()).await.unwrap();
    let key = BASE64.decode(world.pages.evidence_key().as_bytes()).unwrap();
    let verified = verify_evidence(&text, &key).unwrap();
    assert_eq!((verified.site.as_str(), verified.key_epoch), ("tea", 1));
    let document = &serde_json::from_str::<Value>(&text).unwrap()["document"];
    assert_eq!(document["scripts"].as_array().unwrap().len(), 4);
    assert_eq!(document["scripts"][0]["justification"], "Needed to pay.");
    assert_eq!(document["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(document["baselines"][0]["headers"]["x-frame-options"], "deny");
    assert_eq!(document["evaluations"][0]["day"], "2023-11-14");
    assert_eq!(document["evaluations"][0]["servings"], 1);
    assert_eq!(document["changes"].as_array().unwrap().len(), 4);
    assert_eq!(document["requirements"].as_array().unwrap().len(), 5);
    assert!(!text.to_lowercase().contains("compliant"));
    assert_eq!(world.events_of("pages.evidence_exported").await.len(), 1);
}

#[tokio::test]
async fn a_changed_export_or_one_of_another_key_is_refused() {
    let world = World::new().await;
    world.approved().await;
    let text = world.pages.evidence(&world.site, last_year(&world), ann()).await.unwrap();
    let changed = text.replace("Needed to pay.", "Needed to play.");
    assert_ne!(changed, text);
    assert_eq!(world.pages.verify_evidence(&changed), Err(EvidenceError::Changed));
    assert_eq!(world.pages.verify_evidence("{}"), Err(EvidenceError::NotEvidence));
    assert_eq!(verify_evidence(&text, &[7; 32]), Err(EvidenceError::OtherKey));
    world.db.rotate_key(gabion_crypto::KeyUse::Evidence, ann()).await.unwrap();
    assert_eq!(world.pages.verify_evidence(&text).unwrap().key_epoch, 1, "an older key goes on counting");
    let newer = world.pages.evidence(&world.site, last_year(&world), ann()).await.unwrap();
    assert_eq!(world.pages.verify_evidence(&newer).unwrap().key_epoch, 2);
}

#[tokio::test]
async fn a_period_is_a_year_at_most() {
    let world = World::new().await;
    let (from, until) = (Timestamp::from_seconds(0), Timestamp::from_seconds(400 * 24 * 3600));
    for period in [Period { from, until }, Period { from: until, until: from }] {
        let refused = world.pages.evidence(&world.site, period, ann()).await;
        assert!(matches!(refused, Err(PagesError::Field { .. })));
        assert!(matches!(world.pages.statement(&world.site, period).await, Err(PagesError::Field { .. })));
    }
}

#[tokio::test]
async fn the_statement_counts_and_does_not_judge() {
    let world = World::new().await;
    world.approved().await;
    let text = world.pages.statement(&world.site, last_year(&world)).await.unwrap();
    for part in [
        "Payment pages: 1. Times that Gabion looked at one while serving it: 1. Days with such a time: 1.",
        "Scripts: 4 authorized, 4 of them with a written reason; 0 undecided",
        "the policy is not enforced",
        "FAQ 1588",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for word in ["compliant", "certified", "secure"] {
        assert!(!text.to_lowercase().contains(word), "{word}");
    }
}

#[tokio::test]
async fn evidence_is_kept_for_a_year_and_then_deleted() {
    let world = World::new().await;
    world.approved().await;
    world.pass(364 * DAY);
    world.pages.sweep().await.unwrap();
    let text = world.pages.evidence(&world.site, last_year(&world), ann()).await.unwrap();
    let document = &serde_json::from_str::<Value>(&text).unwrap()["document"];
    assert_eq!(document["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(document["scripts"].as_array().unwrap().len(), 4);
    world.pass(4 * DAY);
    while world.pages.sweep().await.unwrap() > 0 {}
    assert_eq!(world.changes().await.len(), 0);
    assert_eq!(world.scripts().await.len(), 0);
    let classes = world.pages.classes(&world.site).await.unwrap();
    assert!(classes.confirmed.is_some(), "what pages are for stays");
}

#[tokio::test]
async fn what_nobody_watches_is_forgotten_sooner() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Other, "/tea", "<script>x()</script>")]).await;
    world.pass(61 * DAY);
    while world.pages.sweep().await.unwrap() > 0 {}
    assert_eq!(world.scripts().await.len(), 0);
}
