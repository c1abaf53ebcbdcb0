//! Writing, reading, failing, migrating, and who may open a database.

use std::sync::{Arc, mpsc};

use gabion_core::Timestamp;
use gabion_store::{Constraint, Db, MigrateError, Migration, Migrations, OpenError, StoreError, Tx, params};

use crate::place::{Place, TEA, add_tea, deps, on_both, teas};

on_both!(
    values_of_all_types_come_back,
    placeholders_bind_by_number,
    a_failing_closure_undoes_only_its_own_writes,
    a_failing_closure_that_wrote_through_a_query_is_undone_too,
    a_violation_in_a_savepoint_is_survived,
    a_swallowed_violation_keeps_nothing,
    a_panic_is_an_error_and_the_writer_goes_on,
    wrong_statements_are_named,
    reads_leave_nothing_behind,
    counters_reach_their_sum_under_contention,
    a_second_process_is_refused,
    migrations_are_applied_once_and_checked,
    a_full_queue_refuses_at_once,
    a_closed_database_opens_again_with_everything_in_it,
    a_lost_seal_key_is_an_error,
    keys_rotate_and_survive_a_restart,
);

async fn values_of_all_types_come_back(place: Place) {
    let db = place.open().await;
    db.write(|tx| {
        let sql = "INSERT INTO tea (id, name, price, leaf) VALUES ($1, $2, $3, $4)";
        tx.execute(sql, params![i64::MIN, "茶 '$1' \"?\"", 1.5, &[0_u8, 255]])?;
        tx.execute(sql, params![i64::MAX, "", None::<f64>, None::<&[u8]>])
    })
    .await
    .unwrap();
    let rows =
        db.read::<_, StoreError, _>(|tx| tx.query("SELECT * FROM tea ORDER BY id", params![])).await.unwrap();
    assert_eq!(rows[0].get::<i64>("id").unwrap(), i64::MIN);
    assert_eq!(rows[0].get::<String>("name").unwrap(), "茶 '$1' \"?\"");
    assert_eq!(rows[0].get::<f64>("price").unwrap(), 1.5);
    assert_eq!(rows[0].get::<Vec<u8>>("leaf").unwrap(), [0, 255]);
    assert_eq!(rows[1].get::<Option<f64>>("price").unwrap(), None);
    assert_eq!(rows[1].get::<Option<Vec<u8>>>("leaf").unwrap(), None);
}

async fn placeholders_bind_by_number(place: Place) {
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    let changed = db.write::<_, StoreError, _>(|tx| {
        tx.execute("UPDATE tea SET name=$2 WHERE id=$1", params![1_i64, "darjeeling"])
    });
    assert_eq!(changed.await.unwrap(), 1);
    assert_eq!(teas(&db).await, ["darjeeling"]);
}

#[derive(Debug, thiserror::Error)]
enum TeaError {
    #[error("out of stock")]
    OutOfStock,
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn a_failing_closure_undoes_only_its_own_writes(place: Place) {
    let db = place.open().await;
    let writes = (0..200_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move {
            db.write(move |tx| {
                tx.execute("INSERT INTO tea (id, name) VALUES ($1, $2)", params![id, format!("tea {id}")])?;
                if id % 3 == 0 { Err(TeaError::OutOfStock) } else { Ok(()) }
            })
            .await
        })
    });
    for (id, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(()) => assert!(id % 3 != 0),
            Err(TeaError::OutOfStock) => assert!(id % 3 == 0),
            Err(TeaError::Store(error)) => panic!("{error}"),
        }
    }
    let expected: Vec<_> = (0..200).filter(|id| id % 3 != 0).map(|id| format!("tea {id}")).collect();
    assert_eq!(teas(&db).await, expected);
}

async fn a_failing_closure_that_wrote_through_a_query_is_undone_too(place: Place) {
    let db = place.open().await;
    let writes = (0..50_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move {
            db.write(move |tx| {
                let sql = "INSERT INTO tea (id, name) VALUES ($1, $2) RETURNING id";
                tx.query_one(sql, params![id, format!("tea {id}")])?;
                if id == 25 { Err(TeaError::OutOfStock) } else { Ok(()) }
            })
            .await
        })
    });
    for (id, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(write.await.unwrap().is_err(), id == 25, "{id}");
    }
    let expected: Vec<_> = (0..50).filter(|id| *id != 25).map(|id| format!("tea {id}")).collect();
    assert_eq!(teas(&db).await, expected);
}

async fn a_violation_in_a_savepoint_is_survived(place: Place) {
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    db.write(|tx| {
        tx.execute("INSERT INTO tea (id, name) VALUES (2, 'sencha')", params![])?;
        let twice: Result<u64, StoreError> = tx.savepoint(|tx| {
            tx.execute("INSERT INTO tea (id, name) VALUES (3, 'lost')", params![])?;
            tx.execute("INSERT INTO tea (id, name) VALUES (4, 'assam')", params![])
        });
        assert!(twice.unwrap_err().is_unique());
        tx.execute("INSERT INTO tea (id, name) VALUES (5, 'matcha')", params![])
    })
    .await
    .unwrap();
    assert_eq!(teas(&db).await, ["assam", "sencha", "matcha"]);
}

async fn a_swallowed_violation_keeps_nothing(place: Place) {
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    let swallowing = db.write::<_, StoreError, _>(|tx| {
        tx.execute("INSERT INTO tea (id, name) VALUES (2, 'sencha')", params![])?;
        let violation = tx.execute("INSERT INTO tea (id, name) VALUES (3, NULL)", params![]).unwrap_err();
        assert!(
            matches!(&violation, StoreError::Constraint { constraint: Constraint::NotNull, .. }),
            "{violation}"
        );
        let next = tx.execute("INSERT INTO tea (id, name) VALUES (4, 'matcha')", params![]);
        assert!(matches!(next, Err(StoreError::Aborted)));
        Ok(())
    });
    assert!(matches!(swallowing.await, Err(StoreError::Aborted)));
    assert_eq!(teas(&db).await, ["assam"]);
}

async fn a_panic_is_an_error_and_the_writer_goes_on(place: Place) {
    let db = place.open().await;
    let panicking = db.write::<(), StoreError, _>(|tx| {
        tx.execute("INSERT INTO tea (id, name) VALUES (1, 'lost')", params![])?;
        panic!("the kettle exploded")
    });
    let error = panicking.await.unwrap_err();
    assert_eq!(error.to_string(), "a write panicked: the kettle exploded");
    add_tea(&db, 2, "assam").await.unwrap();
    assert_eq!(teas(&db).await, ["assam"]);
}

async fn wrong_statements_are_named(place: Place) {
    let db = place.open().await;
    let message = |closure: fn(&mut Tx<'_>) -> Result<u64, StoreError>| {
        let db = db.clone();
        async move { db.write(closure).await.unwrap_err().to_string() }
    };
    let unknown = message(|tx| tx.execute("DELETE FROM coffee", params![])).await;
    assert!(unknown.starts_with("statement `DELETE FROM coffee`: "), "{unknown}");
    let missing = message(|tx| tx.execute("DELETE FROM tea WHERE id = $1", params![])).await;
    assert!(missing.ends_with("1 placeholders, 0 parameters"), "{missing}");
    let several = db.read(|tx| tx.query_one("SELECT 1 AS a UNION SELECT 2 AS a", params![]));
    let several: StoreError = several.await.unwrap_err();
    assert!(several.to_string().ends_with("2 rows, expected one or none"), "{several}");
}

async fn reads_leave_nothing_behind(place: Place) {
    let db = place.open().await;
    let written = db.read(|tx| tx.execute("INSERT INTO tea (id, name) VALUES (1, 'lost')", params![]));
    assert!(matches!(written.await, Err(StoreError::Unavailable { .. })));
    assert!(teas(&db).await.is_empty());
}

async fn counters_reach_their_sum_under_contention(place: Place) {
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    db.write(|tx| tx.execute("UPDATE tea SET price = 0 WHERE id = 1", params![]))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let writes = (0..40).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            loop {
                let added: Result<_, StoreError> = db.write(add_one).await;
                match added {
                    Err(StoreError::Busy { .. }) => tokio::task::yield_now().await,
                    added => break added.unwrap(),
                }
            }
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    let row =
        db.read::<_, StoreError, _>(|tx| tx.query_one("SELECT price FROM tea", params![])).await.unwrap();
    assert_eq!(row.unwrap().get::<f64>("price").unwrap(), 40.0);
}

fn add_one(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let row = tx.query_one("SELECT price FROM tea WHERE id = 1", params![])?.unwrap();
    let price: f64 = row.get("price")?;
    tx.execute("UPDATE tea SET price = $1 WHERE id = 1", params![price + 1.0]).map(drop)
}

async fn a_second_process_is_refused(place: Place) {
    let db = place.open().await;
    let second = place.try_open().await.map(drop).unwrap_err();
    assert!(matches!(second, OpenError::InUse { .. }), "{second}");
    add_tea(&db, 1, "assam").await.unwrap();
    db.close().await;
    assert_eq!(teas(&place.open().await).await, ["assam"]);
}

async fn migrations_are_applied_once_and_checked(place: Place) {
    const CHANGED: Migrations = Migrations {
        domain: "tea",
        steps: &[Migration { version: 1, name: "tea", sqlite: "SELECT 1;", postgres: "SELECT 1;" }],
    };
    const BROKEN: Migrations = Migrations {
        domain: "pot",
        steps: &[Migration {
            version: 1,
            name: "pot",
            sqlite: "CREATE TABLE pot (id INTEGER) STRICT; CREATE TABLE tea (id INTEGER) STRICT;",
            postgres: "CREATE TABLE pot (id BIGINT); CREATE TABLE tea (id BIGINT);",
        }],
    };
    let db = place.open().await;
    db.migrate(&[TEA]).await.unwrap();
    let changed = db.migrate(&[CHANGED]).await.unwrap_err();
    assert!(matches!(changed, MigrateError::Changed { .. }), "{changed}");
    let newer = db.migrate(&[Migrations { domain: "tea", steps: &[] }]).await.unwrap_err();
    assert!(matches!(newer, MigrateError::Newer { .. }), "{newer}");
    let broken = db.migrate(&[BROKEN]).await.unwrap_err();
    assert!(matches!(broken, MigrateError::Step { .. }), "{broken}");
    let left = db.read::<_, StoreError, _>(|tx| tx.query("SELECT * FROM pot", params![])).await;
    assert!(matches!(left, Err(StoreError::Statement { .. })), "a failed step left a table");
}

async fn a_full_queue_refuses_at_once(mut place: Place) {
    place.config.queue_length = 16;
    place.config.writers = 1;
    let db = place.open().await;
    let (go, gate) = mpsc::channel::<()>();
    let started = Arc::new(tokio::sync::Notify::new());
    let blocked = tokio::spawn(blocked_write(db.clone(), Arc::clone(&started), gate));
    started.notified().await;
    let waiting: Vec<_> = (0..40_i64)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move { add_tea(&db, id, &format!("tea {id}")).await })
        })
        .collect();
    while db.metrics().refused < 24 {
        tokio::task::yield_now().await;
    }
    assert_eq!(db.health().queue_depth, 16);
    go.send(()).unwrap();
    blocked.await.unwrap().unwrap();
    let mut refused = 0;
    for write in waiting {
        refused += usize::from(matches!(write.await.unwrap(), Err(StoreError::Busy { .. })));
    }
    assert_eq!((refused, teas(&db).await.len()), (24, 16));
}

async fn blocked_write(
    db: Db,
    started: Arc<tokio::sync::Notify>,
    gate: mpsc::Receiver<()>,
) -> Result<(), StoreError> {
    let gate = std::sync::Mutex::new(gate);
    db.write(move |_| {
        started.notify_one();
        gate.lock().unwrap().recv().unwrap();
        Ok(())
    })
    .await
}

async fn a_closed_database_opens_again_with_everything_in_it(place: Place) {
    let db = place.open().await;
    let writes: Vec<_> = (0..50_i64)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move { add_tea(&db, id, &format!("tea {id}")).await })
        })
        .collect();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    let clone = db.clone();
    db.close().await;
    assert!(matches!(add_tea(&clone, 99, "late").await, Err(StoreError::Closed)));
    assert_eq!(teas(&place.open().await).await.len(), 50);
}

async fn a_lost_seal_key_is_an_error(place: Place) {
    place.open().await.close().await;
    let key = place.key_path();
    let sealed = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let missing = place.try_open().await.map(drop).unwrap_err();
    assert!(matches!(missing, OpenError::SealMissing { .. }), "{missing}");
    assert!(!key.exists(), "a new key was made silently");
    write_private(&key, &[7; 32]);
    let wrong = place.try_open().await.map(drop).unwrap_err();
    assert!(matches!(wrong, OpenError::KeyRing { .. }), "{wrong}");
    write_private(&key, &sealed);
    set_mode(&key, 0o640);
    let open_to_others = place.try_open().await.map(drop).unwrap_err();
    assert!(open_to_others.to_string().contains("can be read by others (mode 640)"), "{open_to_others}");
    set_mode(&key, 0o600);
    place.try_open().await.unwrap();
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn write_private(path: &std::path::Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
    set_mode(path, 0o600);
}

async fn keys_rotate_and_survive_a_restart(place: Place) {
    use gabion_core::Actor;
    use gabion_crypto::KeyUse;
    let db = place.open().await;
    let first = db.keys().current(KeyUse::Csrf).epoch;
    db.rotate_key(KeyUse::Csrf, Actor::Shell).await.unwrap();
    assert_eq!(db.keys().current(KeyUse::Csrf).epoch, first + 1);
    db.close().await;
    let db = place.open().await;
    assert_eq!(db.keys().current(KeyUse::Csrf).epoch, first + 1);
}

#[tokio::test]
async fn the_in_memory_database_reads_what_was_written() {
    let db = Db::open(gabion_store::StorageConfig::new("sqlite::memory:"), deps()).await.unwrap();
    db.migrate(&[TEA]).await.unwrap();
    add_tea(&db, 1, "assam").await.unwrap();
    let undone = db.read::<_, StoreError, _>(|tx| tx.execute("DELETE FROM tea", params![]));
    assert_eq!(undone.await.unwrap(), 1);
    assert_eq!(teas(&db).await, ["assam"]);
    assert!(db.health().writable && db.health().since > Timestamp::default());
}
