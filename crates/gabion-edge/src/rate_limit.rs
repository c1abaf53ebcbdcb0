//! Rate limits: how many requests of one kind may come in a time.
//!
//! Each limit of the matched route counts the request by what the limit names: address, network, fingerprint, site,
//! route. Counting costs a keyed hash and one small lock; nothing is allocated unless somebody is told something. Only
//! an exact limit asks a database, and only until it knows that the limit is reached.

mod field;
pub mod gcra;
mod key;
pub mod lately;
mod shared;
mod table;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gabion_core::{Actor, Entropy};
use http::{HeaderMap, Method};

use crate::Refusal;
use crate::client_addr::Client;
use crate::config::{Action, Key, RateLimitConfig};
use crate::event::{REQUEST_LIMITED, Recorder};
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::module::Module;
use crate::network::Network;
use crate::route::Matched;

pub use gcra::{Decision, Quota};
pub(crate) use key::{Hash, HashKey};
use lately::{Lately, Limited};
use shared::Shared;
pub use shared::{Counted, SharedCounter, Sharing};
pub(crate) use table::Table;

/// A limit in force, with its counters. A reload keeps the counters of limits that keep their name.
#[derive(Debug)]
pub struct Limit {
    /// What the operator says.
    pub config: RateLimitConfig,
    quota: Quota,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    over: AtomicU64,
}

impl Limit {
    /// The limit with the counters it had `before`.
    pub(crate) fn new(config: RateLimitConfig, before: Option<&Self>) -> Self {
        let counts = before.map(|before| Arc::clone(&before.counts)).unwrap_or_default();
        Self { quota: config.quota(), config, counts }
    }

    /// Requests above it since the start: refused, or only counted where it observes.
    pub fn over(&self) -> u64 {
        self.counts.over.load(Ordering::Relaxed)
    }

    /// Adds what clients are told of this limit.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, decision: Decision) {
        field::add(headers, &self.config, decision);
    }

    fn counts(&self, method: &Method, address: IpAddr) -> bool {
        let config = &self.config;
        let method = config.methods.is_empty() || config.methods.contains(method);
        method && !config.exempt.iter().any(|network| network.contains(address))
    }
}

/// When a refused request may come again, in whole seconds: at least one.
pub(crate) fn retry_after_seconds(decision: Decision) -> u32 {
    u32::try_from(field::seconds(decision.next)).unwrap_or(u32::MAX).max(1)
}

/// What limits count with. One for the life of the edge: reloading forgets nothing.
pub(crate) struct Limiter {
    started: Instant,
    key: HashKey,
    table: Table,
    lately: Lately,
    shared: Option<Shared>,
}

/// What a request can be counted by.
struct By<'a> {
    address: IpAddr,
    ja4: Option<&'a str>,
    matched: &'a Matched,
}

impl Limiter {
    /// A limiter that remembers about `keys` keys, and counts exact limits where everybody does.
    pub(crate) fn new(keys: usize, entropy: &dyn Entropy, sharing: Option<&Sharing>) -> Self {
        Self {
            started: Instant::now(),
            key: HashKey::draw(entropy),
            table: Table::new(keys),
            lately: Lately::default(),
            shared: sharing.map(Shared::new),
        }
    }

    /// Who was limited lately, most often first.
    pub(crate) fn lately(&self) -> Vec<Limited> {
        self.lately.list(self.now())
    }

    /// Keys that were forgotten while they still counted for something.
    pub(crate) fn displaced(&self) -> u64 {
        self.table.displaced()
    }

    /// Requests of exact limits that were counted by this node alone.
    pub(crate) fn alone(&self) -> u64 {
        self.shared.as_ref().map_or(0, Shared::alone)
    }

    /// Where everybody counts the limit; none for one that this process counts.
    fn shared(&self, limit: &Limit) -> Option<&Shared> {
        self.shared.as_ref().filter(|_| limit.config.exact)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The hash of what a request is counted by; none where it lacks one of the keys.
    fn hash(&self, limit: &Limit, by: &By<'_>) -> Option<u64> {
        let Quota { interval, tolerance } = limit.quota;
        // A changed limit starts anew: what was counted under other numbers means nothing.
        let key = self.shared(limit).map_or(self.key, |shared| shared.key);
        let start = key.hash().text(&limit.config.name).word(interval).word(tolerance);
        let hash = limit.config.by.iter().try_fold(start, |hash, key| by.hash(*key, hash))?;
        Some(hash.finish())
    }
}

impl By<'_> {
    fn hash(&self, key: Key, hash: Hash) -> Option<Hash> {
        Some(match key {
            Key::Address => block(hash, self.address, 32, 64),
            Key::Network => block(hash, self.address, 24, 48),
            Key::Ja4 => hash.text(self.ja4?),
            Key::Site => hash.text(self.matched.site.id.as_str()),
            Key::Route => {
                let route = &self.matched.route;
                hash.text(&route.path).text(route.host.as_deref().unwrap_or_default())
            }
        })
    }

    /// The same for people: `192.0.2.7`, `2001:db8:0:1::/64`.
    fn text(&self, key: Key) -> String {
        match key {
            Key::Address if self.address.is_ipv4() => self.address.to_string(),
            Key::Address => Network::around(self.address, 32, 64).to_string(),
            Key::Network => Network::around(self.address, 24, 48).to_string(),
            Key::Ja4 => self.ja4.unwrap_or_default().to_owned(),
            Key::Site => self.matched.site.id.to_string(),
            Key::Route => self.matched.route.path.clone(),
        }
    }
}

/// Takes the first bits of an address and which kind it is.
pub(crate) fn block(hash: Hash, address: IpAddr, v4: u32, v6: u32) -> Hash {
    match address {
        IpAddr::V4(address) => hash.word(4).word(u64::from(address.to_bits()) >> (32 - v4)),
        IpAddr::V6(address) => {
            let high = u64::try_from(address.to_bits() >> 64).expect("the upper half has 64 bits");
            hash.word(6).word(high >> (64 - v6))
        }
    }
}

/// Counts requests and refuses those above a limit of their route.
#[derive(Clone)]
pub(crate) struct RateLimit;

impl Layer for RateLimit {
    async fn call(self, mut visit: Box<Visit>, next: impl Next) -> Outcome {
        let told = count(&mut visit).await?;
        let mut response = next.call(visit).await?;
        for (limit, decision) in told {
            limit.tell(response.headers_mut(), decision);
        }
        Ok(response)
    }
}

/// Counts a request by every limit of its route, until one refuses it. Returns what the client is to be told. The visit
/// is not changed; but bodies are not `Sync`, so that a shared reference could not wait.
async fn count(visit: &mut Visit) -> Result<Vec<(Arc<Limit>, Decision)>, Refusal> {
    let (state, matched) = (&visit.state, visit.matched());
    let limits = &matched.route.limits;
    if limits.is_empty() || visit.facts.is_allowed() || state.bypass.contains(&Module::Limits) {
        return Ok(Vec::new());
    }
    let Client { address, .. } = visit.facts.client;
    let by = By { address, ja4: visit.facts.connection.ja4(), matched };
    let limiter = &state.admission.limiter;
    let now = limiter.now();
    let mut told = Vec::new();
    let method = visit.request.method();
    for limit in limits.iter().filter(|limit| limit.counts(method, address)) {
        let Some(hash) = limiter.hash(limit, &by) else { continue };
        let decision = match limiter.shared(limit) {
            None => limiter.table.count(hash, limit.quota, now),
            Some(shared) => {
                let recorder = &state.admission.recorder;
                shared.count(&limiter.table, recorder, hash, limit.quota, now).await
            }
        };
        if !decision.allowed {
            limit.counts.over.fetch_add(1, Ordering::Relaxed);
            note(visit, limit, hash, now, &by);
            if limit.config.action == Action::Refuse {
                return Err(Refusal::Limited { limit: Arc::clone(limit), decision });
            }
        } else if limit.config.headers {
            told.push((Arc::clone(limit), decision));
        }
    }
    Ok(told)
}

/// Remembers who was above a limit, and records an event the first time in a minute: a flood must stay cheap.
fn note(visit: &Visit, limit: &Limit, hash: u64, now: u64, by: &By<'_>) {
    let admission = &visit.state.admission;
    let at = admission.recorder.clock.now();
    let first = admission.limiter.lately.note(hash, now, at, || who(limit, by));
    if first {
        record(&admission.recorder, visit, limit, by);
    }
}

fn who(limit: &Limit, by: &By<'_>) -> lately::Who {
    let keys = &limit.config.by;
    lately::Who {
        limit: limit.config.name.clone(),
        action: limit.config.action,
        by: keys.clone(),
        key: keys.iter().map(|key| by.text(*key)).collect::<Vec<_>>().join(", "),
        address: by.address,
        ja4: by.ja4.map(str::to_owned),
        site: by.matched.site.id.to_string(),
        route: by.matched.route.path.clone(),
    }
}

fn record(recorder: &Recorder, visit: &Visit, limit: &Limit, by: &By<'_>) {
    let keys: Vec<_> = limit.config.by.iter().map(|key| key.as_str()).collect();
    recorder.record(&REQUEST_LIMITED, Actor::Visitor, |event| {
        let event = event
            .site(&by.matched.site.id)
            .entity("limit", &limit.config.name)
            .entity("request", visit.facts.id)
            .field("by", keys.join(", "))
            .field("refused", limit.config.action == Action::Refuse)
            .field("route", by.matched.route.path.as_str())
            .personal("address", by.address.to_string());
        match by.ja4 {
            Some(ja4) => event.field("ja4", ja4),
            None => event,
        }
    });
}
