//! Programs that call the shop again and again: payment webhooks, feeds, monitors. Noticed in memory that never grows,
//! so that an operator can say which are theirs.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gabion_core::{Entropy, Timestamp};

use crate::config::Machine;
use crate::network::Network;
use crate::rate_limit::{HashKey, block};

/// Locks, and programs remembered behind each: 1,024 programs of at most 500 bytes. The network picks the lock, so that
/// one network with many names makes only its own neighbors forgotten; of those, who called least often.
const SHARDS: usize = 64;
const PROGRAMS_PER_SHARD: usize = 16;
/// Bytes of a path; calls to longer ones are not counted.
const PATH_BYTES_MAX: usize = 256;
/// From so many calls on, over so much time, a program is a machine: a daily feed is one after five days.
const CALLS_MIN: u64 = 5;
const SPAN_MIN: Duration = Duration::from_secs(60 * 60);
/// A program that did not call for so long is forgotten: monthly reports are not.
const SILENCE_MAX: Duration = Duration::from_secs(35 * 24 * 60 * 60);
/// Characters from which on a segment with a digit in it is taken for an id.
const ID_CHARS_MIN: usize = 8;

/// A machine as its calls show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineSeen {
    /// Names it for whoever asks about it.
    pub key: String,
    /// Where it calls from: one address, or the network around them. Personal.
    pub from: Network,
    /// What it called itself last: `Stripe/1.0`.
    pub product: String,
    /// The path it calls; `*` for a segment that looks like an id.
    pub path: String,
    /// Its calls.
    pub requests: u64,
    /// Those that rules stopped or would have stopped.
    pub flagged: u64,
    /// The first one.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
}

impl MachineSeen {
    /// What its calls have in common, as the configuration says it. The version is left out: machines get new ones.
    pub fn machine(&self, name: String) -> Machine {
        let user_agent = name_of(&self.product).to_owned();
        Machine { name, from: vec![self.from], user_agent, path: self.path.clone() }
    }
}

/// A request of a program.
pub(super) struct Call<'a> {
    pub(super) address: IpAddr,
    /// What it calls itself.
    pub(super) product: &'a str,
    /// Normalized.
    pub(super) path: &'a str,
    /// Whether rules stopped it or would have.
    pub(super) flagged: bool,
}

/// The table.
pub(crate) struct Machines {
    key: HashKey,
    shards: Box<[Mutex<Vec<Entry>>]>,
}

struct Entry {
    key: u64,
    address: IpAddr,
    /// Whether other addresses of its network called, too.
    many: bool,
    product: Box<str>,
    path: Box<str>,
    requests: u64,
    flagged: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Machines {
    /// An empty table.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { key: HashKey::draw(entropy), shards }
    }

    /// Counts a call.
    pub(super) fn called(&self, call: &Call<'_>, now: Timestamp) {
        let path = class(call.path);
        if path.len() > PATH_BYTES_MAX {
            return;
        }
        let network = block(self.key.hash(), call.address, 24, 64);
        let key = network.text(name_of(call.product)).text(&path).finish();
        let shard = usize::try_from(network.finish() % SHARDS as u64).unwrap_or(0);
        let mut entries = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) {
            return entry.add(call, now);
        }
        if entries.len() == PROGRAMS_PER_SHARD {
            let rank = |entry: &Entry| (entry.is_present(now), entry.requests, entry.last);
            let least = entries.iter().enumerate().min_by_key(|(_, entry)| rank(entry));
            let (least, _) = least.expect("a full shard has entries");
            entries.swap_remove(least);
        }
        let mut entry = Entry {
            key,
            address: call.address,
            many: false,
            product: call.product.into(),
            path: path.into(),
            requests: 0,
            flagged: 0,
            first: now,
            last: now,
        };
        entry.add(call, now);
        entries.push(entry);
    }

    /// Programs that called often enough, over enough time: first those that rules found something in, then those that
    /// call most.
    pub(crate) fn list(&self, now: Timestamp) -> Vec<MachineSeen> {
        let mut seen = Vec::new();
        for shard in &self.shards {
            let entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(entries.iter().filter(|entry| entry.is_machine(now)).map(Entry::shown));
        }
        seen.sort_by(|a, b| (b.flagged, b.requests, &a.key).cmp(&(a.flagged, a.requests, &b.key)));
        seen
    }
}

impl Entry {
    fn add(&mut self, call: &Call<'_>, now: Timestamp) {
        self.requests += 1;
        self.flagged += u64::from(call.flagged);
        self.many |= self.address != call.address;
        if *self.product != *call.product {
            self.product = call.product.into();
        }
        self.last = now;
    }

    fn is_present(&self, now: Timestamp) -> bool {
        now.since(self.last) < SILENCE_MAX
    }

    fn is_machine(&self, now: Timestamp) -> bool {
        self.is_present(now) && self.requests >= CALLS_MIN && self.last.since(self.first) >= SPAN_MIN
    }

    fn shown(&self) -> MachineSeen {
        let (v4, v6) = if self.many { (24, 64) } else { (32, 128) };
        MachineSeen {
            key: format!("{:016x}", self.key),
            from: Network::around(self.address, v4, v6),
            product: self.product.to_string(),
            path: self.path.to_string(),
            requests: self.requests,
            flagged: self.flagged,
            first: self.first,
            last: self.last,
        }
    }
}

/// A product without its version.
fn name_of(product: &str) -> &str {
    product.split('/').next().unwrap_or(product)
}

/// The path with `*` for segments that look like ids: numbers, and long ones with a digit.
fn class(path: &str) -> String {
    let is_id = |segment: &str| {
        let digits = segment.bytes().filter(u8::is_ascii_digit).count();
        let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        digits > 0 && plain && (digits == segment.len() || segment.len() >= ID_CHARS_MIN)
    };
    let segments: Vec<_> =
        path.split('/').map(|segment| if is_id(segment) { "*" } else { segment }).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use gabion_test::SeededEntropy;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + minutes * 60)
    }

    fn call(table: &Machines, address: &str, product: &str, path: &str, minutes: i64) {
        let address = address.parse().expect("an address");
        table.called(&Call { address, product, path, flagged: path.contains("flagged") }, at(minutes));
    }

    fn table() -> Machines {
        Machines::new(&SeededEntropy::new(1))
    }

    #[test]
    fn a_program_that_calls_often_over_some_time_is_a_machine() {
        let table = table();
        for minutes in [0, 20, 40, 59] {
            call(&table, "192.0.2.1", "Stripe/1.0", "/webhooks/pay", minutes);
        }
        assert!(table.list(at(59)).is_empty(), "four calls are few");
        call(&table, "192.0.2.1", "Stripe/1.1", "/webhooks/pay", 60);
        let seen = table.list(at(60)).remove(0);
        assert_eq!((seen.product.as_str(), seen.path.as_str()), ("Stripe/1.1", "/webhooks/pay"));
        let machine = seen.machine("pay".into());
        assert!(machine.sends("192.0.2.1".parse().expect("an address"), "Stripe/2.0", "/webhooks/pay"));
        assert!(!machine.sends("192.0.2.2".parse().expect("an address"), "Stripe/2.0", "/webhooks/pay"));
        assert_eq!((seen.from.to_string().as_str(), seen.requests), ("192.0.2.1", 5));
        assert_eq!((seen.first, seen.last, seen.flagged), (at(0), at(60), 0));
        let late = at(60 + 35 * 24 * 60);
        assert!(table.list(late).is_empty(), "who is silent is forgotten");
    }

    #[test]
    fn a_burst_is_no_machine() {
        let table = table();
        for _ in 0..1_000 {
            call(&table, "192.0.2.1", "curl", "/", 0);
        }
        assert!(table.list(at(0)).is_empty());
    }

    #[test]
    fn calls_are_gathered_by_network_product_and_kind_of_path() {
        let table = table();
        for minutes in 0..5 {
            let address = format!("192.0.2.{}", minutes + 1);
            call(&table, &address, "erp/2", &format!("/api/orders/{minutes}/flagged"), minutes * 20);
            call(&table, "198.51.100.1", "feed", "/feed.xml", minutes * 20);
        }
        let seen = table.list(at(80));
        let shown: Vec<_> =
            seen.iter().map(|seen| (seen.from.to_string(), seen.path.as_str(), seen.flagged)).collect();
        let expected = [
            ("192.0.2.0/24".to_owned(), "/api/orders/*/flagged", 5),
            ("198.51.100.1".to_owned(), "/feed.xml", 0),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn one_network_with_many_names_fills_one_shard_and_keeps_who_calls_most() {
        let table = table();
        for minutes in 0..5 {
            call(&table, "192.0.2.1", "erp", "/api", minutes * 20);
        }
        for number in 0..10_000 {
            call(&table, "192.0.2.9", &format!("x{number}"), "/api", 90);
        }
        let entries: usize = table.shards.iter().map(|shard| shard.lock().expect("whole").len()).sum();
        assert_eq!(entries, PROGRAMS_PER_SHARD);
        assert_eq!(table.list(at(90)).len(), 1);
    }

    #[test]
    fn ids_in_paths_are_one_segment_each() {
        for (path, expected) in [
            ("/api/orders/1234", "/api/orders/*"),
            ("/api/v1/orders", "/api/v1/orders"),
            ("/o/0b9a7c6d-1f2e/items", "/o/*/items"),
            ("/feed/google-2.xml", "/feed/google-2.xml"),
            ("/", "/"),
        ] {
            assert_eq!(class(path), expected);
        }
        let table = table();
        call(&table, "192.0.2.1", "erp", &"/a".repeat(PATH_BYTES_MAX), 0);
        assert!(table.shards.iter().all(|shard| shard.lock().expect("whole").is_empty()));
    }
}
