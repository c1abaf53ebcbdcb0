//! The whole life of an inventory on PostgreSQL, so that every statement ran there.

use std::time::Duration;

use gabion_core::Severity;
use gabion_markup::PageClass;
use gabion_markup::report::Blocked;
use gabion_pages::Status;
use gabion_pages::change::{ChangeFilter, ChangeKind, ChangeState};
use gabion_pages::decision::HoldWish;
use gabion_pages::destination::DestinationFilter;
use gabion_pages::evidence::Period;
use gabion_pages::look::{Answer, LookError, Outside};
use gabion_pages::script::ScriptFilter;
use gabion_store::StorageConfig;
use gabion_test::postgres::Database;

use crate::harness::{CHECKOUT, SKIMMER, World, address, all, ann};

struct Nobody;

impl Outside for Nobody {
    fn look<'a>(
        &'a self,
        _: &'a gabion_core::SiteId,
        _: &'a gabion_markup::Address,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Answer, LookError>> + Send + 'a>> {
        Box::pin(async { Err(LookError("nobody answers".to_owned())) })
    }
}

#[tokio::test]
async fn every_statement_works_on_postgresql() {
    let Some(database) = Database::create() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut config = StorageConfig::new(database.url());
    config.files = Some(folder.path().to_owned());
    let world = World::on(config).await;
    live(&world).await;
    let World { db, pages, .. } = world;
    drop(pages);
    db.close().await;
}

/// The same on both, so that a difference is one of the databases.
#[tokio::test]
async fn every_statement_works_on_sqlite() {
    live(&World::new().await).await;
}

async fn live(world: &World) {
    let payment = PageClass::Payment;
    world.approved().await;
    for token in 0..5 {
        let html =
            format!("{CHECKOUT}<script>var csrf = 'token{token}';</script><img src=https://i.example/p>");
        world.take(vec![world.served(payment, "/checkout", &html)]).await;
    }
    world
        .take(vec![
            world.script_served("/static/app.js", "start();\nmore();"),
            world.ran(payment, "https://js.stripe.com/v3/", "x()"),
            world.violation(payment, "connect-src", Blocked::Web(address("https://api.example/"))),
            world.violation(payment, "script-src", Blocked::Eval),
            world.violation(payment, "script-src-elem", Blocked::Inline),
            world.served(payment, "/checkout", &format!("{CHECKOUT}<script>{SKIMMER}</script>")),
            world.served(
                payment,
                "/checkout",
                "<form name=card action=/else method=post><input name=cardnumber></form>",
            ),
        ])
        .await;
    let filter = ScriptFilter {
        class: Some(payment),
        status: Some(Status::New),
        text: Some("CSRF".to_owned()),
        ..ScriptFilter::default()
    };
    assert_eq!(world.pages.scripts(&world.site, filter, all()).await.unwrap().items.len(), 1);
    let filter = ScriptFilter { foreign_only: true, ..ScriptFilter::default() };
    assert_eq!(world.pages.scripts(&world.site, filter, all()).await.unwrap().items.len(), 1);
    let filter = ChangeFilter { severity_min: Some(Severity::Critical), ..ChangeFilter::default() };
    assert!(world.pages.changes(&world.site, filter, all()).await.unwrap().items.len() >= 4);
    let change = world.change(ChangeKind::ScriptChanged).await;
    assert!(world.pages.change(change.id).await.unwrap().comparison.is_some());
    assert_eq!(world.pages.script(change.script.unwrap()).await.unwrap().versions.len(), 2);

    let settled = world.pages.settle_change(change.id, ChangeState::Accepted, None, ann()).await.unwrap();
    world.pages.undo(settled.id, ann()).await.unwrap();
    let places =
        world.pages.destinations(&world.site, DestinationFilter::default(), all()).await.unwrap().items;
    let ids: Vec<_> = places.iter().map(|place| place.id).collect();
    world.pages.decide_destinations(ids, Status::Denied, "Not needed.", ann()).await.unwrap();
    let app = world.script("/static/app.js").await.id;
    world.pages.set_pin(app, true, ann()).await.unwrap();
    world.pages.deny(vec![app], "Not ours.", ann()).await.unwrap();
    world.pages.stop_origin(&world.site, "https://js.stripe.com", "A test.", ann()).await.unwrap();
    world.pages.approve_headers(&world.site, payment, ann()).await.unwrap();
    world.pages.set_hold(&world.site, payment, HoldWish::default(), ann()).await.unwrap();
    world.pages.refresh().await.unwrap();

    assert!(world.pages.proposal(&world.site, payment).await.unwrap().reports >= 3);
    assert!(!world.pages.third_parties(&world.site).await.unwrap().is_empty());
    assert_eq!(world.pages.baselines(&world.site).await.unwrap().len(), 1);
    assert!(world.pages.decisions(&world.site, all()).await.unwrap().items.len() >= 8);
    assert!(world.pages.classes(&world.site).await.unwrap().confirmed.is_some());
    assert_eq!(world.pages.look_round(&Nobody).await.unwrap(), 1);
    let period = Period {
        from: world.now().before(Duration::from_secs(3600)),
        until: world.now().after(Duration::from_secs(1)),
    };
    let text = world.pages.evidence(&world.site, period, ann()).await.unwrap();
    world.pages.verify_evidence(&text).unwrap();
    world.pages.statement(&world.site, period).await.unwrap();
    world.pass(Duration::from_secs(400 * 24 * 3600));
    while world.pages.sweep().await.unwrap() > 0 {}
    assert!(world.scripts().await.is_empty());
}
