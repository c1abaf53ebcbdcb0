//! Collections that outlive a transaction: counters per address, per session, per user.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gabion_core::Timestamp;

/// Keeps entries of collections under a key, such as those of `ip` under a client's address.
pub trait Collections: Send + Sync {
    /// The entries of a collection that have not expired at `now`. An unknown key has none.
    fn load(&self, collection: &str, key: &[u8], now: Timestamp) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// Applies updates in their order, as one step for whoever loads meanwhile. A collection that nobody updates for
    /// `idle` ends.
    fn update(&self, collection: &str, key: &[u8], updates: &[Update], now: Timestamp, idle: Duration);
}

/// A change of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The name of the entry, lower case.
    pub name: Vec<u8>,
    /// What happens to it.
    pub change: EntryChange,
}

/// What happens to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryChange {
    /// It has this value, and no end of its own.
    Set(Vec<u8>),
    /// Its number changes by this much; transactions at the same time all count.
    Add(i64),
    /// It ceases to exist.
    Remove,
    /// It ceases to exist at that time.
    Expire(Timestamp),
}

/// Collections in memory, for one process.
#[derive(Debug)]
pub struct MemoryCollections {
    keys_max: usize,
    // Behind one lock, because each use is short.
    kept: Mutex<HashMap<(String, Vec<u8>), Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Vec<u8>, Entry>,
    ends: Timestamp,
}

#[derive(Debug, Default)]
struct Entry {
    value: Vec<u8>,
    ends: Option<Timestamp>,
}

/// Entries of one collection under one key; more are dropped. CRS uses five.
const ENTRIES_MAX: usize = 64;

impl MemoryCollections {
    /// With room for so many keys. At the limit, collections that ended go first; if none did, new keys are not kept.
    pub fn new(keys_max: usize) -> Self {
        Self { keys_max, kept: Mutex::default() }
    }
}

impl Collections for MemoryCollections {
    fn load(&self, collection: &str, key: &[u8], now: Timestamp) -> Vec<(Vec<u8>, Vec<u8>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = kept.get(&(collection.to_owned(), key.to_vec())).filter(|kept| kept.ends > now)
        else {
            return Vec::new();
        };
        let lives = |entry: &Entry| entry.ends.is_none_or(|ends| ends > now);
        let living = found.entries.iter().filter(|(_, entry)| lives(entry));
        living.map(|(name, entry)| (name.clone(), entry.value.clone())).collect()
    }

    fn update(&self, collection: &str, key: &[u8], updates: &[Update], now: Timestamp, idle: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (collection.to_owned(), key.to_vec());
        if kept.len() >= self.keys_max && !kept.contains_key(&place) {
            kept.retain(|_, kept| kept.ends > now);
            if kept.len() >= self.keys_max {
                return;
            }
        }
        let found = kept.entry(place).or_default();
        if found.ends <= now {
            found.entries.clear();
        }
        found.ends = now.after(idle);
        found.entries.retain(|_, entry| entry.ends.is_none_or(|ends| ends > now));
        for update in updates {
            found.apply(update);
        }
    }
}

impl Kept {
    fn apply(&mut self, update: &Update) {
        let full = self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&update.name);
        match &update.change {
            EntryChange::Remove => {
                self.entries.remove(&update.name);
            }
            EntryChange::Expire(at) => {
                if let Some(entry) = self.entries.get_mut(&update.name) {
                    entry.ends = Some(*at);
                }
            }
            EntryChange::Set(_) | EntryChange::Add(_) if full => {}
            EntryChange::Set(value) => {
                self.entries.insert(update.name.clone(), Entry { value: value.clone(), ends: None });
            }
            EntryChange::Add(amount) => {
                let entry = self.entries.entry(update.name.clone()).or_default();
                let number = crate::operator::integer(&entry.value).saturating_add(*amount);
                entry.value = number.to_string().into_bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(100);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn update(name: &str, change: EntryChange) -> Update {
        Update { name: name.as_bytes().to_vec(), change }
    }

    #[test]
    fn entries_end_by_themselves_or_with_their_collection() {
        let collections = MemoryCollections::new(2);
        let updates = [
            update("n", EntryChange::Add(2)),
            update("n", EntryChange::Add(3)),
            update("block", EntryChange::Set(b"1".to_vec())),
            update("block", EntryChange::Expire(at(10))),
        ];
        collections.update("ip", b"a", &updates, at(0), IDLE);
        let names = |now| {
            let mut names: Vec<_> =
                collections.load("ip", b"a", at(now)).into_iter().map(|(name, _)| name).collect();
            names.sort();
            names
        };
        assert_eq!(names(9), [b"block".to_vec(), b"n".to_vec()]);
        assert_eq!(names(10), [b"n".to_vec()]);
        assert!(names(100).is_empty());
        assert_eq!(collections.load("ip", b"a", at(50)), [(b"n".to_vec(), b"5".to_vec())]);
        assert!(collections.load("ip", b"b", at(0)).is_empty());
    }

    #[test]
    fn keys_are_bounded_and_ended_ones_make_room() {
        let collections = MemoryCollections::new(1);
        let one = [update("n", EntryChange::Set(b"1".to_vec()))];
        collections.update("ip", b"a", &one, at(0), IDLE);
        collections.update("ip", b"b", &one, at(1), IDLE);
        assert!(collections.load("ip", b"b", at(1)).is_empty());
        collections.update("ip", b"b", &one, at(200), IDLE);
        assert_eq!(collections.load("ip", b"b", at(200)).len(), 1);
    }
}
