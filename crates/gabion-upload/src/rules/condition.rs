//! Conditions of rules.

use super::scan::Seen;

/// When a rule holds. Strings are numbers, counted through all rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Always(bool),
    Seen(usize),
    At(usize, u64),
    In(usize, u64, u64),
    Count(usize, Comparison, u64),
    FileSize(Comparison, u64),
    Of(Quantity, Vec<usize>),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    NotEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    AtLeast(usize),
    All,
    None,
}

impl Condition {
    pub(super) fn holds(&self, seen: &Seen<'_>) -> bool {
        match self {
            Self::Always(holds) => *holds,
            Self::Seen(pattern) => seen.is_seen(*pattern),
            Self::At(pattern, at) => seen.is_seen_in(*pattern, *at, *at),
            Self::In(pattern, from, to) => seen.is_seen_in(*pattern, *from, *to),
            Self::Count(pattern, comparison, count) => comparison.holds(seen.count(*pattern) as u64, *count),
            Self::FileSize(comparison, bytes) => comparison.holds(seen.bytes.len() as u64, *bytes),
            Self::Of(quantity, patterns) => {
                let mut found = patterns.iter().filter(|pattern| seen.is_seen(**pattern));
                match quantity {
                    Quantity::AtLeast(count) => found.take(*count).count() == *count,
                    Quantity::All => found.count() == patterns.len(),
                    Quantity::None => found.next().is_none(),
                }
            }
            Self::Not(inside) => !inside.holds(seen),
            Self::And(list) => list.iter().all(|condition| condition.holds(seen)),
            Self::Or(list) => list.iter().any(|condition| condition.holds(seen)),
        }
    }
}

impl Comparison {
    fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}
