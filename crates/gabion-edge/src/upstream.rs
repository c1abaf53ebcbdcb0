//! The shop: one or more equal endpoints, a bounded number of requests in flight, a bounded queue before them, and
//! what keeps requests away from endpoints that fail.

mod balance;
pub(crate) mod breaker;
mod budget;
mod ejection;
pub mod endpoint;
pub(crate) mod health;
pub(crate) mod http1;
pub(crate) mod http2;
mod io;
mod load;
pub(crate) mod moment;
pub(crate) mod places;
pub(crate) mod pool;
mod resolve;
pub(crate) mod secret;
pub(crate) mod shop_body;
mod sticky;
mod window;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gabion_core::{Actor, Event, EventKind};
use gabion_crypto::mac::MacKey;
use http::{HeaderMap, HeaderValue};

pub(crate) use balance::{Set, mix};

use crate::client_addr::Client;
use crate::config::{Balance, ClientIdentity, EjectOn, HashBy, Protocol, UpstreamConfig};
use crate::error::ReloadError;
use crate::event::{BREAKER_CLOSED, BREAKER_OPENED, ENDPOINT_EJECTED, ENDPOINT_RETURNED, Recorder};
use crate::origin::EndpointUrl;
use crate::upstream::balance::{hash, rendezvous, round_robin, two_choices};
use crate::upstream::breaker::{Breaker, Change, Pass};
use crate::upstream::budget::Budget;
use crate::upstream::endpoint::{Endpoint, EndpointTls};
use crate::upstream::moment::now_ms;
use crate::upstream::places::{Place, Places};
use crate::upstream::secret::SecretHeader;
use crate::upstream::sticky::{Sticky, cookie};
use crate::{Refusal, tls};

/// What upstreams need from around them.
#[derive(Clone)]
pub(crate) struct Support {
    pub(crate) recorder: Recorder,
    /// Makes the cookies that keep customers at an endpoint.
    pub(crate) sticky_key: Arc<MacKey>,
}

/// An upstream at work. Rebuilt on reload; what is in flight and what was learned lives on.
pub(crate) struct Upstream {
    pub(crate) config: UpstreamConfig,
    /// In the order of `config.endpoints`.
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) live: Arc<Live>,
    sticky: Option<Sticky>,
    /// What tells the shop that a request came through Gabion.
    pub(crate) secret: Option<SecretHeader>,
    recorder: Recorder,
}

/// What lives on over reloads.
pub(crate) struct Live {
    pub(crate) places: Arc<Places>,
    pub(crate) breaker: Breaker,
    budget: Budget,
    turn: AtomicU64,
    /// Held while an endpoint is ejected, so that two do not leave at once.
    ejecting: Mutex<()>,
}

/// What a request says about the endpoint it belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    key: Option<u64>,
    /// The endpoint its cookie names.
    stuck: Option<usize>,
}

impl Upstream {
    /// Builds the upstream, taking over endpoints that `before` already had under the same URL, trust and protocol.
    pub(crate) fn new(
        config: UpstreamConfig,
        before: Option<&Self>,
        support: &Support,
    ) -> Result<Self, ReloadError> {
        let alike = before.filter(|before| trust(&before.config) == trust(&config));
        let mut endpoints = Vec::with_capacity(config.endpoints.len());
        for endpoint in &config.endpoints {
            let url = &endpoint.url;
            let known = alike.and_then(|before| before.endpoints.iter().find(|known| known.url == *url));
            endpoints.push(match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(Endpoint::new(url.clone(), config.protocol, client_tls(&config, url)?)),
            });
        }
        let live = match before {
            Some(before) => Arc::clone(&before.live),
            None => Arc::new(Live::new(&config)),
        };
        let sticky = Sticky::new(&config, &support.sticky_key);
        let secret = SecretHeader::of(&config)?;
        Ok(Self { config, endpoints, live, sticky, secret, recorder: support.recorder.clone() })
    }

    /// The upstream is in force: from now on there are as many places as it says.
    pub(crate) fn enter_force(&self) {
        self.live.places.resize(self.config.requests_max);
    }

    /// Takes a place among the requests in flight, waiting in the bounded queue when all are taken.
    pub(crate) async fn admit(&self) -> Result<Place, Refusal> {
        let place = self.live.places.take(self.config.queue_max, self.config.queue_timeout).await;
        place.map_err(|_| Refusal::Busy { upstream: self.config.name.clone() })
    }

    /// Lets a request through the circuit breaker.
    pub(crate) fn pass(&self) -> Result<Pass<'_>, Refusal> {
        self.live.breaker.admit(now_ms()).map_err(|wait_ms| {
            let seconds = u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(u32::MAX).max(1);
            Refusal::Tripped { upstream: self.config.name.clone(), seconds }
        })
    }

    /// Tells the breaker how a request ended.
    pub(crate) fn passed(&self, pass: Pass<'_>, failed: bool) {
        match pass.end(failed, &self.config.breaker, now_ms()) {
            None => {}
            Some(Change::Opened) => {
                tracing::warn!(upstream = %self.config.name, "Circuit breaker of {} opened", self.config.name);
                self.tell(&BREAKER_OPENED, |event| event);
            }
            Some(Change::Closed) => {
                tracing::info!(upstream = %self.config.name, "Circuit breaker of {} closed", self.config.name);
                self.tell(&BREAKER_CLOSED, |event| event);
            }
        }
    }

    /// Whether a status counts as a failure of the shop.
    pub(crate) fn is_failure(&self, status: http::StatusCode) -> bool {
        self.config.eject.on == EjectOn::ServerErrors && status.is_server_error()
    }

    /// A request earns a part of a retry.
    pub(crate) fn earn(&self) {
        self.live.budget.earn(&self.config.retry);
    }

    /// Takes a retry out of the budget, where there is one left.
    pub(crate) fn may_retry(&self) -> bool {
        self.live.budget.spend(&self.config.retry, now_ms())
    }

    /// Whether there is an endpoint that is neither drained nor known to fail, and the breaker is closed.
    pub(crate) fn is_well(&self) -> bool {
        let now = now_ms();
        !self.config.maintenance
            && self.live.breaker.state(now) == breaker::BreakerState::Closed
            && !self.open().and(self.usable(now)).is_empty()
    }

    /// What a request of `client` with these headers says about the endpoint it belongs to.
    pub(crate) fn wish(&self, client: &Client, headers: &HeaderMap) -> Wish {
        let key = (self.config.balance == Balance::Hash)
            .then(|| key(&self.config.hash_by, client, headers))
            .flatten();
        Wish { key, stuck: self.sticky.as_ref().and_then(|sticky| sticky.read(headers)) }
    }

    /// The cookie that keeps a customer at the endpoint that answered, where there is to be one and it is new.
    pub(crate) fn cookie(
        &self,
        client: &Client,
        wish: Wish,
        index: usize,
        response: &HeaderMap,
    ) -> Option<HeaderValue> {
        let sticky = self.sticky.as_ref().filter(|_| client.https && wish.stuck != Some(index))?;
        sticky.write(index, response)
    }

    /// Chooses an endpoint that is neither drained nor in `tried`: the one the request belongs to, or one that is
    /// healthy, or a healthy backup; or else any, because a wrong check must not take the shop off the net.
    pub(crate) fn pick(&self, tried: Set, wish: Wish) -> Option<(usize, &Arc<Endpoint>)> {
        let now = now_ms();
        let open = self.open().without(tried);
        let usable = open.and(self.usable(now));
        let backups = Set::of(self.endpoints.len(), |i| self.config.endpoints[i].backup);
        let groups = [usable.without(backups), usable.and(backups), open.without(backups), open];
        let members = groups.into_iter().find(|group| !group.is_empty())?;
        let stuck = wish.stuck.filter(|index| members.contains(*index));
        let chosen = stuck.or_else(|| self.choose(members, wish.key, now))?;
        Some((chosen, &self.endpoints[chosen]))
    }

    fn choose(&self, members: Set, key: Option<u64>, now: u64) -> Option<usize> {
        if members.len() == 1 {
            return members.nth(0);
        }
        let in_flight = |i: usize| self.endpoints[i].in_flight() as u64;
        if let Some(key) = key {
            return rendezvous(members, key, |i| self.endpoints[i].seed, in_flight);
        }
        let turn = self.live.turn.fetch_add(1, Ordering::Relaxed);
        if self.config.balance == Balance::RoundRobin {
            let first = round_robin(members, turn)?;
            // Who comes back gives most of its turns away.
            let gives = mix(turn) % ejection::WEIGHT_MAX >= self.weight(first, now);
            return if gives { round_robin(members, turn + 1) } else { Some(first) };
        }
        let load = |i: usize| {
            let cost = self.endpoints[i].load.cost(now).saturating_mul(in_flight(i) + 1);
            cost.saturating_mul(ejection::WEIGHT_MAX) / self.weight(i, now)
        };
        two_choices(members, mix(turn), load)
    }

    fn open(&self) -> Set {
        Set::of(self.endpoints.len(), |i| !self.config.endpoints[i].drained)
    }

    fn usable(&self, now: u64) -> Set {
        Set::of(self.endpoints.len(), |i| {
            self.endpoints[i].is_up() && !self.endpoints[i].ejection.is_out(now)
        })
    }

    /// The share of its requests an endpoint gets, in percent: less than 100 only after it came back.
    pub(crate) fn weight(&self, index: usize, now: u64) -> u64 {
        let slow_start = u64::try_from(self.config.slow_start.as_millis()).unwrap_or(u64::MAX);
        self.endpoints[index].ejection.weight(slow_start, now)
    }

    /// Notes how a request at an endpoint ended, and ejects the endpoint when that was too much.
    pub(crate) fn note(&self, index: usize, failed: bool) {
        let now = now_ms();
        if self.endpoints[index].ejection.note(failed, &self.config.eject, now) {
            self.eject(index, now);
        }
    }

    fn eject(&self, index: usize, now: u64) {
        let _one = self.live.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = &self.endpoints[index];
        let group = Set::of(self.endpoints.len(), |i| {
            !self.config.endpoints[i].drained
                && self.config.endpoints[i].backup == self.config.endpoints[index].backup
        });
        if endpoint.ejection.is_out(now) {
            return;
        }
        if group.and(self.usable(now)).iter().all(|i| i == index) {
            // The last one fails as well: those that are out may be no worse by now.
            self.release(group, now);
        }
        let last = group.and(self.usable(now)).iter().all(|i| i == index);
        let out = group.iter().filter(|i| self.endpoints[*i].ejection.is_out(now)).count();
        let share = usize::from(self.config.eject.share_percent);
        if last || !ejection::may_eject(group.len(), out, share) {
            return;
        }
        let length = endpoint.ejection.eject(&self.config.eject, now);
        endpoint.load.clear();
        self.tell_ejected(endpoint, length);
    }

    fn tell_ejected(&self, endpoint: &Arc<Endpoint>, length: Duration) {
        let url = endpoint.url.to_string();
        let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        tracing::warn!(upstream = %self.config.name, endpoint = %url, seconds, "Endpoint {url} is ejected");
        self.tell(&ENDPOINT_EJECTED, |event| {
            let event = event.entity("endpoint", &url).field("seconds", seconds);
            match endpoint.last_error() {
                Some(error) => event.field("error", error),
                None => event,
            }
        });
        let (recorder, name) = (self.recorder.clone(), self.config.name.clone());
        let endpoint = Arc::clone(endpoint);
        let until = endpoint.ejection.until_ms();
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            // It may have been released before, or ejected once more.
            if endpoint.ejection.until_ms() == until {
                tell_returned(&recorder, &name, &url);
            }
        });
    }

    fn release(&self, group: Set, now: u64) {
        for endpoint in group.iter().map(|i| &self.endpoints[i]) {
            if endpoint.ejection.release(now) {
                tell_returned(&self.recorder, &self.config.name, &endpoint.url.to_string());
            }
        }
    }

    fn tell(&self, kind: &EventKind, fill: impl FnOnce(Event) -> Event) {
        self.recorder.record(kind, Actor::System, |event| fill(event.entity("upstream", &self.config.name)));
    }
}

fn tell_returned(recorder: &Recorder, upstream: &str, url: &str) {
    tracing::info!(upstream = %upstream, endpoint = %url, "Endpoint {url} is back");
    recorder.record(&ENDPOINT_RETURNED, Actor::System, |event| {
        event.entity("upstream", upstream).entity("endpoint", url)
    });
}

impl Live {
    fn new(config: &UpstreamConfig) -> Self {
        Self {
            places: Places::new(config.requests_max),
            breaker: Breaker::default(),
            budget: Budget::new(&config.retry, now_ms()),
            turn: AtomicU64::new(0),
            ejecting: Mutex::new(()),
        }
    }
}

/// The number of a customer, as far as the request says what it is told apart by.
pub(crate) fn key(by: &HashBy, client: &Client, headers: &HeaderMap) -> Option<u64> {
    match by {
        HashBy::Address => Some(hash(&HashBy::address(client.address))),
        HashBy::Cookie(name) => cookie(headers, name).map(hash),
        HashBy::Header(name) => headers.get(name).map(|value| hash(value.as_bytes())),
    }
}

/// What has to stay for connections to be kept.
type Trust<'a> = (&'a Option<PathBuf>, &'a Option<String>, &'a Option<ClientIdentity>, Protocol);

fn trust(config: &UpstreamConfig) -> Trust<'_> {
    (&config.ca, &config.tls_name, &config.identity, config.protocol)
}

/// Reads every file that an upstream names, and keeps nothing.
///
/// # Errors
/// The file that cannot be used.
pub fn try_files(config: &UpstreamConfig) -> Result<(), ReloadError> {
    SecretHeader::of(config)?;
    config.endpoints.iter().try_for_each(|endpoint| client_tls(config, &endpoint.url).map(|_| ()))
}

fn client_tls(config: &UpstreamConfig, url: &EndpointUrl) -> Result<Option<EndpointTls>, ReloadError> {
    if !url.https() {
        return Ok(None);
    }
    let offer: &[&[u8]] = match config.protocol {
        Protocol::Http1 => &[b"http/1.1"],
        Protocol::Http2 => &[b"h2"],
        Protocol::Auto => &[b"h2", b"http/1.1"],
    };
    let build = || {
        let mut client = tls::upstream::client_config(config.ca.as_deref(), offer)?;
        if let Some(identity) = &config.identity {
            client = tls::upstream::with_identity(&client, identity)?;
        }
        let mut http1 = Arc::clone(&client);
        Arc::make_mut(&mut http1).alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = tls::upstream::server_name(url.host(), config.tls_name.as_deref())?;
        Ok(EndpointTls { client, http1, name })
    };
    build().map(Some).map_err(|source: tls::upstream::UpstreamTlsError| ReloadError::UpstreamTls {
        upstream: config.name.clone(),
        source: source.into(),
    })
}

#[cfg(test)]
mod tests;
