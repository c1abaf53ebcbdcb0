//! Looks from outside.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gabion_core::{Severity, SiteId};
use gabion_markup::report::{ReportKind, ScriptHash};
use gabion_markup::sighting::Sighting;
use gabion_markup::{Address, ContentHash, PageClass};
use gabion_pages::change::ChangeKind;
use gabion_pages::look::{Answer, LookError, Outside};
use gabion_pages::task::AlreadyRead;

use crate::harness::{CHECKOUT, HEADERS, SKIMMER, World};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A browser says that it ran a script.
fn ran(world: &World, script: &str, text: &str) -> Sighting {
    let hash = ContentHash::of(text.as_bytes()).to_string();
    let script = Address::parse(script);
    let destination = "script".to_owned();
    world.reported(PageClass::Payment, ReportKind::Hash(ScriptHash { script, hash, destination }))
}

/// A shop that answers by address; nothing else is there.
#[derive(Default)]
struct Web {
    answers: Mutex<BTreeMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
}

impl Web {
    fn set(&self, address: &str, kind: &str, body: &str) {
        let mut headers: Vec<(String, Vec<u8>)> = vec![("Content-Type".to_owned(), kind.as_bytes().to_vec())];
        headers.extend(HEADERS.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        let answer = Answer { status: 200, headers, body: body.as_bytes().to_vec(), is_cut: false };
        self.answers.lock().unwrap().insert(address.to_owned(), answer);
    }

    fn shop(checkout: &str) -> Self {
        let web = Self::default();
        web.set("https://shop.example/checkout", "text/html; charset=utf-8", checkout);
        web.set("https://js.stripe.com/v3/", "text/javascript", "stripe()");
        web
    }
}

impl Outside for Web {
    fn look<'a>(
        &'a self,
        _: &'a SiteId,
        address: &'a Address,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, LookError>> + Send + 'a>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(address.to_string());
            let found = self.answers.lock().unwrap().get(&address.to_string()).cloned();
            found.ok_or_else(|| LookError("nobody answers".to_owned()))
        })
    }
}

#[tokio::test]
async fn payment_pages_are_looked_at_once_a_day_with_their_scripts() {
    let world = World::new().await;
    world.approved().await;
    let web = Web::shop(CHECKOUT);
    assert_eq!(world.pages.look_round(&web).await.unwrap(), 1);
    assert_eq!(world.pages.look_round(&web).await.unwrap(), 0, "it is not due");
    let asked = web.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        ["https://shop.example/checkout", "https://shop.example/static/app.js", "https://js.stripe.com/v3/"]
    );
    let stripe = world.script("js.stripe.com/v3/").await;
    assert_eq!(stripe.seen_by.words(), ["html", "outside"]);
    assert_eq!(world.pages.script(stripe.id).await.unwrap().text.as_deref(), Some("stripe()"));
    let overview = world.pages.overview(&world.site).await.unwrap();
    assert_eq!((overview.classes[0].last_look, overview.classes[0].page_views), (Some(world.now()), 1));
    world.pass(DAY);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.pages.look_round(&web).await.unwrap(), 1);
    assert_eq!(
        world.changes().await.iter().filter(|change| change.kind != ChangeKind::ScriptAppeared).count(),
        0
    );
}

#[tokio::test]
async fn what_only_a_look_from_outside_sees_is_told() {
    let world = World::new().await;
    world.approved().await;
    let web = Web::shop(&format!("{CHECKOUT}<script>{SKIMMER}</script>"));
    world.pages.look_round(&web).await.unwrap();
    let change = world.change(ChangeKind::ScriptAppeared).await;
    assert_eq!((change.severity, change.seen_by.words()), (Severity::Critical, vec!["outside"]));
    web.set("https://js.stripe.com/v3/", "text/javascript", &format!("stripe();{SKIMMER}"));
    world.pass(2 * DAY);
    world.pages.look_round(&web).await.unwrap();
    let change = world.change(ChangeKind::ScriptChanged).await;
    assert_eq!(
        change.severity,
        Severity::Critical,
        "a script that changes by itself has no licence to steal"
    );
}

#[tokio::test]
async fn a_script_of_others_that_browsers_tell_of_is_read_once_so_that_its_change_can_be_shown() {
    let world = World::new().await;
    world.approved().await;
    let (web, mut read) = (Web::shop(CHECKOUT), AlreadyRead::default());
    let script = "https://js.stripe.com/v3/";
    world.take(vec![ran(&world, script, "stripe()")]).await;
    assert_eq!(world.pages.read_scripts(&web, &mut read).await.unwrap(), 1);
    assert_eq!(world.pages.read_scripts(&web, &mut read).await.unwrap(), 0, "its text is known");
    let changed = format!("stripe();{SKIMMER}");
    web.set(script, "text/javascript", &changed);
    world.take(vec![ran(&world, script, &changed)]).await;
    assert_eq!(world.pages.read_scripts(&web, &mut read).await.unwrap(), 1);
    let change = world.change(ChangeKind::ScriptChanged).await;
    let shown = world.pages.change(change.id).await.unwrap().comparison.expect("both texts are known");
    assert!(format!("{shown:?}").contains("sendBeacon"), "{shown:?}");
    assert_eq!(web.asked.lock().unwrap().len(), 2);
    world.take(vec![ran(&world, "https://gone.example/a.js", "gone()")]).await;
    assert_eq!(world.pages.read_scripts(&web, &mut read).await.unwrap(), 1);
    assert_eq!(world.pages.read_scripts(&web, &mut read).await.unwrap(), 0, "it did not come");
}

#[tokio::test]
async fn a_page_that_cannot_be_looked_at_is_told_at_once_and_after_a_week_again() {
    let world = World::new().await;
    world.approved().await;
    let web = Web::default();
    for _ in 0..9 {
        world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
        world.pages.look_round(&web).await.unwrap();
        world.pages.look_round(&web).await.unwrap();
        world.pass(DAY);
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.events_of("pages.look_failed").await, [Severity::Warning]);
    assert_eq!(world.events_of("pages.look_overdue").await, [Severity::Warning], "it was served");
    world.pass(8 * DAY);
    world.pages.look_round(&web).await.unwrap();
    assert_eq!(world.events_of("pages.look_overdue").await.last(), Some(&Severity::Critical));
    let pages = world.pages.pages(&world.site).await.unwrap();
    assert_eq!(pages[0].look_error.as_deref(), Some("nobody answers"));
    assert_eq!(world.pages.overview(&world.site).await.unwrap().classes[0].looks_overdue, 1);
}

#[tokio::test]
async fn a_redirect_is_no_look() {
    let world = World::new().await;
    world.approved().await;
    let web = Web::default();
    let away = Answer { status: 302, ..Answer::default() };
    web.answers.lock().unwrap().insert("https://shop.example/checkout".to_owned(), away);
    world.pages.look_round(&web).await.unwrap();
    let pages = world.pages.pages(&world.site).await.unwrap();
    assert!(pages[0].look_error.as_ref().unwrap().contains("elsewhere (302)"));
}

#[tokio::test]
async fn the_task_takes_sightings_and_ends_with_them() {
    let world = World::new().await;
    let (sink, receiver) = gabion_pages::channel();
    let mut holdings = world.pages.holdings();
    let task = tokio::spawn(world.pages.clone().run(receiver, Arc::new(Web::default())));
    assert!(sink.offer(world.served(PageClass::Payment, "/checkout", CHECKOUT)));
    holdings.wait_for(|holdings| !holdings.is_empty()).await.unwrap();
    drop(sink);
    task.await.unwrap();
    assert_eq!(world.scripts().await.len(), 4);
}
