//! Visitors whose requests would have been stopped, remembered for a day in memory that never grows: when one of them
//! buys something, the rules were probably wrong.
//!
//! A visitor is an address (IPv6: a /64) and what the browser calls itself. No cookie is set, so that people behind one
//! router with one kind of browser are one, and who changes networks in between is not recognized.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gabion_core::{Entropy, Timestamp};
use http::HeaderValue;

use crate::RequestId;
use crate::rate_limit::{HashKey, block};

/// Locks, and visitors remembered behind each: 4,096 visitors in 12 MiB at most. The address picks the lock, so that one
/// address with many names makes only its own neighbors forgotten; of those, who was flagged last longest ago.
const SHARDS: usize = 64;
const VISITORS_PER_SHARD: usize = 64;
/// Places in which something of one visitor was found; further ones are not remembered.
const FINDINGS_PER_VISITOR_MAX: usize = 4;
/// Bytes of a path; what was found in longer ones is not remembered.
const PATH_BYTES_MAX: usize = 256;
/// Bytes of the rules of one finding, and of their message.
pub(super) const RULES_BYTES_MAX: usize = 256;
pub(super) const MESSAGE_BYTES_MAX: usize = 128;
/// How long after the last flagged request a purchase counts: a cart is rarely older.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What was found in a request that would have been stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The request.
    pub(crate) request: RequestId,
    /// Its path, card numbers masked.
    pub(crate) path: String,
    /// `942100 ARGS:q, 949110 TX:score`, the first ones.
    pub(crate) rules: String,
    /// What the rule says that says most.
    pub(crate) message: String,
}

impl Finding {
    /// The rule and the part of the request that name it: not a sum of scores.
    fn place(&self) -> Option<&str> {
        self.rules.split(", ").find(|place| !place.contains(" TX:"))
    }
}

/// Who sends a request: hashes of what is known of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    address: u64,
    agent: u64,
}

/// The table.
pub(crate) struct Visitors {
    key: HashKey,
    shards: Box<[Mutex<Vec<Entry>>]>,
}

struct Entry {
    visitor: Visitor,
    flagged: Timestamp,
    findings: Vec<Noted>,
    bought: bool,
}

struct Noted {
    finding: Finding,
    told: bool,
}

/// What is new about a visitor who bought something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bought {
    /// Whether they had not bought anything yet since they were flagged.
    pub(crate) first: bool,
    /// What was found of them, as far as no purchase was told of it before.
    pub(crate) findings: Vec<Finding>,
}

impl Visitors {
    /// An empty table.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { key: HashKey::draw(entropy), shards }
    }

    /// Who comes from this address and calls itself this.
    pub(crate) fn visitor(&self, address: IpAddr, agent: Option<&HeaderValue>) -> Visitor {
        let agent = agent.map_or(&b""[..], HeaderValue::as_bytes);
        Visitor {
            address: block(self.key.hash(), address, 32, 64).finish(),
            agent: self.key.hash().text(&String::from_utf8_lossy(agent)).finish(),
        }
    }

    /// A request of this visitor would have been stopped.
    pub(crate) fn flagged(&self, visitor: Visitor, finding: Finding, now: Timestamp) {
        if finding.path.len() > PATH_BYTES_MAX || finding.place().is_none() {
            return;
        }
        let mut entries = self.shard(visitor);
        entries.retain(|entry| entry.is_remembered(now));
        if let Some(entry) = entries.iter_mut().find(|entry| entry.visitor == visitor) {
            return entry.add(finding, now);
        }
        if entries.len() == VISITORS_PER_SHARD {
            let oldest = entries.iter().enumerate().min_by_key(|(_, entry)| entry.flagged);
            let (oldest, _) = oldest.expect("a full shard has entries");
            entries.swap_remove(oldest);
        }
        let findings = vec![Noted { finding, told: false }];
        entries.push(Entry { visitor, flagged: now, findings, bought: false });
    }

    /// This visitor bought something with this request. What was found in that request itself does not count: it was
    /// not sent before.
    pub(crate) fn bought(&self, visitor: Visitor, with: RequestId, now: Timestamp) -> Bought {
        let mut entries = self.shard(visitor);
        let known = |entry: &&mut Entry| entry.visitor == visitor && entry.is_remembered(now);
        let Some(entry) = entries.iter_mut().find(known) else { return Bought::default() };
        let before = |noted: &&mut Noted| noted.finding.request != with;
        let mut findings = entry.findings.iter_mut().filter(before).peekable();
        if findings.peek().is_none() {
            return Bought::default();
        }
        let untold = findings
            .filter_map(|noted| (!std::mem::replace(&mut noted.told, true)).then(|| noted.finding.clone()));
        Bought { findings: untold.collect(), first: !std::mem::replace(&mut entry.bought, true) }
    }

    fn shard(&self, visitor: Visitor) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        let shard = usize::try_from(visitor.address % SHARDS as u64).unwrap_or(0);
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_remembered(&self, now: Timestamp) -> bool {
        now.since(self.flagged) < REMEMBERED
    }

    fn add(&mut self, finding: Finding, now: Timestamp) {
        self.flagged = now;
        let same =
            |noted: &Noted| noted.finding.path == finding.path && noted.finding.place() == finding.place();
        if self.findings.len() < FINDINGS_PER_VISITOR_MAX && !self.findings.iter().any(same) {
            self.findings.push(Noted { finding, told: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use gabion_test::SeededEntropy;

    use super::*;

    const HOUR: i64 = 3_600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn table() -> Visitors {
        Visitors::new(&SeededEntropy::new(1))
    }

    fn visitor(table: &Visitors, address: &str, agent: &'static str) -> Visitor {
        let agent = HeaderValue::from_static(agent);
        table.visitor(address.parse().expect("an address"), Some(&agent))
    }

    fn finding(request: u128, path: &str) -> Finding {
        Finding {
            request: RequestId::from_bits(request),
            path: path.into(),
            rules: "949110 TX:score, 942100 ARGS:q".into(),
            message: "SQL injection".into(),
        }
    }

    fn paths(bought: &Bought) -> Vec<&str> {
        bought.findings.iter().map(|finding| finding.path.as_str()).collect()
    }

    #[test]
    fn who_was_flagged_and_then_buys_is_told_once_for_each_finding() {
        let table = table();
        let anne = visitor(&table, "192.0.2.1", "Firefox");
        let buy = RequestId::from_bits(9);
        assert_eq!(table.bought(anne, buy, at(0)), Bought::default());
        table.flagged(anne, finding(1, "/search"), at(0));
        table.flagged(anne, finding(2, "/search"), at(1));
        table.flagged(anne, finding(3, "/review"), at(2));
        let first = table.bought(anne, buy, at(3));
        assert!(first.first);
        assert_eq!(paths(&first), ["/search", "/review"]);
        assert_eq!(table.bought(anne, buy, at(4)), Bought::default());
        table.flagged(anne, finding(4, "/account"), at(5));
        let second = table.bought(anne, buy, at(6));
        assert_eq!((second.first, paths(&second)), (false, vec!["/account"]));
    }

    #[test]
    fn visitors_are_told_apart_by_address_and_browser() {
        let table = table();
        table.flagged(visitor(&table, "2001:db8::1", "Firefox"), finding(1, "/search"), at(0));
        let bought = |address, agent| {
            table.bought(visitor(&table, address, agent), RequestId::from_bits(9), at(1)).first
        };
        assert!(!bought("2001:db8::1", "Chrome"));
        assert!(!bought("2001:db8:0:1::1", "Firefox"));
        assert!(bought("2001:db8::2", "Firefox"), "a /64 is one household");
    }

    #[test]
    fn the_request_that_is_the_purchase_does_not_count_against_itself() {
        let table = table();
        let anne = visitor(&table, "192.0.2.1", "Firefox");
        table.flagged(anne, finding(1, "/checkout/success"), at(0));
        assert_eq!(table.bought(anne, RequestId::from_bits(1), at(0)), Bought::default());
        assert!(table.bought(anne, RequestId::from_bits(2), at(0)).first);
    }

    #[test]
    fn a_day_later_nobody_remembers() {
        let table = table();
        let anne = visitor(&table, "192.0.2.1", "Firefox");
        table.flagged(anne, finding(1, "/search"), at(0));
        assert_eq!(table.bought(anne, RequestId::from_bits(9), at(24 * HOUR)), Bought::default());
        table.flagged(anne, finding(1, "/search"), at(25 * HOUR));
        assert!(table.bought(anne, RequestId::from_bits(9), at(26 * HOUR)).first);
    }

    #[test]
    fn one_address_with_many_names_fills_one_shard_only() {
        let table = table();
        let flood = |number: u32| Visitor { agent: number.into(), ..visitor(&table, "192.0.2.1", "") };
        for number in 0..10_000 {
            table.flagged(flood(number), finding(1, "/search"), at(number.into()));
        }
        let entries: usize = table.shards.iter().map(|shard| shard.lock().expect("whole").len()).sum();
        assert_eq!(entries, VISITORS_PER_SHARD);
        assert!(table.bought(flood(9_999), RequestId::from_bits(9), at(9_999)).first);
        assert!(!table.bought(flood(0), RequestId::from_bits(9), at(9_999)).first);
    }

    #[test]
    fn what_is_too_long_or_has_no_place_is_not_remembered() {
        let table = table();
        let anne = visitor(&table, "192.0.2.1", "Firefox");
        table.flagged(anne, finding(1, &"/".repeat(PATH_BYTES_MAX + 1)), at(0));
        table.flagged(anne, Finding { rules: "949110 TX:score".into(), ..finding(1, "/") }, at(0));
        for number in 0..10 {
            table.flagged(anne, finding(1, &format!("/{number}")), at(0));
        }
        let bought = table.bought(anne, RequestId::from_bits(9), at(0));
        assert_eq!(paths(&bought), ["/0", "/1", "/2", "/3"]);
    }
}
