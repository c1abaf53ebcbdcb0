//! A map that never grows beyond its limit: what was not touched for longest makes room.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

#[derive(Clone, Debug)]
pub(crate) struct Recent<K, V> {
    entries_max: usize,
    entries: HashMap<K, (u64, V)>,
    /// The keys by when they were touched, the oldest first.
    order: BTreeMap<u64, K>,
    touches: u64,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(entries_max: usize) -> Self {
        assert!(entries_max > 0, "there is room for one");
        Self { entries_max, entries: HashMap::new(), order: BTreeMap::new(), touches: 0 }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value, without making it recent.
    pub(crate) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// The value, made by `new` if there is none, and from now on the most recent.
    pub(crate) fn touch(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        self.touches += 1;
        match self.entries.get(&key) {
            Some((touched, _)) => drop(self.order.remove(touched)),
            None if self.entries.len() == self.entries_max => {
                let (_, oldest) = self.order.pop_first().expect("every entry has its place in the order");
                self.entries.remove(&oldest);
            }
            None => (),
        }
        self.order.insert(self.touches, key);
        let (touched, value) = self.entries.entry(key).or_insert_with(|| (0, new()));
        *touched = self.touches;
        value
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some((touched, _)) = self.entries.remove(key) {
            self.order.remove(&touched);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn entries_max(&self) -> usize {
        self.entries_max
    }

    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = (K, &V)> {
        self.order.values().map(|key| (*key, &self.entries[key].1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_touched_for_longest_makes_room() {
        let mut recent = Recent::new(3);
        for key in [1, 2, 3, 1, 4] {
            *recent.touch(key, || 0) += 1;
        }
        assert_eq!(recent.oldest_first().collect::<Vec<_>>(), [(3, &1), (1, &2), (4, &1)]);
        recent.remove(&3);
        recent.touch(5, || 0);
        assert_eq!(recent.oldest_first().map(|(key, _)| key).collect::<Vec<_>>(), [1, 4, 5]);
    }
}
