//! Counting instead of keeping, above a budget per second. Pure.

use std::collections::HashMap;

use gabion_core::{Event, Field, Severity, SiteId, Value};

/// Different keys of one second. Events with further ones are dropped: keys are meant to be few.
const KEYS_MAX: usize = 256;

/// Name of the field that says how many events one stands for.
pub(crate) const COUNT: &str = "count";

/// Splits a stream of events into those kept one by one and those counted.
pub(crate) struct Aggregator {
    budget: u32,
    key_fields: Vec<String>,
    second: i64,
    kept: u32,
    counted: HashMap<Key, (Event, i64)>,
    ready: Vec<Event>,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absorbed {
    Kept,
    Counted,
    Dropped,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    kind: String,
    site: Option<SiteId>,
    severity: Severity,
    fields: Vec<Option<String>>,
}

impl Aggregator {
    pub(crate) fn new(budget: u32, key_fields: Vec<String>) -> Self {
        Self { budget, key_fields, second: i64::MIN, kept: 0, counted: HashMap::new(), ready: Vec::new() }
    }

    /// Takes one event that arrived in `second`.
    pub(crate) fn absorb(&mut self, event: Event, second: i64) -> Absorbed {
        self.turn(second);
        if self.kept < self.budget {
            self.kept += 1;
            self.ready.push(event);
            return Absorbed::Kept;
        }
        let key = self.key(&event);
        if let Some((_, count)) = self.counted.get_mut(&key) {
            *count += 1;
            return Absorbed::Counted;
        }
        if self.counted.len() == KEYS_MAX {
            return Absorbed::Dropped;
        }
        let representative = self.stripped(event);
        self.counted.insert(key, (representative, 1));
        Absorbed::Counted
    }

    /// Begins `second`: what was counted in the one before becomes ready. Another second is a new one in either
    /// direction, so that a clock set back loses nothing.
    pub(crate) fn turn(&mut self, second: i64) {
        if self.second != second {
            self.second = second;
            self.finish();
        }
    }

    /// Makes everything ready, at the end.
    pub(crate) fn finish(&mut self) {
        self.kept = 0;
        let counted = self.counted.drain().map(|(_, (mut event, count))| {
            event.fields.push(Field { name: COUNT.into(), value: Value::Int(count), personal: false });
            event
        });
        self.ready.extend(counted);
    }

    /// The events that can be written now.
    pub(crate) fn take_ready(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.ready)
    }

    fn key(&self, event: &Event) -> Key {
        let value = |name: &String| {
            let field = event.fields.iter().find(|field| field.name == name.as_str());
            field.map(|field| field.value.to_string())
        };
        Key {
            kind: event.kind.clone().into_owned(),
            site: event.site.clone(),
            severity: event.severity,
            fields: self.key_fields.iter().map(value).collect(),
        }
    }

    /// What holds for all events of the key: no person, no single thing, only the key's own fields.
    fn stripped(&self, mut event: Event) -> Event {
        event.subject = None;
        event.entities.clear();
        event
            .fields
            .retain(|field| !field.personal && self.key_fields.iter().any(|name| *name == field.name));
        event
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::{Actor, EventId, EventKind, Timestamp};

    use super::*;

    const BLOCKED: EventKind = EventKind::new("edge.blocked", 1, Severity::Warning);

    fn blocked(id: u128, status: i64) -> Event {
        Event::new(&BLOCKED, EventId::from_bits(id), Timestamp::from_seconds(1), Actor::Visitor)
            .entity("request", id)
            .field("status", status)
            .personal("address", "192.0.2.1")
    }

    fn aggregator() -> Aggregator {
        Aggregator::new(2, vec!["status".to_owned()])
    }

    fn counts(events: &[Event]) -> Vec<(String, Option<String>)> {
        let value = |event: &Event, name: &str| {
            event.fields.iter().find(|field| field.name == name).map(|field| field.value.to_string())
        };
        let mut counts: Vec<_> =
            events.iter().map(|e| (value(e, "status").expect("a key field"), value(e, COUNT))).collect();
        counts.sort();
        counts
    }

    #[test]
    fn events_within_the_budget_are_kept_whole() {
        let mut aggregator = aggregator();
        assert_eq!(aggregator.absorb(blocked(1, 403), 7), Absorbed::Kept);
        assert_eq!(aggregator.take_ready(), [blocked(1, 403)]);
    }

    #[test]
    fn events_above_it_are_counted_by_key_until_the_second_is_over() {
        let mut aggregator = aggregator();
        let absorbed: Vec<_> = [403, 403, 403, 429, 403]
            .into_iter()
            .map(|status| aggregator.absorb(blocked(1, status), 7))
            .collect();
        assert_eq!(absorbed[2..], [Absorbed::Counted; 3]);
        assert_eq!(aggregator.take_ready().len(), 2);
        aggregator.turn(7);
        assert_eq!(aggregator.take_ready(), []);
        aggregator.turn(8);
        let ready = aggregator.take_ready();
        let expected =
            [("403", "2"), ("429", "1")].map(|(status, count)| (status.into(), Some(count.into())));
        assert_eq!(counts(&ready), expected);
        assert!(ready.iter().all(|event| event.entities.is_empty() && event.fields.len() == 2));
    }

    #[test]
    fn every_second_has_its_own_budget() {
        let mut aggregator = aggregator();
        let kept = (0..5).filter(|id| aggregator.absorb(blocked(*id, 403), 7) == Absorbed::Kept);
        assert_eq!(kept.count(), 2);
        assert_eq!(aggregator.absorb(blocked(9, 403), 8), Absorbed::Kept);
    }

    #[test]
    fn too_many_keys_are_dropped() {
        let mut aggregator = Aggregator::new(0, vec!["status".to_owned()]);
        let dropped =
            (0..300).filter(|status| aggregator.absorb(blocked(1, *status), 7) == Absorbed::Dropped);
        assert_eq!(dropped.count(), 300 - KEYS_MAX);
    }
}
