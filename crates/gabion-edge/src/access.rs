//! Whom the operator lets in or keeps out, whatever limits say.
//!
//! Entries are looked up by hash, once per prefix length in use: a list of ten thousand addresses costs as much as one
//! of ten. The longest prefix wins, an address wins over a fingerprint, and an entry whose time is over counts for
//! nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gabion_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::network::{InvalidNetwork, Network};

/// Entries of the list. A person keeps tens; a program that keeps more belongs in front of Gabion.
pub const ENTRIES_MAX: usize = 10_000;

/// What happens to whom an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Rate limits and overload shedding do not hold.
    Allow,
    /// Every request gets 403.
    Block,
}

impl Verdict {
    /// The name in API and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }
}

/// Whom an entry is about. Text is an address, a network, or a JA4 fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A client's address, or a block of them, without host part.
    Network(Network),
    /// Every client with this TLS fingerprint.
    Ja4(String),
}

/// A text that is nobody an entry can be about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address, a network such as 192.0.2.0/24, or a JA4 fingerprint")]
pub struct InvalidSubject;

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        match text.parse::<Network>() {
            Ok(network) => Ok(Self::Network(network.without_host_part())),
            Err(InvalidNetwork) if is_ja4(text) => Ok(Self::Ja4(text.to_owned())),
            Err(InvalidNetwork) => Err(InvalidSubject),
        }
    }
}

/// `t13d1516h2_8daaf6152771_02713d6af862`: 10, 12 and 12 characters. Source: the public JA4 definition.
fn is_ja4(text: &str) -> bool {
    let parts: Vec<_> = text.split('_').map(str::len).collect();
    parts == [10, 12, 12] && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Ja4(ja4) => f.write_str(ja4),
        }
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// Whom it is about.
    pub subject: Subject,
    /// What happens to them.
    pub verdict: Verdict,
    /// Until when; from then on it counts for nothing.
    pub until: Timestamp,
}

/// An entry with the number of requests it was about.
#[derive(Debug)]
pub(crate) struct Rule {
    entry: AccessEntry,
    requests: Arc<AtomicU64>,
}

/// Rules by prefix length, then by the first bits of the address.
type Prefixes = BTreeMap<u8, HashMap<u128, Rule>>;

/// The list in the shape requests use it. Never changed in place.
#[derive(Debug, Default)]
pub(crate) struct AccessList {
    v4: Prefixes,
    v6: Prefixes,
    ja4: HashMap<String, Rule>,
}

impl AccessList {
    /// The list of these entries; of two about the same subject the later one counts. Entries that were there
    /// `before` keep their counters.
    pub(crate) fn new(entries: Vec<AccessEntry>, before: &Self) -> Self {
        let mut list = Self::default();
        for entry in entries {
            let counter = before.rule(&entry.subject).map(|rule| Arc::clone(&rule.requests));
            let rule = Rule { requests: counter.unwrap_or_default(), entry };
            match rule.entry.subject.clone() {
                Subject::Ja4(ja4) => drop(list.ja4.insert(ja4, rule)),
                Subject::Network(network) => {
                    let prefixes = if network.address().is_ipv4() { &mut list.v4 } else { &mut list.v6 };
                    let first = first(left_aligned(network.address()), network.bits());
                    prefixes.entry(network.bits()).or_default().insert(first, rule);
                }
            }
        }
        list
    }

    /// What the list says about a client, counted.
    pub(crate) fn verdict(
        &self,
        address: IpAddr,
        ja4: Option<&str>,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Verdict> {
        if self.v4.is_empty() && self.v6.is_empty() && self.ja4.is_empty() {
            return None;
        }
        let now = now();
        let counts = |rule: &&Rule| rule.entry.until > now;
        let address = address.to_canonical();
        let bits = left_aligned(address);
        let around = self.prefixes(address).iter().rev();
        let mut around = around.filter_map(|(length, rules)| rules.get(&first(bits, *length)));
        let by_ja4 = || ja4.and_then(|ja4| self.ja4.get(ja4)).filter(counts);
        let rule = around.find(counts).or_else(by_ja4)?;
        rule.requests.fetch_add(1, Ordering::Relaxed);
        Some(rule.entry.verdict)
    }

    /// Requests an entry was about so far.
    pub(crate) fn requests(&self, subject: &Subject) -> u64 {
        self.rule(subject).map_or(0, |rule| rule.requests.load(Ordering::Relaxed))
    }

    fn prefixes(&self, address: IpAddr) -> &Prefixes {
        if address.is_ipv4() { &self.v4 } else { &self.v6 }
    }

    fn rule(&self, subject: &Subject) -> Option<&Rule> {
        match subject {
            Subject::Ja4(ja4) => self.ja4.get(ja4),
            Subject::Network(network) => {
                let rules = self.prefixes(network.address()).get(&network.bits())?;
                rules.get(&first(left_aligned(network.address()), network.bits()))
            }
        }
    }
}

fn left_aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first bits of a left-aligned address.
fn first(address: u128, bits: u8) -> u128 {
    address.checked_shr(128 - u32::from(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JA4: &str = "t13d1516h2_8daaf6152771_02713d6af862";

    fn entry(subject: &str, verdict: Verdict, until: i64) -> AccessEntry {
        let subject = subject.parse().expect("a subject");
        AccessEntry { subject, verdict, until: Timestamp::from_seconds(until) }
    }

    fn list(entries: &[(&str, Verdict, i64)]) -> AccessList {
        let entries = entries.iter().map(|(subject, verdict, until)| entry(subject, *verdict, *until));
        AccessList::new(entries.collect(), &AccessList::default())
    }

    #[track_caller]
    fn check(list: &AccessList, address: &str, ja4: Option<&str>, at: i64, expected: Option<Verdict>) {
        let now = || Timestamp::from_seconds(at);
        assert_eq!(list.verdict(address.parse().expect("an address"), ja4, now), expected, "{address}");
    }

    #[test]
    fn the_longest_prefix_wins() {
        use Verdict::{Allow, Block};
        let list = list(&[
            ("192.0.2.0/24", Block, 100),
            ("192.0.2.7", Allow, 100),
            ("2001:db8:1::/48", Block, 100),
            ("2001:db8:1:2::/64", Allow, 100),
        ]);
        check(&list, "192.0.2.7", None, 0, Some(Allow));
        check(&list, "::ffff:192.0.2.8", None, 0, Some(Block));
        check(&list, "192.0.3.8", None, 0, None);
        check(&list, "2001:db8:1:2:3::4", None, 0, Some(Allow));
        check(&list, "2001:db8:1:3:3::4", None, 0, Some(Block));
        check(&list, "2001:db8:2::1", None, 0, None);
    }

    #[test]
    fn an_address_wins_over_a_fingerprint() {
        let list = list(&[(JA4, Verdict::Block, 100), ("192.0.2.7", Verdict::Allow, 100)]);
        check(&list, "192.0.2.7", Some(JA4), 0, Some(Verdict::Allow));
        check(&list, "192.0.2.8", Some(JA4), 0, Some(Verdict::Block));
        check(&list, "192.0.2.8", None, 0, None);
    }

    #[test]
    fn entries_end_by_themselves_and_uncover_wider_ones() {
        let list = list(&[("192.0.2.7", Verdict::Allow, 10), ("192.0.2.0/24", Verdict::Block, 20)]);
        check(&list, "192.0.2.7", None, 9, Some(Verdict::Allow));
        check(&list, "192.0.2.7", None, 10, Some(Verdict::Block));
        check(&list, "192.0.2.7", None, 20, None);
    }

    #[test]
    fn everybody_can_be_an_entry_and_counters_outlive_a_change() {
        let before = list(&[("0.0.0.0/0", Verdict::Block, 100), ("::/0", Verdict::Block, 100)]);
        check(&before, "198.51.100.1", None, 0, Some(Verdict::Block));
        check(&before, "2001:db8::1", None, 0, Some(Verdict::Block));
        let after = AccessList::new(vec![entry("0.0.0.0/0", Verdict::Allow, 50)], &before);
        check(&after, "198.51.100.1", None, 0, Some(Verdict::Allow));
        assert_eq!(after.requests(&"0.0.0.0/0".parse().expect("a subject")), 2);
        assert_eq!(after.requests(&"::/0".parse().expect("a subject")), 0);
    }

    #[test]
    fn subjects_are_strict_and_say_what_they_are() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:DB8::1/64", "2001:db8::/64"),
            (JA4, JA4),
        ] {
            assert_eq!(text.parse::<Subject>().map(|subject| subject.to_string()), Ok(shown.to_owned()));
        }
        for bad in
            ["", "192.0.2", "shop.example", "t13d1516h2_8daaf6152771", "t13d1516h2_8daaf615277!_02713d6af862"]
        {
            assert_eq!(bad.parse::<Subject>(), Err(InvalidSubject), "{bad}");
        }
    }
}
