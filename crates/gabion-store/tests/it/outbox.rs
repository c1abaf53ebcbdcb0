//! Work after a commit, at least once.

use std::time::Duration;

use gabion_core::Timestamp;
use gabion_store::outbox::{self, Message, MessageId, PutError, Standing};
use gabion_store::{Db, StoreError};

use crate::place::{Place, on_both};

on_both!(
    a_message_is_claimed_by_one_until_its_lease_ends,
    a_failed_message_comes_back_after_a_pause,
    a_topic_says_what_is_due_and_what_waits_longest,
    oversized_payloads_are_refused,
);

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const LEASE: Duration = Duration::from_secs(60);

async fn put(db: &Db, id: u128, topic: &'static str) {
    let put = db.write(move |tx| outbox::put(tx, MessageId::from_bits(id), topic, &["hello"], NOW));
    put.await.map_err(|error: PutError| error.to_string()).unwrap();
}

async fn claim(db: &Db, now: Timestamp) -> Vec<Message> {
    db.write::<_, StoreError, _>(move |tx| outbox::claim(tx, "mail", now, LEASE, 10)).await.unwrap()
}

async fn a_message_is_claimed_by_one_until_its_lease_ends(place: Place) {
    let db = place.open().await;
    put(&db, 1, "mail").await;
    put(&db, 1, "mail").await;
    put(&db, 2, "webhook").await;
    assert_eq!(claim(&db, NOW.before(LEASE)).await, [], "not due yet");
    let claimed = claim(&db, NOW).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].payload.as_str(), claimed[0].attempts), ("[\"hello\"]", 0));
    assert_eq!(claim(&db, NOW).await, []);
    let again = claim(&db, NOW.after(LEASE)).await;
    assert_eq!((again[0].id, again[0].attempts), (claimed[0].id, 1));
    let waiting = db.read::<_, StoreError, _>(outbox::waiting).await.unwrap();
    assert_eq!(waiting, [("mail".to_owned(), 1, NOW), ("webhook".to_owned(), 1, NOW)]);
    let id = claimed[0].id;
    assert!(db.write::<_, StoreError, _>(move |tx| outbox::complete(tx, id)).await.unwrap());
    assert!(!db.write::<_, StoreError, _>(move |tx| outbox::complete(tx, id)).await.unwrap());
}

async fn a_failed_message_comes_back_after_a_pause(place: Place) {
    let db = place.open().await;
    put(&db, 1, "mail").await;
    let message = claim(&db, NOW).await.remove(0);
    db.write::<_, StoreError, _>(move |tx| outbox::fail(tx, &message, NOW, "no route to host"))
        .await
        .unwrap();
    assert_eq!(claim(&db, NOW.after(Duration::from_secs(4))).await, []);
    assert_eq!(claim(&db, NOW.after(Duration::from_secs(5))).await.len(), 1);
}

async fn a_topic_says_what_is_due_and_what_waits_longest(place: Place) {
    let db = place.open().await;
    let due =
        async |now| db.read::<_, StoreError, _>(move |tx| outbox::is_due(tx, "mail", now)).await.unwrap();
    let standing = async || db.read::<_, StoreError, _>(|tx| outbox::standing(tx, "mail")).await.unwrap();
    assert_eq!(standing().await, Standing::default());
    for (id, topic) in [(1, "webhook"), (3, "mail"), (2, "mail")] {
        put(&db, id, topic).await;
    }
    assert_eq!((due(NOW.before(LEASE)).await, due(NOW).await), (false, true));
    let claimed = claim(&db, NOW).await;
    assert!(!due(NOW).await, "all are being worked on");
    for message in claimed {
        let failed =
            db.write(move |tx| outbox::fail(tx, &message, NOW, &format!("no route for {}", message.id)));
        failed.await.map_err(|error: StoreError| error.to_string()).unwrap();
    }
    let Standing { waiting, oldest, last_error } = standing().await;
    assert_eq!((waiting, oldest.unwrap().id), (2, MessageId::from_bits(2)));
    assert_eq!(last_error, Some(format!("no route for {}", MessageId::from_bits(2))));
}

async fn oversized_payloads_are_refused(place: Place) {
    let db = place.open().await;
    let payload = "x".repeat(outbox::PAYLOAD_BYTES_MAX);
    let put = db.write(move |tx| outbox::put(tx, MessageId::from_bits(1), "mail", &payload, NOW));
    assert!(matches!(put.await, Err(PutError::Payload(_))));
}
