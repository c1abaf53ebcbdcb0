//! Sets of bytes.

use crate::error::Fault;
use crate::seclang::action::number;

/// Some of the 256 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    /// The bytes that occur in a value.
    pub(crate) fn of(value: &[u8]) -> Self {
        let mut set = Self::default();
        for byte in value {
            set.insert(*byte);
        }
        set
    }

    /// Reads ranges such as `9,10,13,32-126`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut set = Self::default();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u8, u8) = (number(first)?, number(last)?);
            if first > last {
                return Err(Fault::value(range, "a range from the lower to the higher byte"));
            }
            (first..=last).for_each(|byte| set.insert(byte));
        }
        Ok(set)
    }

    pub(crate) const fn insert(&mut self, byte: u8) {
        self.0[byte as usize >> 6] |= 1 << (byte & 63);
    }

    pub(crate) const fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize >> 6] & 1 << (byte & 63) != 0
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }

    pub(crate) fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let set = ByteSet::parse("9, 10,32-126,128-255").expect("set");
        assert!(set.contains(9) && set.contains(b'a') && set.contains(255));
        assert!(!set.contains(127) && !set.contains(0));
        assert_eq!(set.len(), 2 + 95 + 128);
        for text in ["", "1-", "256", "5-1", "a"] {
            assert!(ByteSet::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sets_meet_where_they_share_a_byte() {
        assert!(ByteSet::of(b"abc").intersects(&ByteSet::of(b"xc")));
        assert!(!ByteSet::of(b"abc").intersects(&ByteSet::of(b"\0xyz")));
    }
}
