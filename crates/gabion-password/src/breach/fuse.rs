//! A binary fuse filter with three slots of 16 bits for a key.
//!
//! Written here, as a look reads three slots of a file that is not in memory, and the layout of the file must not be that of
//! a library.

/// Seeds that are tried with a shape before it is widened.
const SEEDS_OF_A_SHAPE: u64 = 4;
/// Seeds that are tried at all. One in two or more succeeds.
const SEEDS_MAX: u64 = 100;
/// The longest segment, as a power of two.
pub(super) const SEGMENT_BITS_MAX: u8 = 18;
/// Segments at most: more than any shard has.
pub(super) const SEGMENTS_MAX: u32 = 1 << 16;

/// How the slots are cut into segments. A key has a slot in each of three neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Slots of a segment, as a power of two.
    pub(super) segment_bits: u8,
    /// Segments where a key's first slot can be. Two more follow.
    pub(super) segments: u32,
}

/// A filter in memory.
pub(super) struct Fuse {
    pub(super) seed: u64,
    pub(super) shape: Shape,
    pub(super) slots: Vec<u16>,
}

impl Shape {
    /// The shape for so many keys: 1.125 slots for a key from a million on, more for fewer. The formulas are the source's,
    /// in whole numbers.
    fn of(keys: usize) -> Self {
        let log = keys.max(2).ilog2();
        let segment_bits = u8::try_from((log * 576 + 2_250) / 1_000).expect("64 bits have a small logarithm");
        let segment_bits = segment_bits.min(SEGMENT_BITS_MAX);
        let thousandths = usize::try_from(875 + 4_983 / log).expect("32 bits fit").max(1_125);
        let segments = (keys * thousandths).div_ceil(1_000 << segment_bits).saturating_sub(2).max(1);
        Self { segment_bits, segments: u32::try_from(segments).expect("a shard is small") }
    }

    fn widened(self) -> Self {
        Self { segments: self.segments + self.segments / 32 + 1, ..self }
    }

    /// All slots.
    pub(super) fn slots(self) -> u64 {
        (u64::from(self.segments) + 2) << self.segment_bits
    }

    /// The three slots of a hash.
    pub(super) fn places(self, hash: u64) -> [u64; 3] {
        let length = 1_u64 << self.segment_bits;
        let starts = u128::from(u64::from(self.segments) << self.segment_bits);
        let first = u64::try_from((u128::from(hash) * starts) >> 64).expect("it is less than the slots");
        let within = |bits: u64| bits & (length - 1);
        [first, (first + length) ^ within(hash >> 18), (first + 2 * length) ^ within(hash)]
    }
}

/// The hash of a key. Two keys never have the same.
pub(super) fn hash(key: u64, seed: u64) -> u64 {
    let mut h = key.wrapping_add(seed);
    h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ h >> 33
}

/// What the three slots of a hash make together if its key is in the filter.
pub(super) fn mark(hash: u64) -> u16 {
    let folded = hash ^ hash >> 32;
    u16::try_from(folded & 0xffff).expect("16 bits")
}

/// The filter of `keys`, all different. Nothing only if no seed of a hundred fits.
pub(super) fn build(keys: &[u64]) -> Option<Fuse> {
    let mut shape = Shape::of(keys.len());
    for attempt in 1..=SEEDS_MAX {
        let seed = hash(attempt, 0);
        if let Some(slots) = fill(keys, seed, shape) {
            return Some(Fuse { seed, shape, slots });
        }
        if attempt % SEEDS_OF_A_SHAPE == 0 {
            shape = shape.widened();
        }
    }
    None
}

/// Slots such that the three of each key make its mark, where there is an order in which each key has one of its own.
fn fill(keys: &[u64], seed: u64, shape: Shape) -> Option<Vec<u16>> {
    let places = |hash: u64| shape.places(hash).map(index);
    let count = index(shape.slots());
    // Of each slot: how many keys have it, and the sum of their hashes, which is the hash where there is one.
    let (mut users, mut sums) = (vec![0_u32; count], vec![0_u64; count]);
    for key in keys {
        let hash = hash(*key, seed);
        for place in places(hash) {
            users[place] += 1;
            sums[place] ^= hash;
        }
    }
    let mut alone: Vec<usize> = (0..count).filter(|place| users[*place] == 1).collect();
    let mut order = Vec::with_capacity(keys.len());
    while let Some(own) = alone.pop() {
        if users[own] != 1 {
            continue;
        }
        let hash = sums[own];
        order.push((hash, own));
        for place in places(hash) {
            users[place] -= 1;
            sums[place] ^= hash;
            if users[place] == 1 {
                alone.push(place);
            }
        }
    }
    if order.len() < keys.len() {
        return None;
    }
    let mut slots = vec![0; count];
    for (hash, own) in order.into_iter().rev() {
        let others = places(hash).into_iter().filter(|place| *place != own);
        slots[own] = others.fold(mark(hash), |mark, place| mark ^ slots[place]);
    }
    Some(slots)
}

fn index(place: u64) -> usize {
    usize::try_from(place).expect("a shard is in memory while it is built")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(fuse: &Fuse, key: u64) -> bool {
        let hash = hash(key, fuse.seed);
        fuse.shape.places(hash).iter().fold(mark(hash), |mark, place| mark ^ fuse.slots[index(*place)]) == 0
    }

    fn keys(count: u64) -> Vec<u64> {
        (0..count).map(|number| hash(number, 0x5eed)).collect()
    }

    #[test]
    fn every_key_is_found_whatever_their_number() {
        for count in (1..=70).chain([100, 1_000, 4_095, 4_096, 10_007, 65_536]) {
            let keys = keys(count);
            let fuse = build(&keys).unwrap();
            assert_eq!(index(fuse.shape.slots()), fuse.slots.len());
            assert!(keys.iter().all(|key| has(&fuse, *key)), "{count}");
        }
    }

    #[test]
    fn neighbors_in_number_are_no_harder_than_others() {
        let fuse = build(&(0..20_000).collect::<Vec<_>>()).unwrap();
        assert!((0..20_000).all(|key| has(&fuse, key)));
    }

    #[test]
    fn the_slots_of_a_hash_are_three_and_there() {
        for shape in [
            Shape { segment_bits: 0, segments: 1 },
            Shape { segment_bits: 18, segments: 3 },
            Shape::of(1 << 20),
        ] {
            for hash in [0, 1, u64::MAX, 0x8000_0000_0000_0000, 0x1234_5678_9abc_def0] {
                let [a, b, c] = shape.places(hash);
                assert!(a < b && b < c && c < shape.slots(), "{shape:?} {hash:x}");
            }
        }
    }
}
