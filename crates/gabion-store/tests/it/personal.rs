//! Personal values of rows.

use gabion_core::{Clock, Entropy, SubjectId, SystemClock};
use gabion_crypto::SystemEntropy;
use gabion_store::{Db, Place as At, Purpose, StoreError};

use crate::place::{Place, on_both};

on_both!(
    a_value_opens_in_its_place_and_for_its_person_only,
    a_value_of_an_erased_person_is_gone,
    the_same_value_never_looks_the_same,
    an_index_finds_and_tells_nothing,
);

const HERE: At<'static> = At { table: "customer", column: "email", row: "acc_1" };
const ELSEWHERE: [At<'static>; 3] =
    [At { table: "other", ..HERE }, At { column: "name", ..HERE }, At { row: "acc_2", ..HERE }];

fn subject() -> SubjectId {
    SubjectId::new(SystemClock.now(), &SystemEntropy::new() as &dyn Entropy)
}

async fn seal(db: &Db, who: SubjectId, value: &'static str) -> Vec<u8> {
    db.write::<_, StoreError, _>(move |tx| tx.seal_personal(who, Purpose::Profile, HERE, value))
        .await
        .unwrap()
}

async fn open(db: &Db, who: SubjectId, at: At<'static>, sealed: &[u8]) -> Result<Option<String>, StoreError> {
    let sealed = sealed.to_vec();
    let opened = db.read(move |tx| tx.open_personal(who, Purpose::Profile, at, &sealed)).await?;
    Ok(opened.map(|value| value.expose().clone()))
}

async fn a_value_opens_in_its_place_and_for_its_person_only(place: Place) {
    let db = place.open().await;
    let (ann, bob) = (subject(), subject());
    let sealed = seal(&db, ann, "ann@tidewater.example").await;
    assert!(!sealed.windows(3).any(|piece| piece == b"ann"));
    assert_eq!(open(&db, ann, HERE, &sealed).await.unwrap().as_deref(), Some("ann@tidewater.example"));
    for elsewhere in ELSEWHERE {
        assert!(matches!(open(&db, ann, elsewhere, &sealed).await, Err(StoreError::Sealed { .. })));
    }
    seal(&db, bob, "bob@tidewater.example").await;
    assert!(matches!(open(&db, bob, HERE, &sealed).await, Err(StoreError::Sealed { .. })));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open(&db, ann, HERE, &changed).await.is_err(), "byte {at}");
    }
}

async fn a_value_of_an_erased_person_is_gone(place: Place) {
    let db = place.open().await;
    let ann = subject();
    let sealed = seal(&db, ann, "ann@tidewater.example").await;
    let forget = move |tx: &mut gabion_store::Tx<'_>| tx.forget_subject(ann, Purpose::Profile);
    assert!(db.write::<_, StoreError, _>(forget).await.unwrap());
    assert_eq!(open(&db, ann, HERE, &sealed).await.unwrap(), None);
}

async fn the_same_value_never_looks_the_same(place: Place) {
    let db = place.open().await;
    let ann = subject();
    let (first, second) = (seal(&db, ann, "tea").await, seal(&db, ann, "tea").await);
    assert_ne!(first, second);
    assert_ne!(first[..16], second[..16], "each has a salt of its own");
}

async fn an_index_finds_and_tells_nothing(place: Place) {
    let db = place.open().await;
    let index = |parts: [&'static str; 2]| {
        let db = db.clone();
        async move { db.read::<_, StoreError, _>(move |tx| tx.blind_index(&parts)).await.unwrap() }
    };
    let ann = index(["tea", "ann@tidewater.example"]).await;
    assert_eq!(ann, index(["tea", "ann@tidewater.example"]).await);
    assert_ne!(ann, index(["cake", "ann@tidewater.example"]).await);
    assert_ne!(index(["te", "aann"]).await, index(["tea", "ann"]).await, "parts do not run into each other");
    let all = db.read::<_, StoreError, _>(|tx| tx.blind_indexes(&["tea", "ann@tidewater.example"])).await;
    assert_eq!(all.unwrap(), [ann]);
}
