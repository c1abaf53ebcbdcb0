//! Who was above a limit in the last ten minutes, in memory that never grows.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use gabion_core::Timestamp;
use serde::Serialize;

use crate::config::{Action, Key};

/// Minutes that are counted apart.
pub const MINUTES: usize = 10;
/// Locks, and keys remembered behind each: 1,024 keys of about 300 bytes. Who was above a limit least often makes room.
const SHARDS: usize = 64;
const KEYS_PER_SHARD: usize = 16;
pub(super) const MINUTE: u64 = 60 * 1_000_000_000;

/// Who was above a limit, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limited {
    /// Who, and which limit.
    #[serde(flatten)]
    pub who: Who,
    /// Requests above the limit by minute, the current one last.
    pub minutes: [u32; MINUTES],
    /// Sum of the minutes.
    pub requests: u64,
    /// The last one.
    pub last: Timestamp,
}

/// Who was above which limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    /// Name of the limit.
    pub limit: String,
    /// What happened to the requests.
    pub action: Action,
    /// What they were counted by.
    pub by: Vec<Key>,
    /// What they had in common, for people. Personal.
    pub key: String,
    /// The client that was first noticed. Personal.
    pub address: IpAddr,
    /// Its TLS fingerprint.
    pub ja4: Option<String>,
    /// Id of the site.
    pub site: String,
    /// Path of the route.
    pub route: String,
}

/// The table.
pub(super) struct Lately {
    shards: Box<[Mutex<Vec<Entry>>]>,
}

struct Entry {
    hash: u64,
    who: Who,
    /// Counts by minute modulo [`MINUTES`].
    ring: [u32; MINUTES],
    /// The minute last counted in.
    minute: u64,
    last: Timestamp,
}

impl Default for Lately {
    fn default() -> Self {
        Self { shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect() }
    }
}

impl Lately {
    /// Notes a request of the key with this hash at `now` nanoseconds. Says whether it is the key's first in this
    /// minute. `who` is asked for only when the key is new.
    pub(super) fn note(&self, hash: u64, now: u64, at: Timestamp, who: impl FnOnce() -> Who) -> bool {
        let minute = now / MINUTE;
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        let mut entries = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.iter_mut().find(|entry| entry.hash == hash) {
            entry.turn_to(minute);
            entry.last = at;
            return entry.add(minute);
        }
        if entries.len() == KEYS_PER_SHARD {
            entries.iter_mut().for_each(|entry| entry.turn_to(minute));
            let least = entries.iter().enumerate().min_by_key(|(_, entry)| entry.sum());
            let (least, _) = least.expect("a full shard has entries");
            entries.swap_remove(least);
        }
        let mut entry = Entry { hash, who: who(), ring: [0; MINUTES], minute, last: at };
        let first = entry.add(minute);
        entries.push(entry);
        first
    }

    /// Who was above a limit in the last ten minutes, most often first.
    pub(super) fn list(&self, now: u64) -> Vec<Limited> {
        let minute = now / MINUTE;
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
            entries.retain_mut(|entry| {
                entry.turn_to(minute);
                entry.sum() > 0
            });
            all.extend(entries.iter().map(|entry| entry.shown(minute)));
        }
        all.sort_by(|a, b| (b.requests, b.last, &a.who.key).cmp(&(a.requests, a.last, &b.who.key)));
        all
    }
}

impl Entry {
    /// Empties the minutes that passed since the last request.
    fn turn_to(&mut self, minute: u64) {
        let passed = minute.saturating_sub(self.minute).min(MINUTES as u64);
        for step in 1..=passed {
            self.ring[place(self.minute + step)] = 0;
        }
        self.minute = self.minute.max(minute);
    }

    fn add(&mut self, minute: u64) -> bool {
        let count = &mut self.ring[place(minute)];
        *count = count.saturating_add(1);
        *count == 1
    }

    fn sum(&self) -> u64 {
        self.ring.iter().map(|count| u64::from(*count)).sum()
    }

    fn shown(&self, minute: u64) -> Limited {
        let minutes = std::array::from_fn(|i| self.ring[place(minute + 1 + i as u64)]);
        Limited { who: self.who.clone(), minutes, requests: self.sum(), last: self.last }
    }
}

fn place(minute: u64) -> usize {
    usize::try_from(minute % MINUTES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(key: &str) -> Who {
        Who {
            limit: "visitor".into(),
            action: Action::Refuse,
            by: vec![Key::Address],
            key: key.into(),
            address: IpAddr::from([192, 0, 2, 1]),
            ja4: None,
            site: "shop".into(),
            route: "/".into(),
        }
    }

    fn note(lately: &Lately, hash: u64, minute: u64) -> bool {
        let at = Timestamp::from_seconds(60 * i64::try_from(minute).expect("small"));
        lately.note(hash, minute * MINUTE + 5, at, || who(&format!("key {hash}")))
    }

    #[test]
    fn requests_are_counted_by_minute_and_the_first_of_a_minute_is_told() {
        let lately = Lately::default();
        assert!(note(&lately, 1, 3));
        assert!(!note(&lately, 1, 3));
        assert!(note(&lately, 1, 5));
        let list = lately.list(5 * MINUTE);
        assert_eq!((list.len(), list[0].requests), (1, 3));
        assert_eq!(list[0].minutes, [0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
        assert_eq!(list[0].last, Timestamp::from_seconds(300));
    }

    #[test]
    fn ten_minutes_later_nobody_remembers() {
        let lately = Lately::default();
        note(&lately, 1, 3);
        note(&lately, 2, 4);
        let left: Vec<_> = lately.list(13 * MINUTE).into_iter().map(|limited| limited.who.key).collect();
        assert_eq!(left, ["key 2"]);
        assert!(lately.list(100 * MINUTE).is_empty());
    }

    #[test]
    fn the_table_never_grows_and_keeps_the_heavy_ones() {
        let lately = Lately::default();
        for _ in 0..3 {
            note(&lately, 64, 1);
        }
        for hash in 0..100_000 {
            note(&lately, hash * 7 + 2, 1);
        }
        let list = lately.list(MINUTE);
        assert_eq!(list.len(), SHARDS * KEYS_PER_SHARD);
        assert_eq!((list[0].who.key.as_str(), list[0].requests), ("key 64", 3));
    }
}
