//! The edge's lane.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Actor, Clock, Event, EventKind, Severity, SystemClock};
use gabion_crypto::SystemEntropy;
use gabion_store::journal::{Entry, Filter, HIDDEN, View};
use gabion_store::{Lane, LaneConfig, OpenError};

use crate::place::event_id;

const BLOCKED: EventKind = EventKind::new("edge.blocked", 1, Severity::Warning);

fn blocked(status: i64) -> Event {
    Event::new(&BLOCKED, event_id(), SystemClock.now(), Actor::Visitor)
        .entity("rule", "942100")
        .field("status", status)
        .personal("address", "192.0.2.1")
}

async fn open(path: PathBuf, config: LaneConfig) -> Result<Lane, OpenError> {
    Lane::open(path, config, Arc::new(SystemClock), Arc::new(SystemEntropy::new())).await
}

async fn wait_for(lane: &Lane, position: i64) {
    let mut newest = lane.watch();
    let waited = newest.wait_for(|newest| *newest >= position);
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect("events are written").unwrap();
}

async fn all(lane: &Lane) -> Vec<Entry> {
    lane.read(0, 500, Filter::default(), View::Full).await.unwrap()
}

#[tokio::test]
async fn offered_events_are_read_with_filters() {
    let folder = tempfile::tempdir().unwrap();
    let lane = open(folder.path().join("lane.db"), LaneConfig::default()).await.unwrap();
    for status in [403, 429, 403] {
        lane.offer(blocked(status));
    }
    wait_for(&lane, 3).await;
    assert_eq!(all(&lane).await.len(), 3);
    let about_rule = Filter { entity: Some(("rule".into(), "942100".into())), ..Filter::default() };
    assert_eq!(lane.read_back(Some(3), 1, about_rule, View::Masked).await.unwrap()[0].position, 2);
}

#[tokio::test]
async fn offered_events_are_found_by_their_id() {
    let folder = tempfile::tempdir().unwrap();
    let lane = open(folder.path().join("lane.db"), LaneConfig::default()).await.unwrap();
    let events = [blocked(403), blocked(429), blocked(502)];
    events.iter().cloned().for_each(|event| lane.offer(event));
    wait_for(&lane, 3).await;
    let found = async |id, view| lane.find(id, view).await.unwrap();
    let second = Entry { position: 2, event: events[1].clone() };
    assert_eq!(found(events[1].id, View::Full).await, Some(second));
    let masked = found(events[1].id, View::Masked).await.unwrap();
    assert_eq!(masked.event.fields[1].value.to_string(), HIDDEN);
    assert_eq!(found(event_id(), View::Full).await, None);
}

#[tokio::test]
async fn a_flood_is_counted_and_nothing_is_lost_silently() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lane.db");
    let config = LaneConfig { events_per_second_max: 10, queue_length: 1000, ..LaneConfig::default() };
    let lane = open(path.clone(), config.clone()).await.unwrap();
    for n in 0..20_000 {
        lane.offer(blocked(if n % 2 == 0 { 403 } else { 429 }));
    }
    lane.close().await;
    let lane = open(path, config).await.unwrap();
    let entries = all(&lane).await;
    let count = |entry: &Entry| {
        let count = entry.event.fields.iter().find(|field| field.name == "count");
        count.map_or(1, |field| field.value.to_string().parse::<u64>().unwrap())
    };
    let dropped: u64 =
        entries.iter().filter(|entry| entry.event.kind == "store.lane_dropped").map(count).sum();
    let told: u64 = entries.iter().filter(|entry| entry.event.kind == "edge.blocked").map(count).sum();
    assert!(told > 0 && told + dropped <= 20_000);
    assert!(entries.len() < 200, "{} rows", entries.len());
}

#[tokio::test]
async fn stats_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let config = LaneConfig { queue_length: 100, events_per_second_max: 5, ..LaneConfig::default() };
    let lane = open(folder.path().join("lane.db"), config).await.unwrap();
    for _ in 0..5000 {
        lane.offer(blocked(403));
    }
    let settled = async {
        loop {
            let stats = lane.stats();
            let kept = stats.offered - stats.aggregated - stats.dropped;
            if stats.written >= kept && stats.aggregated > 0 {
                break stats;
            }
            lane.watch().changed().await.unwrap();
        }
    };
    let stats = tokio::time::timeout(Duration::from_secs(10), settled).await.unwrap();
    assert_eq!(stats.offered, 5000);
}

#[tokio::test]
async fn old_rows_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let config = LaneConfig { rows_max: 50, events_per_second_max: 1000, ..LaneConfig::default() };
    let lane = open(folder.path().join("lane.db"), config).await.unwrap();
    let trimmed = async {
        let mut offered = 0;
        loop {
            (0..20).for_each(|_| lane.offer(blocked(403)));
            offered += 20;
            wait_for(&lane, offered).await;
            let entries = all(&lane).await;
            if entries[0].position > 1 {
                break entries;
            }
        }
    };
    let entries = tokio::time::timeout(Duration::from_secs(30), trimmed).await.unwrap();
    assert!(entries.windows(2).all(|pair| pair[1].position == pair[0].position + 1));
}

#[tokio::test]
async fn positions_go_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lane.db");
    let lane = open(path.clone(), LaneConfig::default()).await.unwrap();
    lane.offer(blocked(403));
    let second = open(path.clone(), LaneConfig::default()).await.map(drop).unwrap_err();
    assert!(matches!(second, OpenError::InUse { .. }), "{second}");
    lane.close().await;
    let lane = open(path, LaneConfig::default()).await.unwrap();
    assert_eq!(lane.newest(), 1);
    lane.offer(blocked(403));
    wait_for(&lane, 2).await;
}
