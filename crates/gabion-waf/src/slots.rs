//! Numbers for the names of TX entries, so that rules find them without hashing.

use hashbrown::HashMap;

/// Where a TX entry is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(pub(crate) usize);

/// The names that rules know, each with its slot. Names ignore case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    by_name: HashMap<Box<[u8]>, Slot>,
    names: Vec<Box<[u8]>>,
}

impl Slots {
    /// The names that every transaction has first: TX.0 to TX.9, then those the engine itself writes.
    pub(crate) fn new() -> Self {
        let mut slots = Self::default();
        for digit in b'0'..=b'9' {
            slots.slot(&[digit]);
        }
        slots
    }

    /// The slot of a name, a new one if it has none.
    pub(crate) fn slot(&mut self, name: &[u8]) -> Slot {
        if let Some(slot) = self.find(name) {
            return slot;
        }
        let name: Box<[u8]> = name.to_ascii_lowercase().into();
        let slot = Slot(self.names.len());
        self.names.push(name.clone());
        self.by_name.insert(name, slot);
        slot
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Slot> {
        match self.by_name.get(name) {
            Some(slot) => Some(*slot),
            None if name.iter().any(u8::is_ascii_uppercase) => {
                self.by_name.get(name.to_ascii_lowercase().as_slice()).copied()
            }
            None => None,
        }
    }

    pub(crate) fn names(&self) -> &[Box<[u8]>] {
        &self.names
    }
}
