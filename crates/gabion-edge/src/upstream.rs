//! The shop: one or more equal endpoints, a bounded number of requests in flight, a bounded queue before them.

pub mod endpoint;
pub(crate) mod health;
pub(crate) mod pool;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Balance, UpstreamConfig};
use crate::error::ReloadError;
use crate::origin::EndpointUrl;
use crate::upstream::endpoint::{Endpoint, EndpointTls};
use crate::{Refusal, tls};

/// An upstream at work. Rebuilt on reload; its endpoints live on.
pub(crate) struct Upstream {
    pub(crate) config: UpstreamConfig,
    /// In the order of `config.endpoints`.
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    turn: AtomicU64,
}

impl Upstream {
    /// Builds the upstream, taking over endpoints that `before` already had under the same URL and trust.
    pub(crate) fn new(config: UpstreamConfig, before: Option<&Self>) -> Result<Self, ReloadError> {
        let same_trust =
            |before: &&Self| (&before.config.ca, &before.config.tls_name) == (&config.ca, &config.tls_name);
        let trusted_alike = before.filter(same_trust);
        let mut endpoints = Vec::with_capacity(config.endpoints.len());
        for endpoint in &config.endpoints {
            let known = trusted_alike
                .and_then(|before| before.endpoints.iter().find(|known| known.url == endpoint.url));
            endpoints.push(match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(Endpoint::new(endpoint.url.clone(), client_tls(&config, &endpoint.url)?)),
            });
        }
        Ok(Self {
            places: Arc::new(Semaphore::new(config.requests_max)),
            waiting: AtomicUsize::new(0),
            turn: AtomicU64::new(0),
            endpoints,
            config,
        })
    }

    /// Takes a place among the requests in flight, waiting in the bounded queue when all are taken.
    pub(crate) async fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let busy = || Refusal::Busy { upstream: self.config.name.clone() };
        let waiting = Waiting::enter(&self.waiting, self.config.queue_max).ok_or_else(busy)?;
        let place =
            tokio::time::timeout(self.config.queue_timeout, Arc::clone(&self.places).acquire_owned()).await;
        drop(waiting);
        place.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Requests waiting for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Chooses an endpoint that is not drained and not in `tried`: a healthy one, or else any, because a wrong
    /// health check must not take the shop off the net.
    pub(crate) fn pick(&self, tried: &[usize]) -> Option<(usize, &Arc<Endpoint>)> {
        let open = |i: usize| !self.config.endpoints[i].drained && !tried.contains(&i);
        let all = 0..self.endpoints.len();
        let healthy: Vec<usize> = all.clone().filter(|i| open(*i) && self.endpoints[*i].is_up()).collect();
        let candidates = if healthy.is_empty() { all.filter(|i| open(*i)).collect() } else { healthy };
        let chosen = match (self.config.balance, candidates.as_slice()) {
            (_, []) => return None,
            (_, [only]) => *only,
            (Balance::RoundRobin, many) => many[self.draw(0, many.len())],
            (Balance::LeastLoad, many) => self.less_loaded(many),
        };
        Some((chosen, &self.endpoints[chosen]))
    }

    /// The less loaded of two different candidates drawn at random: "the power of two choices".
    fn less_loaded(&self, candidates: &[usize]) -> usize {
        let turn = mix(self.turn.fetch_add(1, Ordering::Relaxed));
        let first = index(turn, candidates.len());
        let second = (first + 1 + index(turn >> 32, candidates.len() - 1)) % candidates.len();
        let load = |i: usize| self.endpoints[candidates[i]].in_flight();
        if load(second) < load(first) { candidates[second] } else { candidates[first] }
    }

    fn draw(&self, offset: usize, len: usize) -> usize {
        (index(self.turn.fetch_add(1, Ordering::Relaxed), usize::MAX) + offset) % len
    }
}

fn client_tls(config: &UpstreamConfig, url: &EndpointUrl) -> Result<Option<EndpointTls>, ReloadError> {
    if !url.https() {
        return Ok(None);
    }
    let tls = tls::upstream::client_config(config.ca.as_deref(), &[b"http/1.1"]).and_then(|client| {
        let name = tls::upstream::server_name(url.host(), config.tls_name.as_deref())?;
        Ok(EndpointTls { client, name })
    });
    tls.map(Some)
        .map_err(|source| ReloadError::UpstreamTls { upstream: config.name.clone(), source: source.into() })
}

/// Spreads consecutive numbers over all bits: the finalizer of SplitMix64. Balancing needs no secrecy.
const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn index(n: u64, len: usize) -> usize {
    usize::try_from(n & 0xffff_ffff).unwrap_or(0) % len
}

/// A request in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let enter = |now: usize| (now < most).then_some(now + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{EndpointConfig, HealthSection};

    fn upstream(balance: Balance, endpoints: usize) -> Upstream {
        let endpoint = |port: usize| EndpointConfig {
            url: format!("http://127.0.0.1:{}", 9000 + port).parse().expect("a URL"),
            drained: false,
        };
        let config = UpstreamConfig {
            name: "shop".into(),
            endpoints: (0..endpoints).map(endpoint).collect(),
            balance,
            maintenance: false,
            host: None,
            ca: None,
            tls_name: None,
            requests_max: 1,
            queue_max: 1,
            queue_timeout: Duration::from_millis(10),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            health: HealthSection::default(),
        };
        Upstream::new(config, None).expect("an upstream without TLS")
    }

    fn picks(upstream: &Upstream, count: usize) -> Vec<usize> {
        let mut hits = vec![0; upstream.endpoints.len()];
        for _ in 0..count {
            hits[upstream.pick(&[]).expect("an endpoint").0] += 1;
        }
        hits
    }

    #[test]
    fn round_robin_is_even() {
        assert_eq!(picks(&upstream(Balance::RoundRobin, 3), 300), [100, 100, 100]);
    }

    #[test]
    fn least_load_spreads_idle_endpoints_and_avoids_the_loaded_one() {
        let upstream = upstream(Balance::LeastLoad, 3);
        let hits = picks(&upstream, 3000);
        assert!(hits.iter().all(|hits| (800..1200).contains(hits)), "{hits:?}");
        let _busy: Vec<_> = (0..5).map(|_| upstream.endpoints[0].enter()).collect();
        assert_eq!(picks(&upstream, 300)[0], 0);
    }

    #[test]
    fn drained_down_and_tried_endpoints_are_skipped_but_the_last_resort_is_used() {
        let mut upstream = upstream(Balance::LeastLoad, 3);
        upstream.config.endpoints[0].drained = true;
        upstream.endpoints[1].set_up(false);
        assert_eq!(upstream.pick(&[]).map(|(i, _)| i), Some(2));
        assert_eq!(upstream.pick(&[2]).map(|(i, _)| i), Some(1), "all down: try anyway");
        assert_eq!(upstream.pick(&[1, 2]).map(|(i, _)| i), None);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_length_and_time() {
        let upstream = upstream(Balance::LeastLoad, 1);
        let place = upstream.admit().await.expect("the first place is free");
        let (second, third) = tokio::join!(upstream.admit(), upstream.admit());
        assert!(matches!(second, Err(Refusal::Busy { .. })), "waits and times out");
        assert!(matches!(third, Err(Refusal::Busy { .. })), "finds the queue full");
        drop(place);
        assert!(upstream.admit().await.is_ok());
        assert_eq!(upstream.waiting(), 0);
    }
}
