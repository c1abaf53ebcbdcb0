//! Slows down guessing: after a few free failures each further attempt has to wait twice as long.
//!
//! Kept in memory, bounded, and forgotten with the process: a restart gives a guesser a few free attempts, never
//! more than the hash pool lets through. Nothing is locked for good, so nobody can lock an owner out for long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use gabion_core::Timestamp;

/// Accounts and networks remembered. Beyond it the one that failed longest ago is forgotten.
pub const ENTRIES_MAX: usize = 10_000;
/// Failures of one account before waits begin.
pub const ACCOUNT_FREE: u32 = 5;
/// Failures from one network before waits begin: several people may share an address.
pub const NETWORK_FREE: u32 = 20;
/// First wait; doubled with each further failure.
pub const WAIT_FIRST: Duration = Duration::from_secs(1);
/// Longest wait for an account: its owner, shut out by a stranger's guesses, gets a turn this often.
pub const ACCOUNT_WAIT_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a network.
pub const NETWORK_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten this long after the last one.
pub const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

/// What failures are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Digest of what was typed as e-mail address, known or not.
    Account([u8; 32]),
    /// The client's network.
    Network(IpAddr),
}

impl Key {
    const fn free(self) -> u32 {
        match self {
            Self::Account(_) => ACCOUNT_FREE,
            Self::Network(_) => NETWORK_FREE,
        }
    }

    fn wait(self, failures: u32) -> Duration {
        let wait_max = match self {
            Self::Account(_) => ACCOUNT_WAIT_MAX,
            Self::Network(_) => NETWORK_WAIT_MAX,
        };
        match failures.checked_sub(self.free()) {
            None => Duration::ZERO,
            Some(over) => wait_max.min(WAIT_FIRST * 2u32.saturating_pow(over.min(20))),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// Failures by account and network.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: HashMap<Key, Failures>,
}

impl Throttle {
    /// Admits an attempt and counts it as failed until [`succeeded`](Self::succeeded) or
    /// [`withdrawn`](Self::withdrawn) says otherwise: many attempts at once cannot slip through together.
    ///
    /// # Errors
    /// The longest wait among `keys`; the attempt is not counted then.
    pub fn admit(&mut self, keys: &[Key], now: Timestamp) -> Result<(), Duration> {
        let wait = keys.iter().map(|key| self.wait(*key, now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        for key in keys {
            self.make_room(*key, now);
            let failures = self.failures.entry(*key).or_insert(Failures { count: 0, last: now });
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
        Ok(())
    }

    /// The password was right: the account starts anew, the network gets this attempt back.
    pub fn succeeded(&mut self, account: Key, network: Key) {
        self.failures.remove(&account);
        self.take_back(network);
    }

    /// The attempt was never checked: as if it had not been made.
    pub fn withdrawn(&mut self, keys: &[Key]) {
        keys.iter().for_each(|key| self.take_back(*key));
    }

    fn take_back(&mut self, key: Key) {
        if let Some(failures) = self.failures.get_mut(&key) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    fn wait(&self, key: Key, now: Timestamp) -> Duration {
        let Some(failures) = self.failures.get(&key).filter(|failures| !is_over(failures, now)) else {
            return Duration::ZERO;
        };
        key.wait(failures.count).saturating_sub(now.since(failures.last))
    }

    fn make_room(&mut self, key: Key, now: Timestamp) {
        if self.failures.get(&key).is_some_and(|failures| is_over(failures, now)) {
            self.failures.remove(&key);
        }
        if self.failures.len() < ENTRIES_MAX || self.failures.contains_key(&key) {
            return;
        }
        self.failures.retain(|_, failures| !is_over(failures, now));
        if self.failures.len() < ENTRIES_MAX {
            return;
        }
        let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| *key);
        oldest.map(|key| self.failures.remove(&key));
    }
}

fn is_over(failures: &Failures, now: Timestamp) -> bool {
    now.since(failures.last) >= FORGET_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const ACCOUNT: Key = Key::Account([1; 32]);
    const NETWORK: Key = Key::Network(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    fn at(seconds: u64) -> Timestamp {
        START.after(Duration::from_secs(seconds))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_double_after_the_free_failures_up_to_a_minute() {
        let mut throttle = Throttle::default();
        for _ in 0..ACCOUNT_FREE {
            throttle.admit(&[ACCOUNT], START).expect("a free attempt");
        }
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(throttle.admit(&[ACCOUNT], at(now)), Err(seconds(wait)));
            now += wait;
            throttle.admit(&[ACCOUNT], at(now)).expect("the wait is over");
        }
    }

    #[test]
    fn refused_attempts_do_not_prolong_the_wait() {
        let mut throttle = Throttle::default();
        for _ in 0..ACCOUNT_FREE {
            throttle.admit(&[ACCOUNT], START).expect("a free attempt");
        }
        for _ in 0..100 {
            assert_eq!(throttle.admit(&[ACCOUNT], START), Err(seconds(1)));
        }
        throttle.admit(&[ACCOUNT], at(1)).expect("the wait is over");
    }

    #[test]
    fn success_clears_the_account_but_not_the_network() {
        let mut throttle = Throttle::default();
        for n in 0..NETWORK_FREE {
            let account = Key::Account([u8::try_from(n).expect("few"); 32]);
            throttle.admit(&[account, NETWORK], START).expect("a free attempt");
        }
        throttle.succeeded(Key::Account([0; 32]), NETWORK);
        throttle.admit(&[ACCOUNT, NETWORK], START).expect("the successful attempt was given back");
        assert_eq!(throttle.admit(&[ACCOUNT, NETWORK], START), Err(seconds(1)));
    }

    #[test]
    fn attempts_that_were_never_checked_do_not_count() {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            throttle.admit(&[ACCOUNT, NETWORK], START).expect("always admitted");
            throttle.withdrawn(&[ACCOUNT, NETWORK]);
        }
    }

    #[test]
    fn failures_are_forgotten_after_an_hour() {
        let mut throttle = Throttle::default();
        for _ in 0..ACCOUNT_FREE {
            throttle.admit(&[ACCOUNT], START).expect("a free attempt");
        }
        let later = START.after(FORGET_AFTER);
        for _ in 0..ACCOUNT_FREE {
            throttle.admit(&[ACCOUNT], later).expect("free again");
        }
        assert!(throttle.admit(&[ACCOUNT], later).is_err());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_forgotten() {
        let mut throttle = Throttle::default();
        for n in 0..ENTRIES_MAX as u64 + 50 {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_be_bytes());
            throttle.admit(&[Key::Account(digest)], START.after(Duration::from_millis(n))).expect("free");
        }
        assert_eq!(throttle.failures.len(), ENTRIES_MAX);
        assert!(!throttle.failures.contains_key(&Key::Account([0; 32])));
    }
}
