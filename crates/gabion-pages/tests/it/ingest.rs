//! What is kept of what was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use gabion_markup::PageClass;
use gabion_markup::report::Blocked;
use gabion_markup::sighting::Sighting;
use gabion_pages::script::ScriptForm;
use gabion_pages::{SeenBy, Status, channel};
use proptest::prelude::*;

use crate::harness::{CHECKOUT, World, address, all};

#[tokio::test]
async fn a_page_fills_the_inventory_by_itself() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let mut forms: Vec<ScriptForm> = world.scripts().await.iter().map(|script| script.form).collect();
    forms.sort_by_key(|form| form.as_str());
    assert_eq!(forms, [ScriptForm::Handler, ScriptForm::Inline, ScriptForm::Web, ScriptForm::Web]);
    let stripe = world.script("js.stripe.com/v3/").await;
    assert_eq!((stripe.company, stripe.changes_by_itself, stripe.is_own), (Some("Stripe"), true, false));
    assert_eq!(stripe.reads.words(), ["card"]);
    assert_eq!(stripe.seen_by, SeenBy::SERVED);
    let app = world.script("/static/app.js").await;
    assert_eq!((app.is_own, app.hash, app.status), (true, None, Status::New));
    let overview = world.pages.overview(&world.site).await.unwrap();
    let payment = &overview.classes[0];
    assert_eq!((payment.class, payment.scripts.new, payment.page_views), (PageClass::Payment, 4, 1));
    assert!(!overview.classes_confirmed);
}

#[tokio::test]
async fn who_saw_something_and_when_adds_up() {
    let world = World::new().await;
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    let first = world.script("js.stripe.com/v3/").await;
    world.pass(Duration::from_secs(3600));
    world.take(vec![world.ran(PageClass::Payment, "https://js.stripe.com/v3/", "x()")]).await;
    let now = world.script("js.stripe.com/v3/").await;
    assert_eq!((now.id, now.first_seen), (first.id, first.first_seen));
    assert_eq!(now.last_seen, world.now());
    assert_eq!(now.seen_by.words(), ["html", "hash_report"]);
    assert!(now.hash.unwrap().starts_with("sha256-"));
}

#[tokio::test]
async fn scripts_that_differ_in_every_answer_become_one() {
    let world = World::new().await;
    for token in 0..6 {
        let html = format!("<script>var csrf = 'token{token}';</script>");
        world.take(vec![world.served(PageClass::Payment, "/checkout", &html)]).await;
        world.pass(Duration::from_secs(1));
    }
    let scripts = world.scripts().await;
    assert_eq!(scripts.len(), 1, "{scripts:?}");
    assert_eq!(scripts[0].form, ScriptForm::Skeleton);
    assert!(scripts[0].key.starts_with("skeleton:"));
    let changes = world.changes().await;
    assert_eq!(changes.len(), 1, "those of the scripts that are one now went with them");
    let proposal = world.pages.proposal(&world.site, PageClass::Payment).await.unwrap();
    assert!(proposal.needs_nonce);
}

#[tokio::test]
async fn what_people_decided_about_one_counts_for_all_that_differ_in_tokens_only() {
    let world = World::new().await;
    let html = |token: u32| format!("<script>var csrf = 'token{token}';</script>");
    world.take(vec![world.served(PageClass::Payment, "/checkout", &html(0))]).await;
    let first = world.scripts().await.swap_remove(0);
    world.pages.deny(vec![first.id], "Nobody knows it.", crate::harness::ann()).await.unwrap();
    for token in 1..8 {
        world.take(vec![world.served(PageClass::Payment, "/checkout", &html(token))]).await;
    }
    let mut scripts = world.scripts().await;
    scripts.sort_by_key(|script| script.form.as_str());
    let found: Vec<_> = scripts.iter().map(|script| (script.form, script.status)).collect();
    assert_eq!(found, [(ScriptForm::Inline, Status::Denied), (ScriptForm::Skeleton, Status::Denied)]);
    assert_eq!(scripts[1].justification.as_deref(), Some("Nobody knows it."));
}

#[tokio::test]
async fn what_strangers_report_fills_a_small_part_only() {
    let world = World::new().await;
    let reports: Vec<Sighting> = (0..400)
        .map(|n| {
            let blocked = Blocked::Web(address(&format!("https://h{n}.example/x.js")));
            let directive = if n % 2 == 0 { "script-src-elem" } else { "connect-src" };
            world.violation(PageClass::Payment, directive, blocked)
        })
        .collect();
    world.take(reports).await;
    let overview = world.pages.overview(&world.site).await.unwrap();
    assert_eq!((overview.classes[0].scripts.new, overview.classes[0].destinations.new), (200, 100));
    assert_eq!(world.changes().await.len(), 200, "a day has room for so many");
    assert!(world.events_of("pages.limit_reached").await.len() >= 2);
    world.take(vec![world.served(PageClass::Payment, "/checkout", CHECKOUT)]).await;
    assert_eq!(world.script("/static/app.js").await.status, Status::New, "what was served has room");
}

#[tokio::test]
async fn the_sink_never_waits_and_counts_what_it_drops() {
    let world = World::new().await;
    let (sink, _receiver) = channel();
    let sighting = world.served(PageClass::Other, "/", "");
    let taken = (0..2_000).filter(|_| sink.offer(sighting.clone())).count();
    assert_eq!((taken, sink.dropped()), (gabion_pages::sink::SIGHTINGS_WAITING_MAX, 976));
}

/// Everything that is kept, but for counts and times of being seen last.
async fn kept(world: &World) -> (Vec<String>, Vec<String>, Vec<String>, usize) {
    let scripts = world.scripts().await;
    let mut scripts: Vec<_> = scripts
        .iter()
        .map(|one| format!("{} {} {} {:?} {}", one.id, one.class, one.key, one.hash, one.seen_by))
        .collect();
    scripts.sort();
    let places = world.pages.destinations(&world.site, Default::default(), all()).await.unwrap().items;
    let mut places: Vec<_> = places.iter().map(|one| format!("{} {}", one.id, one.place)).collect();
    places.sort();
    let mut changes: Vec<_> = world.changes().await.iter().map(|one| one.id.to_string()).collect();
    changes.sort();
    (scripts, places, changes, world.events().await.len())
}

/// A page made of parts that repeat.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..4).prop_map(|n| format!("<script src=https://c{n}.example/a.js></script>")),
        (0..6).prop_map(|n| format!("<script>var t = 'token{n}';</script>")),
        (0..3).prop_map(|n| format!("<script>go{n}()</script>")),
        (0..2).prop_map(|n| format!("<p onclick='h{n}()'>")),
        (0..2).prop_map(|n| format!("<form name=f action=/pay{n}x><input name=email></form>")),
        (0..2).prop_map(|n| format!("<iframe src=https://f{n}.example/></iframe>")),
        (0..2).prop_map(|n| format!("<img src=https://i{n}.example/p.png>")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn taking_the_same_again_changes_nothing(
        pages in prop::collection::vec((prop::collection::vec(part(), 0..8), 0..2usize), 1..8),
        files in prop::collection::vec(0..3u32, 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mut sightings = Vec::new();
            for (parts, class) in pages {
                let class = [PageClass::Payment, PageClass::Other][class];
                sightings.push(world.served(class, "/checkout", &parts.concat()));
                world.pass(Duration::from_secs(1));
            }
            sightings.extend(files.iter().map(|n| world.script_served("/static/app.js", &format!("v{n}()"))));
            world.take(sightings.clone()).await;
            let once = kept(&world).await;
            world.take(sightings.clone()).await;
            let twice = kept(&world).await;
            // Files say again what they said first: the hash that is shown is the one that was seen last.
            assert_eq!(once, twice);
            let classes: BTreeMap<_, _> = world
                .scripts()
                .await
                .into_iter()
                .map(|script| ((script.class, script.key.clone()), script.id))
                .collect();
            assert_eq!(classes.len(), world.scripts().await.len(), "a script of a class is there once");
        });
    }
}
