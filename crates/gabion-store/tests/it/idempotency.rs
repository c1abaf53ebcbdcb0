//! A request sent twice acts once.

use gabion_core::Timestamp;
use gabion_store::idempotency::{self, Outcome, Response};
use gabion_store::{Db, StoreError};

use crate::place::{Place, on_both};

on_both!(the_same_request_is_answered_from_the_row, an_expired_key_is_fresh, an_abandoned_key_is_fresh);

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const LATER: Timestamp = Timestamp::from_seconds(1_700_086_400);

async fn begin(db: &Db, key: &'static str, fingerprint: u8, now: Timestamp) -> Outcome {
    let begun = db.write::<_, StoreError, _>(move |tx| {
        idempotency::begin(tx, "gbk_1 POST /orders", key, &[fingerprint; 32], now, LATER)
    });
    begun.await.unwrap()
}

fn response() -> Response {
    Response { status: 201, headers: vec![("location".into(), "/orders/1".into())], body: b"{}".to_vec() }
}

async fn finish(db: &Db, key: &'static str) -> bool {
    let finished = db
        .write::<_, StoreError, _>(move |tx| idempotency::finish(tx, "gbk_1 POST /orders", key, &response()));
    finished.await.unwrap()
}

async fn the_same_request_is_answered_from_the_row(place: Place) {
    let db = place.open().await;
    assert_eq!(begin(&db, "a", 1, NOW).await, Outcome::Fresh);
    assert_eq!(begin(&db, "a", 1, NOW).await, Outcome::InFlight);
    assert_eq!(begin(&db, "a", 2, NOW).await, Outcome::Mismatch);
    assert!(finish(&db, "a").await);
    assert!(!finish(&db, "a").await, "an answer is kept once");
    assert_eq!(begin(&db, "a", 1, NOW).await, Outcome::Replay(response()));
    assert_eq!(begin(&db, "a", 2, NOW).await, Outcome::Mismatch);
    assert_eq!(begin(&db, "b", 1, NOW).await, Outcome::Fresh);
}

async fn an_expired_key_is_fresh(place: Place) {
    let db = place.open().await;
    assert_eq!(begin(&db, "a", 1, NOW).await, Outcome::Fresh);
    assert_eq!(begin(&db, "a", 2, LATER).await, Outcome::Fresh);
}

async fn an_abandoned_key_is_fresh(place: Place) {
    let db = place.open().await;
    begin(&db, "a", 1, NOW).await;
    db.write(|tx| idempotency::abandon(tx, "gbk_1 POST /orders", "a")).await.unwrap();
    assert_eq!(begin(&db, "a", 1, NOW).await, Outcome::Fresh);
    finish(&db, "a").await;
    db.write(|tx| idempotency::abandon(tx, "gbk_1 POST /orders", "a")).await.unwrap();
    assert_eq!(begin(&db, "a", 1, NOW).await, Outcome::Replay(response()));
}
