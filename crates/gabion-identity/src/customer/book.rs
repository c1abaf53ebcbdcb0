//! Sessions in memory, so that a request costs no database.
//!
//! What is here is a copy: the database has the truth, and every change of it goes through [`Book::forget`] after its commit.
//! A session that was read before the change and arrives after it is not taken ([`Book::ticket`]), so that what was ended
//! stays ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gabion_core::Timestamp;

use super::account::AccountId;
use super::session::SignedIn;

/// Parts with a lock each.
const SHARDS: usize = 64;
/// Sessions of one part: 200,000 in all, about 400 bytes each. Above it the one that rested longest is read again when asked.
const PER_SHARD: usize = 3_125;
/// Cookies of one part that stand for nobody, 16,384 in all: whoever asks with made-up ones costs the database one question
/// each at most.
const UNKNOWN_PER_SHARD: usize = 256;
/// How long a cookie is known to stand for nobody.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);

/// The digest of a cookie.
type Digest = [u8; 32];

#[derive(Debug)]
struct Entry {
    signed_in: Arc<SignedIn>,
    /// Microseconds since 1970.
    seen: AtomicI64,
    /// What the database says.
    written: AtomicI64,
}

#[derive(Debug, Default)]
struct Shard {
    sessions: HashMap<Digest, Entry>,
    unknown: HashMap<Digest, Timestamp>,
}

/// The sessions.
#[derive(Debug)]
pub(crate) struct Book {
    shards: Box<[Mutex<Shard>]>,
    /// Counts changes: a copy that was read before one is not taken after it.
    changes: AtomicU64,
    /// Where the next look for used sessions begins, so that every part has its turn.
    next: AtomicUsize,
}

/// What the book says of a cookie.
#[derive(Debug)]
pub(crate) enum Known {
    /// Somebody's.
    Session(Arc<SignedIn>),
    /// Nobody's.
    Nobody,
    /// The database has to say.
    Ask(Ticket),
}

/// Taken before the database is asked; good until the next change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u64);

impl Default for Book {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, changes: AtomicU64::new(0), next: AtomicUsize::new(0) }
    }
}

impl Book {
    /// Who a cookie stands for, if that is known; notes that they were here.
    pub(crate) fn find(&self, digest: &Digest, now: Timestamp, idle: Duration) -> Known {
        let mut shard = self.shard(digest);
        if let Some(entry) = shard.sessions.get(digest) {
            let seen = Timestamp::from_micros(entry.seen.load(Ordering::Relaxed));
            if now < entry.signed_in.expires_at && now.since(seen) < idle {
                entry.seen.fetch_max(now.micros(), Ordering::Relaxed);
                return Known::Session(Arc::clone(&entry.signed_in));
            }
            shard.sessions.remove(digest);
            return Known::Nobody;
        }
        if shard.unknown.get(digest).is_some_and(|until| now < *until) {
            return Known::Nobody;
        }
        Known::Ask(self.ticket())
    }

    /// To be taken before the database is asked.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.changes.load(Ordering::Acquire))
    }

    /// Takes what the database said. Says whether it may be believed: nothing was changed since the ticket.
    pub(crate) fn learn(
        &self,
        ticket: Ticket,
        digest: Digest,
        found: Option<(Arc<SignedIn>, Timestamp)>,
        now: Timestamp,
    ) -> bool {
        let mut shard = self.shard(&digest);
        // Under the lock: a change forgets under it too, after it counted.
        if self.changes.load(Ordering::Acquire) != ticket.0 {
            return false;
        }
        match found {
            Some((signed_in, seen)) => {
                shard.make_room();
                let (seen, written) = (AtomicI64::new(now.micros()), AtomicI64::new(seen.micros()));
                shard.sessions.insert(digest, Entry { signed_in, seen, written });
            }
            None => {
                if shard.unknown.len() >= UNKNOWN_PER_SHARD {
                    shard.unknown.clear();
                }
                shard.unknown.insert(digest, now.after(UNKNOWN_FOR));
            }
        }
        true
    }

    /// Forgets sessions after the commit that ended or changed them.
    pub(crate) fn forget(&self, which: impl Fn(&SignedIn) -> bool) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            lock(shard).sessions.retain(|_, entry| !which(&entry.signed_in));
        }
    }

    /// Forgets every session of an account.
    pub(crate) fn forget_account(&self, account: AccountId) {
        self.forget(|signed_in| signed_in.account == account);
    }

    /// Sessions that were used since the database heard of them, by at least `since`; at most `most`.
    pub(crate) fn used(&self, since: Duration, most: usize) -> Vec<(super::session::SessionId, Timestamp)> {
        let mut used = Vec::new();
        let first = self.next.load(Ordering::Relaxed);
        for part in (0..SHARDS).map(|part| (first + part) % SHARDS) {
            if used.len() >= most {
                self.next.store(part, Ordering::Relaxed);
                break;
            }
            let shard = &self.shards[part];
            for entry in lock(shard).sessions.values() {
                let seen = Timestamp::from_micros(entry.seen.load(Ordering::Relaxed));
                let written = Timestamp::from_micros(entry.written.load(Ordering::Relaxed));
                if used.len() < most && seen.since(written) >= since {
                    entry.written.store(seen.micros(), Ordering::Relaxed);
                    used.push((entry.signed_in.id, seen));
                }
            }
        }
        used
    }

    fn shard(&self, digest: &Digest) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(digest[0]) % SHARDS])
    }
}

impl Shard {
    fn make_room(&mut self) {
        if self.sessions.len() < PER_SHARD {
            return;
        }
        let rested = self.sessions.iter().min_by_key(|(_, entry)| entry.seen.load(Ordering::Relaxed));
        if let Some(digest) = rested.map(|(digest, _)| *digest) {
            self.sessions.remove(&digest);
        }
    }
}

/// Maps are whole after every step, whatever panicked elsewhere.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::flow::Level;
    use super::super::session::SessionId;
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }

    fn session(account: u128) -> Arc<SignedIn> {
        Arc::new(SignedIn {
            id: SessionId::from_bits(account),
            site: "tea".parse().expect("a site"),
            account: AccountId::from_bits(account),
            level: Level::OneFactor,
            methods: Vec::new(),
            authenticated_at: at(0),
            expires_at: at(1_000),
        })
    }

    fn learned(book: &Book, digest: Digest, account: u128) {
        assert!(book.learn(book.ticket(), digest, Some((session(account), at(0))), at(0)));
    }

    #[track_caller]
    fn account(known: Known) -> u128 {
        let Known::Session(signed_in) = known else { panic!("no session") };
        signed_in.account.bits()
    }

    #[test]
    fn a_session_is_found_until_it_rested_or_lived_too_long() {
        let book = Book::default();
        learned(&book, [1; 32], 7);
        assert_eq!(account(book.find(&[1; 32], at(59), IDLE)), 7);
        assert_eq!(account(book.find(&[1; 32], at(118), IDLE)), 7, "it was used meanwhile");
        assert!(matches!(book.find(&[1; 32], at(178), IDLE), Known::Nobody));
        learned(&book, [2; 32], 8);
        assert!(matches!(book.find(&[2; 32], at(1_000), Duration::from_secs(5_000)), Known::Nobody));
    }

    #[test]
    fn what_was_ended_stays_ended_whatever_was_read_before() {
        let book = Book::default();
        let Known::Ask(ticket) = book.find(&[1; 32], at(0), IDLE) else { panic!("nothing is known yet") };
        book.forget_account(AccountId::from_bits(7));
        assert!(!book.learn(ticket, [1; 32], Some((session(7), at(0))), at(0)));
        assert!(matches!(book.find(&[1; 32], at(0), IDLE), Known::Ask(_)));
        learned(&book, [1; 32], 7);
        learned(&book, [2; 32], 8);
        book.forget_account(AccountId::from_bits(7));
        assert!(matches!(book.find(&[1; 32], at(0), IDLE), Known::Ask(_)));
        assert_eq!(account(book.find(&[2; 32], at(0), IDLE)), 8);
    }

    #[test]
    fn made_up_cookies_are_asked_for_once_in_a_while() {
        let book = Book::default();
        assert!(book.learn(book.ticket(), [9; 32], None, at(0)));
        assert!(matches!(book.find(&[9; 32], at(29), IDLE), Known::Nobody));
        assert!(matches!(book.find(&[9; 32], at(30), IDLE), Known::Ask(_)));
    }

    #[test]
    fn memory_is_bounded_and_who_rested_longest_goes() {
        let book = Book::default();
        for n in 0..=PER_SHARD {
            let mut digest = [0; 32];
            digest[8..16].copy_from_slice(&(n as u64).to_be_bytes());
            let seen = at(i64::try_from(n).expect("few"));
            assert!(book.learn(book.ticket(), digest, Some((session(n as u128), seen)), seen));
        }
        assert_eq!(lock(&book.shards[0]).sessions.len(), PER_SHARD);
        assert!(matches!(book.find(&[0; 32], at(0), IDLE), Known::Ask(_)));
    }

    #[test]
    fn use_is_told_once() {
        let book = Book::default();
        learned(&book, [1; 32], 7);
        book.find(&[1; 32], at(59), IDLE);
        let used = book.used(Duration::from_secs(50), 10);
        assert_eq!(used, [(SessionId::from_bits(7), at(59))]);
        assert_eq!(book.used(Duration::from_secs(50), 10), []);
    }
}
