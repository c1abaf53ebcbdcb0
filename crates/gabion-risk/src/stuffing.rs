//! Lists of stolen passwords being tried: credential stuffing, and its relatives.
//!
//! Told apart by *distinct* wrong pairs of account and password. A customer who forgot a password repeats the same pair,
//! or tries a few at one account; a list brings a new account with each attempt. The OWASP cheat sheet on credential
//! stuffing describes the attack; the numbers here are ours.

use std::time::Duration;

use gabion_core::Timestamp;

use crate::client::Ja4;
use crate::digest::Digest;
use crate::network::Network;
use crate::recent::Recent;

mod window;

use window::Window;

/// Networks with wrong pairs remembered. Each has 3.5 kB at most: together 14 MiB. Beyond it, the one whose last wrong pair
/// is oldest is forgotten.
pub const SOURCES_MAX: usize = 4096;
/// Kinds of clients with wrong pairs remembered, likewise.
pub const CLIENTS_MAX: usize = 512;
/// Networks and clients flagged at a time. Beyond it the one flagged longest ago is let go.
pub const FLAGGED_MAX: usize = 16_384;
/// Distinct pairs remembered of one network or client. Beyond it the oldest is forgotten.
pub const PAIRS_KEPT_MAX: usize = 64;
/// Wrong pairs of a kind of client count only above this many times the accounts that it signed in rightly: a browser that
/// many customers have brings many mistakes.
const CLIENT_WRONG_PER_RIGHT: usize = 3;
/// One account or one password has at least this share of the pairs, as a divisor, for guessing or spraying.
const FEW: usize = 5;

/// When it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StuffingSettings {
    /// Distinct wrong pairs within `window`, 2 to [`PAIRS_KEPT_MAX`]; others are taken as the nearest of these.
    pub pairs: usize,
    /// How long a wrong pair counts.
    pub window: Duration,
    /// How long a network or client stays flagged.
    pub flagged_for: Duration,
}

impl Default for StuffingSettings {
    /// 15 distinct pairs within 3 hours, flagged for 24 hours.
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self { pairs: 15, window: hours(3), flagged_for: hours(24) }
    }
}

/// A name and password that did not fit, from somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongPair {
    /// Where from.
    pub network: Network,
    /// With what, if known.
    pub ja4: Option<Ja4>,
    /// What was typed as the account's name, whether somebody has it or not.
    pub account: Digest,
    /// The password, without the account mixed in: spraying could not be told otherwise. The key is drawn at start and
    /// never stored.
    pub password: Digest,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Everybody in a network.
    Network(Network),
    /// Everybody with a kind of client.
    Client(Ja4),
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Many accounts, each with its own password: a stolen list.
    Stuffing,
    /// Many accounts, few passwords.
    Spraying,
    /// Many passwords, few accounts. Flags nobody, as the accounts' [`Throttle`](crate::Throttle) deals with it.
    Guessing,
}

/// What was noticed just now: an event's worth, told once per network or client and window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Who does it.
    pub source: Source,
    /// What.
    pub pattern: Pattern,
    /// Distinct accounts.
    pub accounts: usize,
    /// Distinct passwords.
    pub passwords: usize,
    /// Until when the source is flagged. None when it is not.
    pub until: Option<Timestamp>,
}

/// A network or client that was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// What it did.
    pub pattern: Pattern,
    /// Until when it counts.
    pub until: Timestamp,
}

/// Notices lists of passwords being tried. Kept in memory, bounded, and forgotten with the process.
#[derive(Debug)]
pub struct StuffingDetector {
    settings: StuffingSettings,
    networks: Recent<Network, Seen>,
    clients: Recent<Ja4, Seen>,
    flags: Recent<Source, Flag>,
}

/// What one source did within the window.
#[derive(Debug, Default)]
struct Seen {
    wrong: Window<(Digest, Digest)>,
    right: Window<Digest>,
}

impl StuffingDetector {
    /// A detector that saw nothing yet.
    pub fn new(settings: StuffingSettings) -> Self {
        let pairs = settings.pairs.clamp(2, PAIRS_KEPT_MAX);
        Self {
            settings: StuffingSettings { pairs, ..settings },
            networks: Recent::new(SOURCES_MAX),
            clients: Recent::new(CLIENTS_MAX),
            flags: Recent::new(FLAGGED_MAX),
        }
    }

    /// A wrong password, or a name nobody has. Returns what is noticed by it, about the network and about the client.
    pub fn wrong(&mut self, pair: &WrongPair, now: Timestamp) -> [Option<Alarm>; 2] {
        let settings = self.settings;
        let tried = (pair.account, pair.password);
        let seen = self.networks.touch(pair.network, Seen::default);
        let network = seen.wrong(tried, 1, &settings, now);
        let client = pair.ja4.and_then(|ja4| {
            let seen = self.clients.touch(ja4, Seen::default);
            seen.wrong(tried, CLIENT_WRONG_PER_RIGHT, &settings, now)
        });
        [
            network.map(|found| self.raise(Source::Network(pair.network), found, now)),
            pair.ja4.zip(client).map(|(ja4, found)| self.raise(Source::Client(ja4), found, now)),
        ]
    }

    /// A right password. Many accounts that sign in rightly from a network or with a client speak for it, each once.
    /// Noted only where something was wrong lately: sources without wrong pairs take no room.
    pub fn right(&mut self, network: Network, ja4: Option<Ja4>, account: Digest, now: Timestamp) {
        let window = self.settings.window;
        let seen = self.networks.peek_mut(&network).into_iter();
        for seen in seen.chain(ja4.and_then(|ja4| self.clients.peek_mut(&ja4))) {
            seen.right.insert(account, window, now);
        }
    }

    /// Whether a source is flagged.
    pub fn flagged(&self, source: Source, now: Timestamp) -> Option<Flag> {
        self.flags.get(&source).copied().filter(|flag| now < flag.until)
    }

    fn raise(&mut self, source: Source, found: Found, now: Timestamp) -> Alarm {
        let Found { pattern, accounts, passwords } = found;
        let until = (pattern != Pattern::Guessing).then(|| {
            let until = now.after(self.settings.flagged_for);
            *self.flags.touch(source, || Flag { pattern, until }) = Flag { pattern, until };
            until
        });
        Alarm { source, pattern, accounts, passwords, until }
    }
}

struct Found {
    pattern: Pattern,
    accounts: usize,
    passwords: usize,
}

impl Seen {
    fn wrong(
        &mut self,
        tried: (Digest, Digest),
        wrong_per_right: usize,
        settings: &StuffingSettings,
        now: Timestamp,
    ) -> Option<Found> {
        if !self.wrong.insert(tried, settings.window, now) || self.wrong.len() < settings.pairs {
            return None;
        }
        let accounts = self.wrong.distinct(|(account, _)| *account);
        let passwords = self.wrong.distinct(|(_, password)| *password);
        let few = self.wrong.len() / FEW;
        if accounts <= few.max(1) {
            // What one forgetful customer tried is not held against the neighbors.
            self.wrong.clear();
            return Some(Found { pattern: Pattern::Guessing, accounts, passwords });
        }
        self.right.forget(settings.window, now);
        if self.wrong.len() <= self.right.len() * wrong_per_right {
            return None;
        }
        self.wrong.clear();
        let pattern = if passwords <= few.max(1) { Pattern::Spraying } else { Pattern::Stuffing };
        Some(Found { pattern, accounts, passwords })
    }
}

#[cfg(test)]
mod tests;
