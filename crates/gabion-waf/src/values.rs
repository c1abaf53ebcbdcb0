//! The values of one transaction, each content once.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::io::Write as _;
use std::ops::Range;

use crate::scan::{Need, Scanner, Scans};
use crate::transformation::{Transformation, UnicodeMap};

/// A value: equal numbers mean equal bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ValueId(u32);

/// Not yet transformed or scanned.
const UNKNOWN: u32 = u32::MAX;
/// How many transformations there are.
const STEPS: usize = Transformation::COUNT;

/// All values of one transaction. What is found out about a value is kept for all who share its content: the results
/// of transformations, and the look at its literals.
#[derive(Debug)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    spans: Vec<Range<usize>>,
    by_content: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// For each value, the result of each transformation.
    steps: Vec<u32>,
    /// For each value, its scan by the scanner in use.
    scanned: Vec<u32>,
    scans: Scans,
    scratch: Vec<u8>,
    numbers: Vec<usize>,
    bytes_max: usize,
    full: bool,
}

impl Values {
    /// With room for so many bytes; above it, values come out empty and [`Values::is_full`] says so.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let mut values = Self {
            bytes: Vec::new(),
            spans: Vec::new(),
            by_content: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            steps: Vec::new(),
            scanned: Vec::new(),
            scans: Scans::default(),
            scratch: Vec::new(),
            numbers: Vec::new(),
            bytes_max,
            full: false,
        };
        values.intern(b"");
        values
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.by_content.clear();
        self.steps.clear();
        self.scanned.clear();
        self.scans.clear();
        self.full = false;
        self.intern(b"");
    }

    /// Bytes that are kept in memory for values, used or not.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether something did not fit.
    pub(crate) const fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn get(&self, value: ValueId) -> &[u8] {
        &self.bytes[self.spans[value.0 as usize].clone()]
    }

    /// The value with that content.
    pub(crate) fn intern(&mut self, content: &[u8]) -> ValueId {
        let hash = self.hasher.hash_one(content);
        let same = |value: &u32| self.bytes[self.spans[*value as usize].clone()] == *content;
        if let Some(value) = self.by_content.find(hash, same) {
            return ValueId(*value);
        }
        let number = u32::try_from(self.spans.len()).unwrap_or(UNKNOWN);
        if self.bytes.len() + content.len() > self.bytes_max || number == UNKNOWN {
            self.full = true;
            return ValueId::default();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(content);
        self.spans.push(start..self.bytes.len());
        self.steps.resize(self.spans.len() * STEPS, UNKNOWN);
        self.scanned.push(UNKNOWN);
        let Self { by_content, hasher, bytes, spans, .. } = self;
        let hash_of = |value: &u32| hasher.hash_one(&bytes[spans[*value as usize].clone()]);
        by_content.insert_unique(hash, number, hash_of);
        ValueId(number)
    }

    /// The decimal digits of a number as a value.
    pub(crate) fn number(&mut self, number: i64) -> ValueId {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write!(scratch, "{number}").expect("a Vec takes everything");
        let value = self.intern(&scratch);
        self.scratch = scratch;
        value
    }

    /// The value after a chain of transformations.
    pub(crate) fn transform(
        &mut self,
        value: ValueId,
        chain: &[Transformation],
        map: Option<&UnicodeMap>,
    ) -> ValueId {
        chain.iter().fold(value, |value, step| self.step(value, *step, map))
    }

    /// The value after one transformation.
    pub(crate) fn step(&mut self, value: ValueId, step: Transformation, map: Option<&UnicodeMap>) -> ValueId {
        let place = value.0 as usize * STEPS + step as usize;
        if self.steps[place] != UNKNOWN {
            return ValueId(self.steps[place]);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let result =
            if step.apply(self.get(value), &mut scratch, map) { self.intern(&scratch) } else { value };
        self.scratch = scratch;
        self.steps[place] = result.0;
        result
    }

    /// Whether a value can match an operator with this need.
    pub(crate) fn meets(&mut self, value: ValueId, need: &Need, scanner: &Scanner) -> bool {
        let number = self.scan(value, scanner);
        self.scans.meets(number, self.spans[value.0 as usize].len(), need, scanner)
    }

    /// The scan of a value.
    fn scan(&mut self, value: ValueId, scanner: &Scanner) -> usize {
        let place = value.0 as usize;
        if self.scanned[place] == UNKNOWN {
            let number = scanner.scan(&self.bytes[self.spans[place].clone()], &mut self.scans);
            self.scanned[place] = u32::try_from(number).expect("there are fewer scans than values");
        }
        self.scanned[place] as usize
    }

    /// Looks at several values as if they were one; the number is for [`Values::any_meets`].
    pub(crate) fn scan_all(&mut self, values: impl Iterator<Item = ValueId>, scanner: &Scanner) -> usize {
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        for value in values {
            numbers.push(self.scan(value, scanner));
        }
        let number = self.scans.unite(&numbers, scanner);
        self.numbers = numbers;
        number
    }

    /// Whether any of several values can match an operator with this need. `longest` is the length of the longest.
    pub(crate) fn any_meets(&self, number: usize, longest: usize, need: &Need, scanner: &Scanner) -> bool {
        self.scans.meets(number, longest, need, scanner)
    }

    /// Forgets all scans, because another scanner comes into use.
    pub(crate) fn forget_scans(&mut self) {
        self.scans.clear();
        self.scanned.fill(UNKNOWN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_contents_are_one_value() {
        let mut values = Values::new(100);
        let a = values.intern(b"Abc");
        assert_eq!(values.intern(b"Abc"), a);
        let lower = values.transform(a, &[Transformation::Lowercase, Transformation::Trim], None);
        assert_eq!(values.get(lower), b"abc");
        assert_eq!(values.intern(b"abc"), lower);
        assert_eq!(values.step(lower, Transformation::Lowercase, None), lower);
        values.clear();
        assert_eq!(values.get(ValueId::default()), b"");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut values = Values::new(4);
        values.intern(b"1234");
        assert!(!values.is_full());
        assert_eq!(values.intern(b"5"), ValueId::default());
        assert!(values.is_full());
        assert_ne!(values.intern(b"1234"), ValueId::default());
    }
}
