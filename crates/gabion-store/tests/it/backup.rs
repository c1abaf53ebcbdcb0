//! Copies, restoring them on either engine, and noticing what was not restored that way.

use std::path::Path;

use gabion_core::{Actor, SubjectId, SystemClock};
use gabion_store::backup::{self, BackupError, Existing, restore, verify};
use gabion_store::journal::{Filter, View};
use gabion_store::{Db, Migration, Migrations, OpenError, StoreError, params};

use crate::place::{
    HAPPENED, Place, TEA, add_tea, deps, event_id, happened, numbered, on_both, record, teas,
};

on_both!(
    a_backup_is_restored_into_an_empty_place,
    a_full_place_is_kept_unless_told_otherwise,
    a_damaged_backup_changes_nothing,
    a_silent_rollback_is_noticed_once,
    an_explicit_restore_is_no_silent_rollback,
    without_the_seal_key_nothing_is_restored,
    a_backup_of_unknown_tables_is_refused,
);

/// Refers to the table that comes after it in the alphabet.
const CUP: Migrations = Migrations {
    domain: "cup",
    steps: &[Migration {
        version: 1,
        name: "cup",
        sqlite: "CREATE TABLE cup (id INTEGER PRIMARY KEY, tea INTEGER NOT NULL REFERENCES tea (id)) STRICT;",
        postgres: "CREATE TABLE cup (id BIGINT PRIMARY KEY, tea BIGINT NOT NULL REFERENCES tea (id));",
    }],
};

fn person() -> SubjectId {
    SubjectId::from_bits(7)
}

/// Teas, cups, binary values and an event with a personal field.
async fn fill(db: &Db) {
    db.migrate(&[CUP]).await.unwrap();
    for id in 0..700 {
        add_tea(db, id, &format!("tea {id}")).await.unwrap();
    }
    let event =
        gabion_core::Event::new(&HAPPENED, event_id(), gabion_core::Clock::now(&SystemClock), Actor::System)
            .subject(person())
            .personal("address", "192.0.2.1");
    db.write::<_, StoreError, _>(move |tx| {
        tx.execute("UPDATE tea SET leaf = $1, price = $2 WHERE id = 3", params![&[0_u8, 255], 2.5])?;
        tx.execute("INSERT INTO cup (id, tea) VALUES (1, 3)", params![])?;
        tx.record(&event)
    })
    .await
    .unwrap();
    numbered(db, 1).await;
}

/// What [`fill`] put there, and the event of the restore.
async fn check_restored(place: &Place) {
    let db = place.open().await;
    db.migrate(&[CUP]).await.unwrap();
    assert_eq!(teas(&db).await.len(), 700);
    let row = db
        .read::<_, StoreError, _>(|tx| {
            tx.query_one("SELECT t.leaf, t.price FROM cup c JOIN tea t ON t.id = c.tea", params![])
        })
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.get::<Vec<u8>>("leaf").unwrap(), row.get::<f64>("price").unwrap()), (vec![0, 255], 2.5));
    numbered(&db, 2).await;
    let entries = db.journal().read(0, 10, Filter::default(), View::Full).await.unwrap();
    assert_eq!(entries[0].event.fields[0].value.to_string(), "192.0.2.1");
    assert_eq!(entries[1].event.kind, "store.restored");
    assert_eq!(db.rolled_back(), None);
    let dangling = db
        .write::<_, StoreError, _>(|tx| tx.execute("INSERT INTO cup (id, tea) VALUES (2, 9999)", params![]));
    assert!(matches!(dangling.await, Err(StoreError::Constraint { .. })), "references are in force again");
    db.close().await;
}

fn copy_key(from: &Place, to: &Place) {
    std::fs::copy(from.key_path(), to.key_path()).unwrap();
}

/// A place of the other engine when there is one, else of the same.
fn other(place: &Place) -> Place {
    if place.is_postgres() { Place::sqlite() } else { Place::postgres().unwrap_or_else(Place::sqlite) }
}

async fn restored(place: &Place, file: &Path, existing: Existing) -> Result<(), BackupError> {
    restore(place.config.clone(), deps(), file, vec![TEA, CUP], existing).await.map(drop)
}

async fn a_backup_is_restored_into_an_empty_place(place: Place) {
    let db = place.open().await;
    fill(&db).await;
    let file = place.folder.path().join("backup");
    let made = db.backup(&file).await.unwrap();
    assert_eq!(verify(&file).await.unwrap(), made);
    assert!(made.rows > 700 && made.position == 1, "{made:?}");
    for target in
        [other(&place), if place.is_postgres() { Place::postgres().unwrap() } else { Place::sqlite() }]
    {
        copy_key(&place, &target);
        restored(&target, &file, Existing::Keep).await.unwrap();
        check_restored(&target).await;
    }
}

async fn a_full_place_is_kept_unless_told_otherwise(place: Place) {
    let db = place.open().await;
    fill(&db).await;
    let file = place.folder.path().join("backup");
    db.backup(&file).await.unwrap();
    db.write(|tx| tx.execute("DELETE FROM cup", params![])).await.map_err(drop::<StoreError>).unwrap();
    let in_use = restored(&place, &file, Existing::Replace).await.unwrap_err();
    assert!(matches!(in_use, BackupError::Open(OpenError::InUse { .. })), "{in_use}");
    db.close().await;
    let full = restored(&place, &file, Existing::Keep).await.unwrap_err();
    assert!(matches!(full, BackupError::NotEmpty), "{full}");
    restored(&place, &file, Existing::Replace).await.unwrap();
    check_restored(&place).await;
}

async fn a_damaged_backup_changes_nothing(place: Place) {
    let db = place.open().await;
    fill(&db).await;
    let file = place.folder.path().join("backup");
    db.backup(&file).await.unwrap();
    db.close().await;
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    for _ in 0..2 {
        let damaged = restored(&place, &file, Existing::Replace).await.unwrap_err();
        assert!(matches!(damaged, BackupError::Damaged { .. }), "{damaged}");
        std::fs::write(&file, &bytes[..middle]).unwrap();
    }
    assert_eq!(teas(&place.open().await).await.len(), 700);
}

async fn a_silent_rollback_is_noticed_once(place: Place) {
    let db = place.open().await;
    for _ in 0..3 {
        record(&db, happened()).await;
    }
    numbered(&db, 3).await;
    db.close().await;
    place.raw("DELETE FROM gabion_event WHERE position > 1");
    let db = place.open().await;
    let rolled_back = db.rolled_back().unwrap();
    assert_eq!((rolled_back.seen.position, rolled_back.found.position), (3, 1));
    numbered(&db, 2).await;
    let filter = Filter { kind: Some("store.rolled_back".to_owned()), ..Filter::default() };
    assert_eq!(db.journal().read(0, 10, filter, View::Full).await.unwrap().len(), 1);
    db.close().await;
    assert_eq!(place.open().await.rolled_back(), None);
}

async fn an_explicit_restore_is_no_silent_rollback(place: Place) {
    let db = place.open().await;
    fill(&db).await;
    let file = place.folder.path().join("backup");
    db.backup(&file).await.unwrap();
    for _ in 0..5 {
        record(&db, happened()).await;
    }
    numbered(&db, 6).await;
    db.close().await;
    restored(&place, &file, Existing::Replace).await.unwrap();
    check_restored(&place).await;
}

async fn without_the_seal_key_nothing_is_restored(place: Place) {
    let db = place.open().await;
    fill(&db).await;
    let file = place.folder.path().join("backup");
    db.backup(&file).await.unwrap();
    let target = other(&place);
    let missing = restored(&target, &file, Existing::Keep).await.unwrap_err();
    assert!(matches!(missing, BackupError::Open(OpenError::SealMissing { .. })), "{missing}");
    copy_key(&place, &target);
    restored(&target, &file, Existing::Keep).await.unwrap();
}

async fn a_backup_of_unknown_tables_is_refused(place: Place) {
    let db = place.open().await;
    fill(&db).await;
    let file = place.folder.path().join("backup");
    db.backup(&file).await.unwrap();
    let target = other(&place);
    copy_key(&place, &target);
    let unknown = backup::restore(target.config.clone(), deps(), &file, vec![TEA], Existing::Keep).await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "the backup was made by another version: it has tables of cup"
    );
}
