//! Which endpoint gets a request. Pure over sets of at most 64 endpoints, kept as bits: no allocation, no lock.

use crate::config::ENDPOINTS_MAX;

/// How far above the average a single endpoint may be loaded before `hash` sends a key to its next choice, in percent.
/// Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016.
const BOUND_PERCENT: u64 = 125;

const _: () = assert!(ENDPOINTS_MAX == u64::BITS as usize, "a set has a bit for each endpoint");

/// A set of endpoints by their index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(u64);

impl Set {
    /// Those of `count` endpoints for which `is_in` holds.
    pub(crate) fn of(count: usize, is_in: impl Fn(usize) -> bool) -> Self {
        Self((0..count).fold(0, |bits, i| bits | (u64::from(is_in(i)) << i)))
    }

    /// Adds an endpoint.
    pub(crate) const fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    /// Whether an endpoint is in it.
    pub(crate) const fn contains(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }

    /// How many there are.
    pub(crate) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The members, in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let next = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(next)
        })
    }

    /// The member number `draw`, counted around.
    pub(crate) fn nth(self, draw: u64) -> Option<usize> {
        let count = self.0.count_ones();
        let n = draw.checked_rem(u64::from(count))?;
        self.iter().nth(usize::try_from(n).ok()?)
    }
}

/// The next in turn among the members.
pub(crate) fn round_robin(members: Set, turn: u64) -> Option<usize> {
    members.nth(turn)
}

/// The member with the smaller load of two drawn at random: "the power of two choices".
pub(crate) fn two_choices(members: Set, draw: u64, load: impl Fn(usize) -> u64) -> Option<usize> {
    let one = members.nth(draw & 0xffff_ffff)?;
    let mut rest = members;
    rest.0 &= !(1 << one);
    let Some(other) = rest.nth(draw >> 32) else { return Some(one) };
    Some(if load(other) < load(one) { other } else { one })
}

/// The member that a key belongs to by rendezvous hashing, or the next one in the key's own order when that has more
/// than its share of the requests in flight. A member that goes takes only its own keys along.
pub(crate) fn rendezvous(
    members: Set,
    key: u64,
    seed: impl Fn(usize) -> u64,
    in_flight: impl Fn(usize) -> u64,
) -> Option<usize> {
    let all: u64 = members.iter().map(&in_flight).sum();
    let share = (all + 1) * BOUND_PERCENT;
    let count = u64::from(members.0.count_ones());
    let has_room = |member: &usize| in_flight(*member) * count * 100 < share;
    members.iter().filter(has_room).max_by_key(|member| mix(key ^ seed(*member)))
}

/// Spreads consecutive numbers over all bits: the finalizer of SplitMix64. Balancing needs no secrecy.
pub(crate) const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A number for a text, the same in every process and version (FNV-1a, then mixed). Not against attackers: who
/// chooses keys for one endpoint meets the bound of [`rendezvous`].
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[usize]) -> Set {
        Set::of(ENDPOINTS_MAX, |i| members.contains(&i))
    }

    fn homes(members: Set, keys: u64) -> Vec<usize> {
        let seed = |i: usize| hash(format!("http://10.0.0.{i}:8080").as_bytes());
        (0..keys).map(|key| rendezvous(members, mix(key), seed, |_| 0).expect("somebody has room")).collect()
    }

    #[test]
    fn sets_know_their_members() {
        let mut some = set(&[1, 5, 63]);
        assert_eq!((some.len(), some.contains(5), some.contains(4)), (3, true, false));
        assert_eq!((0..4).map(|n| some.nth(n).unwrap()).collect::<Vec<_>>(), [1, 5, 63, 1]);
        some.insert(0);
        assert_eq!(some.without(set(&[5])), set(&[0, 1, 63]));
        assert_eq!(some.and(set(&[5, 6])), set(&[5]));
        assert!(set(&[]).is_empty() && set(&[]).nth(3).is_none());
    }

    #[test]
    fn of_two_the_less_loaded_is_taken_and_all_are_drawn() {
        let loads = [9, 1, 5];
        let picks: Vec<_> = (0..3000)
            .map(|turn| two_choices(set(&[0, 1, 2]), mix(turn), |i| loads[i]).expect("one of three"))
            .collect();
        let count = |i: usize| picks.iter().filter(|pick| **pick == i).count();
        assert_eq!(count(0), 0, "the most loaded always loses");
        assert!((1800..2200).contains(&count(1)), "{}", count(1));
        let even: Vec<_> =
            (0..3000).filter_map(|turn| two_choices(set(&[0, 1, 2]), mix(turn), |_| 7)).collect();
        for i in 0..3 {
            assert!((850..1150).contains(&even.iter().filter(|pick| **pick == i).count()));
        }
        assert_eq!(two_choices(set(&[4]), 77, |_| 1), Some(4));
        assert_eq!(two_choices(set(&[]), 77, |_| 1), None);
    }

    #[test]
    fn keys_are_spread_evenly() {
        let homes = homes(set(&[0, 1, 2, 3, 4]), 20_000);
        for i in 0..5 {
            let count = homes.iter().filter(|home| **home == i).count();
            assert!((3700..4300).contains(&count), "{i}: {count}");
        }
    }

    #[test]
    fn an_endpoint_that_goes_takes_only_its_own_keys_along() {
        let before = homes(set(&[0, 1, 2, 3, 4]), 20_000);
        let after = homes(set(&[0, 1, 3, 4]), 20_000);
        let mut moved = [0; 5];
        for (before, after) in before.iter().zip(&after) {
            if *before == 2 {
                moved[*after] += 1;
            } else {
                assert_eq!(before, after);
            }
        }
        assert_eq!(moved[2], 0);
        assert!([0, 1, 3, 4].iter().all(|i| moved[*i] > 800), "its keys are spread over the rest: {moved:?}");
    }

    #[test]
    fn one_key_cannot_overload_an_endpoint() {
        let mut in_flight = [0_u64; 4];
        for _ in 0..400 {
            let home = rendezvous(set(&[0, 1, 2, 3]), 42, |i| mix(i as u64), |i| in_flight[i]);
            in_flight[home.expect("somebody has room")] += 1;
        }
        assert_eq!(in_flight.iter().sum::<u64>(), 400);
        assert!(in_flight.iter().all(|count| *count <= 126), "{in_flight:?}");
    }
}
