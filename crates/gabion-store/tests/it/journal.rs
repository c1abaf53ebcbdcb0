//! Recording, following, erasing.

use std::collections::HashSet;
use std::time::Duration;

use gabion_core::{
    Actor, Clock, Entropy, Event, EventId, EventKind, Severity, SubjectId, SystemClock, Timestamp, Value,
};
use gabion_crypto::SystemEntropy;
use gabion_store::journal::{ERASED, Entry, Filter, HIDDEN, View};
use gabion_store::{Db, Purpose, StoreError};

use crate::place::{HAPPENED, Place, event_id, happened, numbered, on_both, record};

on_both!(
    positions_follow_the_order_of_commits,
    a_clock_that_jumps_does_not_reorder_the_journal,
    nothing_is_skipped_while_many_write,
    recording_twice_is_recording_once,
    a_failed_write_leaves_no_event,
    filters_narrow_pages,
    events_are_found_by_their_id,
    erased_fields_stay_unreadable,
    purposes_are_erased_apart,
    masked_views_hide_personal_fields,
    watchers_wake_within_a_second,
);

async fn all(db: &Db, filter: Filter, view: View) -> Vec<Entry> {
    db.journal().read(0, 500, filter, view).await.unwrap()
}

fn subject() -> SubjectId {
    SubjectId::new(SystemClock.now(), &SystemEntropy::new() as &dyn Entropy)
}

async fn positions_follow_the_order_of_commits(place: Place) {
    let db = place.open().await;
    let ids: Vec<EventId> = (0..10).map(|_| event_id()).collect();
    for id in &ids {
        record(&db, Event::new(&HAPPENED, *id, SystemClock.now(), Actor::System)).await;
    }
    numbered(&db, 10).await;
    let entries = all(&db, Filter::default(), View::Full).await;
    assert_eq!(entries.iter().map(|entry| entry.event.id).collect::<Vec<_>>(), ids);
    assert_eq!(entries.iter().map(|entry| entry.position).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let back = db.journal().read_back(Some(4), 2, Filter::default(), View::Full).await.unwrap();
    assert_eq!(back.iter().map(|entry| entry.position).collect::<Vec<_>>(), [3, 2]);
}

async fn a_clock_that_jumps_does_not_reorder_the_journal(place: Place) {
    let db = place.open().await;
    let seconds = [2_000_000_000, 1, -1, 4_000_000_000, 1_700_000_000];
    let mut ids = Vec::new();
    for at in seconds.map(Timestamp::from_seconds) {
        let id = EventId::new(at, &SystemEntropy::new());
        record(&db, Event::new(&HAPPENED, id, at, Actor::System)).await;
        ids.push(id);
    }
    numbered(&db, 5).await;
    let entries = all(&db, Filter::default(), View::Full).await;
    assert_eq!(entries.iter().map(|entry| entry.event.id).collect::<Vec<_>>(), ids);
    let recorded: Vec<_> = entries.iter().map(|entry| entry.event.at.seconds()).collect();
    assert_eq!(recorded, seconds, "each keeps the time it was recorded with");
}

async fn nothing_is_skipped_while_many_write(place: Place) {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let db = place.open().await;
    let writers = (0..WRITERS).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                record(&db, happened()).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut newest = db.journal().watch();
    let mut followed: Vec<Entry> = Vec::new();
    while followed.len() < WRITERS * EACH {
        let after = followed.last().map_or(0, |entry| entry.position);
        let page = db.journal().read(after, 7, Filter::default(), View::Full).await.unwrap();
        if page.is_empty() {
            newest.changed().await.unwrap();
        }
        followed.extend(page);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let ids: HashSet<_> = followed.iter().map(|entry| entry.event.id).collect();
    assert_eq!(ids.len(), WRITERS * EACH);
    assert!(followed.windows(2).all(|pair| pair[0].position < pair[1].position));
}

async fn recording_twice_is_recording_once(place: Place) {
    let db = place.open().await;
    let event = happened().entity("upstream", "shop");
    record(&db, event.clone()).await;
    record(&db, event).await;
    record(&db, happened()).await;
    numbered(&db, 2).await;
    assert_eq!(all(&db, Filter::default(), View::Full).await.len(), 2);
}

async fn a_failed_write_leaves_no_event(place: Place) {
    let db = place.open().await;
    let event = happened();
    let failed = db.write::<(), StoreError, _>(move |tx| {
        tx.record(&event)?;
        Err(StoreError::Aborted)
    });
    failed.await.unwrap_err();
    record(&db, happened()).await;
    numbered(&db, 1).await;
    assert_eq!(all(&db, Filter::default(), View::Full).await.len(), 1);
}

async fn filters_narrow_pages(place: Place) {
    const LOUD: EventKind = EventKind::new("test.loud", 1, Severity::Critical);
    const OTHER: EventKind = EventKind::new("tests.other", 1, Severity::Warning);
    let db = place.open().await;
    let at = SystemClock.now();
    let person = subject();
    let tea = "tea".parse().unwrap();
    record(&db, happened().site(&tea).entity("upstream", "shop")).await;
    record(&db, Event::new(&LOUD, event_id(), at, Actor::Staff("stf_1".into())).subject(person)).await;
    record(&db, Event::new(&OTHER, event_id(), at, Actor::Visitor)).await;
    numbered(&db, 3).await;
    let found = |filter: Filter| {
        let db = db.clone();
        async move { all(&db, filter, View::Full).await.iter().map(|e| e.position).collect::<Vec<_>>() }
    };
    let any = Filter::default;
    assert_eq!(found(Filter { kind: Some("test".into()), ..any() }).await, [1, 2]);
    assert_eq!(found(Filter { kind: Some("test.loud".into()), ..any() }).await, [2]);
    assert_eq!(found(Filter { severity_min: Some(Severity::Warning), ..any() }).await, [2, 3]);
    assert_eq!(found(Filter { site: Some(tea), ..any() }).await, [1]);
    assert_eq!(found(Filter { actor: Some(Actor::Staff("stf_1".into())), ..any() }).await, [2]);
    assert_eq!(found(Filter { subject: Some(person), ..any() }).await, [2]);
    assert_eq!(found(Filter { entity: Some(("upstream".into(), "shop".into())), ..any() }).await, [1]);
    assert_eq!(found(Filter { until: Some(at), ..any() }).await, [] as [i64; 0]);
    assert_eq!(found(Filter { since: Some(at), kind: Some("tests".into()), ..any() }).await, [3]);
}

async fn events_are_found_by_their_id(place: Place) {
    let db = place.open().await;
    let events = [happened(), about(subject(), &HAPPENED), happened()];
    for event in &events {
        record(&db, event.clone()).await;
    }
    numbered(&db, 3).await;
    let found = async |id, view| db.journal().find(id, view).await.unwrap();
    let second = Entry { position: 2, event: events[1].clone() };
    assert_eq!(found(events[1].id, View::Full).await, Some(second));
    assert_eq!(addresses(&[found(events[1].id, View::Masked).await.unwrap()]), [HIDDEN]);
    assert_eq!(found(event_id(), View::Full).await, None);
}

fn about(person: SubjectId, kind: &EventKind) -> Event {
    Event::new(kind, event_id(), SystemClock.now(), Actor::System)
        .subject(person)
        .field("status", 200)
        .personal("address", "192.0.2.1")
}

fn addresses(entries: &[Entry]) -> Vec<String> {
    let address =
        |entry: &Entry| entry.event.fields.iter().find(|f| f.name == "address").unwrap().value.to_string();
    entries.iter().map(address).collect()
}

async fn erased_fields_stay_unreadable(place: Place) {
    let db = place.open().await;
    let (erased, kept) = (subject(), subject());
    for person in [erased, kept, erased] {
        record(&db, about(person, &HAPPENED)).await;
    }
    numbered(&db, 3).await;
    assert_eq!(addresses(&all(&db, Filter::default(), View::Full).await), ["192.0.2.1"; 3]);
    let forgotten =
        db.write::<_, StoreError, _>(move |tx| tx.forget_subject(erased, Purpose::Profile)).await.unwrap();
    assert!(forgotten);
    let entries = all(&db, Filter::default(), View::Full).await;
    assert_eq!(addresses(&entries), [ERASED, "192.0.2.1", ERASED]);
    assert_eq!(entries[0].event.fields[0].value, Value::Int(200), "facts that are not personal stay");
    record(&db, about(erased, &HAPPENED)).await;
    numbered(&db, 4).await;
    let entries = all(&db, Filter::default(), View::Full).await;
    assert_eq!(addresses(&entries), [ERASED, "192.0.2.1", ERASED, "192.0.2.1"]);
}

async fn purposes_are_erased_apart(place: Place) {
    const EVIDENCE: EventKind = EventKind::new("test.paid", 1, Severity::Info).sealed();
    let db = place.open().await;
    let person = subject();
    record(&db, about(person, &HAPPENED)).await;
    record(&db, about(person, &EVIDENCE)).await;
    numbered(&db, 2).await;
    db.write::<_, StoreError, _>(move |tx| tx.forget_subject(person, Purpose::Profile)).await.unwrap();
    assert_eq!(addresses(&all(&db, Filter::default(), View::Full).await), [ERASED, "192.0.2.1"]);
}

async fn masked_views_hide_personal_fields(place: Place) {
    let db = place.open().await;
    record(&db, about(subject(), &HAPPENED)).await;
    record(&db, happened().personal("address", "198.51.100.7")).await;
    numbered(&db, 2).await;
    assert_eq!(addresses(&all(&db, Filter::default(), View::Masked).await), [HIDDEN, HIDDEN]);
    assert_eq!(addresses(&all(&db, Filter::default(), View::Full).await), ["192.0.2.1", "198.51.100.7"]);
}

async fn watchers_wake_within_a_second(place: Place) {
    let db = place.open().await;
    let mut newest = db.journal().watch();
    newest.mark_unchanged();
    record(&db, happened()).await;
    tokio::time::timeout(Duration::from_secs(1), newest.changed()).await.expect("woken in time").unwrap();
    assert_eq!((*newest.borrow(), db.journal().newest()), (1, 1));
}
