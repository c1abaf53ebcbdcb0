//! The TX collection.

use hashbrown::HashMap;

use super::{State, Transaction};
use crate::operator::integer;
use crate::slots::Slot;
use crate::values::ValueId;

/// Entries that rules name only while they run; more are dropped. A request has at most so many arguments.
const DYNAMIC_MAX: usize = 4_096;

/// A value of TX. Scores are numbers nearly all the time.
#[derive(Clone, Copy, Debug)]
pub(super) enum TxValue {
    Number(i64),
    Text(ValueId),
}

/// All entries: those that rules name, each in its slot, then those that got their names while rules ran.
#[derive(Debug, Default)]
pub(super) struct TxStore {
    pub(super) values: Vec<Option<TxValue>>,
    pub(super) names: Vec<Box<[u8]>>,
    by_name: HashMap<Box<[u8]>, Slot>,
}

impl TxStore {
    /// Empties it; the program knows so many names.
    pub(super) fn clear(&mut self, known: usize) {
        self.values.clear();
        self.values.resize(known, None);
        self.names.clear();
        self.by_name.clear();
    }
}

impl State {
    pub(super) fn tx_integer(&self, slot: Slot) -> Option<i64> {
        Some(match self.tx.values[slot.0]? {
            TxValue::Number(number) => number,
            TxValue::Text(value) => integer(self.values.get(value)),
        })
    }

    /// The value of an entry, as bytes.
    pub(super) fn tx_value(&mut self, slot: Slot) -> Option<ValueId> {
        Some(match self.tx.values[slot.0]? {
            TxValue::Number(number) => self.values.number(number),
            TxValue::Text(value) => value,
        })
    }

    /// Sets an entry. A text that is a plain number is held as one.
    pub(super) fn set_tx(&mut self, slot: Slot, text: &[u8]) {
        let canonical = matches!(text, [b'0'] | [b'1'..=b'9', ..])
            && text.len() < 16
            && text.iter().all(u8::is_ascii_digit);
        let value =
            if canonical { TxValue::Number(integer(text)) } else { TxValue::Text(self.values.intern(text)) };
        self.tx.values[slot.0] = Some(value);
    }
}

impl Transaction {
    /// The slot of an entry, if rules or the transaction know its name.
    pub(super) fn tx_slot(&self, name: &[u8]) -> Option<Slot> {
        self.program.slots.find(name).or_else(|| {
            if self.state.tx.by_name.is_empty() {
                return None;
            }
            self.state.tx.by_name.get(name.to_ascii_lowercase().as_slice()).copied()
        })
    }

    /// The slot of an entry, a new one if nobody knows its name; `None` if there are too many already.
    pub(super) fn tx_slot_or_new(&mut self, name: &[u8]) -> Option<Slot> {
        if let Some(slot) = self.tx_slot(name) {
            return Some(slot);
        }
        let store = &mut self.state.tx;
        if store.names.len() == DYNAMIC_MAX {
            return None;
        }
        let slot = Slot(store.values.len());
        let name: Box<[u8]> = name.to_ascii_lowercase().into();
        store.values.push(None);
        store.names.push(name.clone());
        store.by_name.insert(name, slot);
        Some(slot)
    }
}
