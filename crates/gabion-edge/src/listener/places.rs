//! How many connections and handshakes there may be: in total, and of one address.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cut::Cut;
use crate::module::Module;
use crate::state::State;

/// Parts the addresses are spread over, so that accepting on several cores does not wait for one lock.
const SHARDS: usize = 64;
/// Streams of one HTTP/2 connection at a time.
pub(super) const STREAMS_MAX: u32 = 100;
/// What a connection may have at least, however many its address has: browsers have as many over HTTP/1.1.
const STREAMS_MIN: u32 = 6;

/// What is open now.
#[derive(Default)]
pub(crate) struct Places {
    connections: Arc<AtomicUsize>,
    handshakes: Arc<AtomicUsize>,
    addresses: Arc<Addresses>,
}

impl Places {
    /// Whether there is no place for one more connection.
    pub(crate) fn is_full(&self, state: &State) -> bool {
        self.connections.load(Ordering::Relaxed) >= state.limits.connections_max
    }

    /// Takes a place for a connection.
    pub(super) fn connection(&self, state: &State) -> Result<Place, Cut> {
        Place::take(&self.connections, state.limits.connections_max).ok_or(Cut::Connections)
    }

    /// Takes a place for a TLS handshake.
    pub(super) fn handshake(&self, state: &State) -> Result<Place, Cut> {
        Place::take(&self.handshakes, state.limits.handshakes_max).ok_or(Cut::Handshakes)
    }

    /// Takes a place for a connection of an address. Believed proxies need none: they carry many customers. Neither
    /// does anybody while limits are bypassed.
    pub(super) fn address(&self, state: &State, address: IpAddr) -> Result<Option<AddressPlace>, Cut> {
        let believed = state.trusted_proxies.iter().any(|network| network.contains(address));
        if believed || state.bypass.contains(&Module::Limits) {
            return Ok(None);
        }
        let most = state.limits.connections_per_address_max;
        AddressPlace::take(&self.addresses, address, most).map(Some).ok_or(Cut::ConnectionsPerAddress)
    }
}

/// One of a bounded number of places, free again when dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(taken));
        (taken.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Open connections by address. An address is in it only while it has some, so there are never more entries than
/// connections.
struct Addresses {
    shards: [Mutex<HashMap<IpAddr, Held>>; SHARDS],
    hasher: RandomState,
}

/// What an address has open.
#[derive(Default)]
struct Held {
    connections: usize,
    /// Streams that these connections may have at a time.
    streams: u32,
    refusals: Arc<AtomicU32>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Addresses {
    fn with<T>(&self, key: IpAddr, act: impl FnOnce(&mut HashMap<IpAddr, Held>) -> T) -> T {
        let shards = u64::try_from(SHARDS).expect("a small number");
        let shard = usize::try_from(self.hasher.hash_one(key) % shards).expect("a small number");
        act(&mut self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place among the connections of an address, free again when dropped.
pub(super) struct AddressPlace {
    addresses: Arc<Addresses>,
    key: IpAddr,
    /// Streams this connection may have.
    streams: u32,
    /// Refused requests of the address, in a row.
    pub(super) refusals: Arc<AtomicU32>,
}

impl AddressPlace {
    fn take(addresses: &Arc<Addresses>, address: IpAddr, most: usize) -> Option<Self> {
        let key = network(address);
        addresses.with(key, |open| {
            let held = open.entry(key).or_default();
            (held.connections < most).then(|| {
                held.connections += 1;
                let refusals = Arc::clone(&held.refusals);
                Self { addresses: Arc::clone(addresses), key, streams: 0, refusals }
            })
        })
    }

    /// Streams this connection may have at a time: half of what its address has left of `most`.
    pub(super) fn streams(&mut self, most: u32) -> u32 {
        self.streams = self.addresses.with(self.key, |open| {
            let held = open.entry(self.key).or_default();
            let streams = (most.saturating_sub(held.streams) / 2).clamp(STREAMS_MIN, STREAMS_MAX);
            held.streams += streams;
            streams
        });
        self.streams
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        self.addresses.with(self.key, |open| {
            if let Some(held) = open.get_mut(&self.key) {
                held.connections -= 1;
                held.streams -= self.streams;
                if held.connections == 0 {
                    open.remove(&self.key);
                }
            }
        });
    }
}

/// What one customer has: an IPv4 address, or the /64 that an IPv6 customer gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let addresses = Arc::new(Addresses::default());
        let take = |text| AddressPlace::take(&addresses, address(text), 2);
        let places = [take("192.0.2.1"), take("::ffff:192.0.2.1")];
        assert!(places.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some());
        drop(places);
        assert!(take("192.0.2.1").is_some());
        let left: usize = addresses.shards.iter().map(|shard| shard.lock().expect("no panic").len()).sum();
        assert_eq!(left, 0, "an address without connections takes no memory");
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one() {
        let addresses = Arc::new(Addresses::default());
        let take = |text| AddressPlace::take(&addresses, address(text), 1);
        let _first = take("2001:db8::1").expect("a place");
        assert!(take("2001:db8::ffff:2").is_none());
        assert!(take("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn connections_of_an_address_share_its_streams() {
        let addresses = Arc::new(Addresses::default());
        let connect = |most| {
            let mut place = AddressPlace::take(&addresses, address("192.0.2.1"), 100).expect("a place");
            (place.streams(most), place)
        };
        let first = [connect(256), connect(256), connect(256), connect(256), connect(256), connect(256)];
        assert_eq!(first.each_ref().map(|(streams, _)| *streams), [100, 78, 39, 19, 10, 6]);
        drop(first);
        assert_eq!(connect(256).0, 100, "who closes gives back");
        assert_eq!([connect(u32::MAX).0, connect(u32::MAX).0], [100, 100]);
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let taken = Arc::new(AtomicUsize::new(0));
        let first = Place::take(&taken, 1).expect("a place");
        assert!(Place::take(&taken, 1).is_none());
        drop(first);
        assert!(Place::take(&taken, 1).is_some());
    }
}
