//! Counters that several processes share.

use std::time::Duration;

use gabion_store::counter::PAUSE;
use gabion_store::{Counted, Counter, StoreError, params};

use crate::faults::behind_proxy;
use crate::place::Place;

const HOUR: u64 = 3_600_000_000_000;

/// Longer than any count takes on a busy machine, so that none is lost.
const PATIENCE: Duration = Duration::from_secs(20);

fn open(place: &Place) -> Counter {
    Counter::open(&place.config, PATIENCE).unwrap().unwrap()
}

async fn counted(counter: &Counter, key: u64, interval: u64, burst: u64) -> Counted {
    counter.count(key, interval, interval.saturating_mul(burst)).await.unwrap()
}

/// Counts a key until it is refused. Returns how many were let in.
async fn exhaust(counter: Counter, burst: u64) -> u64 {
    let mut allowed = 0;
    while counted(&counter, 7, HOUR, burst).await.allowed {
        allowed += 1;
    }
    allowed
}

/// Counts until the database answers again.
async fn counted_again(counter: &Counter) -> Counted {
    let answered = async {
        loop {
            match counter.count(7, HOUR, HOUR * 10).await {
                Ok(counted) => return counted,
                Err(_) => tokio::time::sleep(PAUSE / 4).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("the database answers")
}

#[tokio::test]
async fn two_nodes_share_one_limit_exactly() {
    let Some(place) = Place::postgres() else { return };
    let _tables = place.open().await;
    let nodes = [(); 2].map(|()| open(&place));
    let tasks: Vec<_> = (0..16).map(|task| tokio::spawn(exhaust(nodes[task % 2].clone(), 200))).collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += task.await.unwrap();
    }
    assert_eq!(allowed, 200);
    let [one, other] = &nodes;
    let (one, other) = (counted(one, 7, HOUR, 200).await, counted(other, 7, HOUR, 200).await);
    assert!(!one.allowed && !other.allowed && other.ahead <= one.ahead, "{one:?} {other:?}");
    assert!(one.ahead > 199 * HOUR && one.ahead <= 200 * HOUR, "{one:?}");
}

#[tokio::test]
async fn counts_go_on_after_a_restart_and_come_back_with_time() {
    let Some(place) = Place::postgres() else { return };
    let _tables = place.open().await;
    assert!(counted(&open(&place), 7, HOUR, 1).await.allowed);
    assert!(!counted(&open(&place), 7, HOUR, 1).await.allowed);
    place.raw("UPDATE gabion_counter SET due = due - 3600000000000");
    assert!(counted(&open(&place), 7, HOUR, 1).await.allowed);
    // As after a server's clock was set back by a day: nobody waits longer than the limit itself says.
    place.raw("UPDATE gabion_counter SET due = due + 86400000000000");
    let refused = counted(&open(&place), 7, HOUR, 1).await;
    assert_eq!(refused, Counted { allowed: false, ahead: HOUR });
}

#[tokio::test]
async fn numbers_of_any_size_are_counted() {
    let Some(place) = Place::postgres() else { return };
    let _tables = place.open().await;
    let counter = open(&place);
    for key in [0, u64::MAX] {
        assert!(counted(&counter, key, u64::MAX, 1).await.allowed);
        assert!(!counted(&counter, key, u64::MAX, 1).await.allowed);
    }
}

#[tokio::test]
async fn rows_that_count_for_nothing_are_deleted() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open().await;
    let counter = open(&place);
    for (key, interval) in [(1, 1), (2, 1), (3, HOUR)] {
        counted(&counter, key, interval, 1).await;
    }
    let keys = async {
        loop {
            let rows = db.read(|tx| tx.query("SELECT key FROM gabion_counter", params![])).await?;
            if let [row] = rows.as_slice() {
                return row.get::<i64>("key");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let left: Result<i64, StoreError> =
        tokio::time::timeout(Duration::from_secs(20), keys).await.expect("rows are deleted");
    assert_eq!(left.unwrap(), 3);
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_at_once_and_asked_again_later() {
    let Some((place, proxy)) = behind_proxy() else { return };
    let _tables = place.open().await;
    let counter = open(&place);
    counted(&counter, 7, HOUR, 10).await;
    proxy.refuse(true);
    for _ in 0..20 {
        let error = counter.count(7, HOUR, HOUR * 10).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    }
    proxy.refuse(false);
    assert!(counted_again(&counter).await.allowed);
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_not_waited_for() {
    let Some(place) = Place::postgres() else { return };
    let _tables = place.open().await;
    counted(&open(&place), 7, HOUR, 10).await;
    let counter = Counter::open(&place.config, Duration::from_millis(50)).unwrap().unwrap();
    let url = place.config.url.clone();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client.batch_execute("BEGIN; SELECT 1 FROM gabion_counter WHERE key = 7 FOR UPDATE").unwrap();
        held.send(()).unwrap();
        // Ends when the test is through with it.
        let _ended = gate.recv();
    });
    is_held.await.unwrap();
    let error = counter.count(7, HOUR, HOUR * 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    drop(go);
    holder.join().unwrap();
    assert!(counted_again(&counter).await.allowed);
}

#[test]
fn sqlite_has_nothing_to_share() {
    assert!(Counter::open(&Place::sqlite().config, PATIENCE).unwrap().is_none());
}
