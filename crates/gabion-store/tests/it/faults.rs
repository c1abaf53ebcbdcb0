//! Full disks, exchanged files, lost connections, delayed commits.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use gabion_store::journal::{Filter, View};
use gabion_store::{Db, StorageConfig, StoreError, params};

use crate::place::{Place, TEA, add_tea, deps, happened, numbered, record, teas};
use crate::proxy::{Cut, Proxy};

/// Waits until the database takes writes, or until it does not.
async fn until_writable(db: &Db, writable: bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let reached = async {
        while db.health().writable != writable {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the state changes");
}

async fn add_big_teas(db: &Db, from: i64) -> Result<i64, StoreError> {
    let mut id = from;
    loop {
        let added: Result<u64, StoreError> = db
            .write(move |tx| {
                let sql = "INSERT INTO tea (id, name, leaf) VALUES ($1, $2, $3)";
                tx.execute(sql, params![id, format!("tea {id}"), vec![7_u8; 20_000]])
            })
            .await;
        match added {
            Ok(_) => id += 1,
            Err(error) => return if id == from { Err(error) } else { Ok(id) },
        }
    }
}

#[tokio::test]
async fn a_full_database_fails_the_group_and_goes_on_after_a_probe() {
    let place = Place::sqlite();
    let db = place.open().await;
    // The limit is one of the connection: the next probe opens another.
    db.write::<_, StoreError, _>(|tx| tx.query("PRAGMA max_page_count = 120", params![]).map(drop))
        .await
        .unwrap();
    let next = add_big_teas(&db, 0).await.unwrap();
    assert!(next > 2, "some fitted in");
    assert_eq!(teas(&db).await.len() as i64, next, "reads go on and show what was acknowledged");
    until_writable(&db, true).await;
    add_tea(&db, next, "after").await.unwrap();
    assert_eq!(db.metrics().groups_failed, 1);
}

/// A small file system of its own; none, with a message, where mounting is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: a small file system cannot be mounted here");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_stops_writing_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 5_500_000]).unwrap();
    let url = format!("sqlite:{}", disk.path().join("gabion.db").display());
    let db = Db::open(StorageConfig::new(&url), deps()).await.unwrap();
    db.migrate(&[TEA]).await.unwrap();
    let next = add_big_teas(&db, 0).await.unwrap();
    let health = db.health();
    assert_eq!((health.writable, health.reason.as_deref()), (false, Some("the disk is full")));
    let refused = add_tea(&db, next, "too much").await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
    assert_eq!(teas(&db).await.len() as i64, next);
    std::fs::remove_file(&ballast).unwrap();
    until_writable(&db, true).await;
    add_tea(&db, next, "after").await.unwrap();
    db.close().await;
    let db = Db::open(StorageConfig::new(&url), deps()).await.unwrap();
    assert_eq!(teas(&db).await.len() as i64, next + 1);
}

#[tokio::test]
async fn an_exchanged_file_ends_writing() {
    let place = Place::sqlite();
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    let file = place.folder.path().join("gabion.db");
    std::fs::rename(&file, place.folder.path().join("elsewhere")).unwrap();
    std::fs::write(&file, b"").unwrap();
    let error = add_tea(&db, 2, "lost").await.unwrap_err();
    assert!(error.to_string().contains("removed or replaced"), "{error}");
    assert!(!db.health().writable);
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    for name in ["gabion.db", "gabion.db-wal", "gabion.db-shm", "gabion.db.key"] {
        let mode = std::fs::metadata(place.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
    }
}

#[tokio::test]
async fn every_commit_waits_for_the_disk() {
    let place = Place::sqlite();
    let db = place.open().await;
    let setting = |name: &'static str| {
        let db = db.clone();
        async move {
            db.write::<_, StoreError, _>(move |tx| tx.query_one(name, params![])).await.unwrap().unwrap()
        }
    };
    assert_eq!(setting("PRAGMA synchronous").await.get::<i64>("synchronous").unwrap(), 2);
    assert_eq!(setting("PRAGMA journal_mode").await.get::<String>("journal_mode").unwrap(), "wal");
}

/// A place whose connections go through a proxy.
pub(crate) fn behind_proxy() -> Option<(Place, Proxy)> {
    let mut place = Place::postgres()?;
    let config: postgres::Config = place.config.url.parse().unwrap();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let proxy = Proxy::to(([127, 0, 0, 1], port).into());
    let user = config.get_user().unwrap_or("postgres");
    let database = config.get_dbname().unwrap();
    place.config.url = format!("postgres://{user}@{}/{database}", proxy.address);
    Some((place, proxy))
}

#[tokio::test]
async fn a_connection_lost_at_commit_is_resolved() {
    let Some((place, proxy)) = behind_proxy() else { return };
    let db = place.open().await;
    for (id, cut) in (1..).zip([Cut::After, Cut::Before, Cut::After, Cut::Before]) {
        proxy.cut_next(cut);
        add_tea(&db, id, &format!("{cut:?} {id}")).await.unwrap();
        assert!(proxy.has_cut(), "the commit went through the proxy");
    }
    assert_eq!(teas(&db).await, ["After 1", "Before 2", "After 3", "Before 4"]);
}

#[tokio::test]
async fn a_lost_server_refuses_writes_and_comes_back() {
    let Some((place, proxy)) = behind_proxy() else { return };
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    proxy.refuse(true);
    let refused = add_tea(&db, 2, "lost").await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
    until_writable(&db, false).await;
    proxy.refuse(false);
    until_writable(&db, true).await;
    add_tea(&db, 3, "back").await.unwrap();
    assert_eq!(teas(&db).await, ["assam", "back"]);
}

#[tokio::test]
async fn killed_connections_are_replaced() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open().await;
    for id in 0..5 {
        place.raw(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        add_tea(&db, id, &format!("tea {id}")).await.unwrap();
    }
    assert_eq!(teas(&db).await.len(), 5);
    record(&db, happened()).await;
    numbered(&db, 1).await;
}

#[tokio::test]
async fn an_event_committed_late_is_not_passed_over() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open().await;
    let (late, early) = (happened(), happened());
    let (late_id, early_id) = (late.id, early.id);
    let (go, gate) = mpsc::channel::<()>();
    let (gate, recorded) = (Mutex::new(gate), Arc::new(tokio::sync::Notify::new()));
    let delayed = tokio::spawn({
        let (db, recorded) = (db.clone(), Arc::clone(&recorded));
        async move {
            db.write::<_, StoreError, _>(move |tx| {
                tx.record(&late)?;
                recorded.notify_one();
                // The second run of a retried closure finds the gate open.
                let _open = gate.lock().unwrap().recv();
                Ok(())
            })
            .await
        }
    });
    recorded.notified().await;
    record(&db, early).await;
    let mut newest = db.journal().watch();
    newest.wait_for(|newest| *newest == 1).await.unwrap();
    let page = |after| {
        let db = db.clone();
        async move { db.journal().read(after, 10, Filter::default(), View::Full).await.unwrap() }
    };
    assert_eq!(page(0).await[0].event.id, early_id);
    drop(go);
    delayed.await.unwrap().unwrap();
    newest.wait_for(|newest| *newest == 2).await.unwrap();
    assert_eq!(page(1).await[0].event.id, late_id);
}

#[tokio::test]
async fn a_node_that_was_taken_over_stops_writing() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open().await;
    add_tea(&db, 1, "assam").await.unwrap();
    place.raw("UPDATE gabion_lease SET epoch = epoch + 1");
    let error = add_tea(&db, 2, "lost").await.unwrap_err();
    assert!(error.to_string().contains("took over"), "{error}");
    until_writable(&db, false).await;
    assert_eq!(teas(&db).await, ["assam"]);
}
