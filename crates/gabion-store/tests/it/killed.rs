//! A process killed in the middle of its work: everything it acknowledged is there, once.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use gabion_store::{Db, StorageConfig, StoreError, params};

use crate::place::{Place, TEA, deps, happened, on_both, teas};

on_both!(everything_acknowledged_is_there_once);

const URL: &str = "GABION_STORE_TEST_CHILD_URL";
const FILES: &str = "GABION_STORE_TEST_CHILD_FILES";
const WRITERS: i64 = 16;
const ROUNDS: usize = 5;
/// Acknowledgements after which the child is killed: different points of its work.
const ACKNOWLEDGED: [usize; ROUNDS] = [1, 40, 333, 77, 900];

/// What the killed process runs. Without its address in the environment it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Ok(url), Ok(files)) = (std::env::var(URL), std::env::var(FILES)) else { return };
    let mut config = StorageConfig::new(url);
    config.files = Some(PathBuf::from(files));
    let db = Db::open(config, deps()).await.unwrap();
    db.migrate(&[TEA]).await.unwrap();
    let base = teas(&db).await.len() as i64 * 1000;
    let writers: Vec<_> =
        (0..WRITERS).map(|number| tokio::spawn(write_on(db.clone(), base, number))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Writes a row and an event together, again and again, and says so after each commit.
async fn write_on(db: Db, base: i64, number: i64) {
    for n in 0..i64::MAX {
        let id = base + n * WRITERS + number;
        let event = happened().entity("tea", id);
        let written: Result<(), StoreError> = db
            .write(move |tx| {
                tx.execute("INSERT INTO tea (id, name) VALUES ($1, $2)", params![id, format!("tea {id}")])?;
                tx.record(&event)
            })
            .await;
        match written {
            Ok(()) => eprintln!("ack {id}"),
            Err(StoreError::Busy { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn start(place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(URL, &place.config.url)
        .env(FILES, place.folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a child work until it has acknowledged `count` writes, kills it, and gives all it acknowledged.
fn acknowledged_until_killed(place: &Place, count: usize) -> Vec<i64> {
    let mut child = start(place);
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        // The kill may cut the last line, but not within the number.
        if let Some(Ok(id)) = line.unwrap().strip_prefix("ack ").map(str::parse) {
            acknowledged.push(id);
        }
        if acknowledged.len() == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= count, "the child ended by itself after {}", acknowledged.len());
    acknowledged
}

async fn everything_acknowledged_is_there_once(place: Place) {
    let mut expected: Vec<i64> = Vec::new();
    for count in ACKNOWLEDGED {
        expected.extend(acknowledged_until_killed(&place, count));
        let db = place.open().await;
        let sql = "SELECT t.id, count(x.event) AS events FROM tea t
            LEFT JOIN gabion_event_entity x ON x.kind = 'tea' AND x.id = CAST(t.id AS TEXT)
            LEFT JOIN gabion_event e ON e.id = x.event GROUP BY t.id";
        let rows = db.read::<_, StoreError, _>(move |tx| tx.query(sql, params![])).await.unwrap();
        let found: std::collections::HashMap<i64, i64> =
            rows.iter().map(|row| (row.get("id").unwrap(), row.get("events").unwrap())).collect();
        assert!(found.values().all(|events| *events == 1), "a row without its event, or with two");
        let lost: Vec<_> = expected.iter().filter(|id| !found.contains_key(id)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert_eq!(db.rolled_back(), None);
        db.close().await;
    }
}
