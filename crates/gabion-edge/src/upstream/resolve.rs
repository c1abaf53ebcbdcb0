//! Where an endpoint with a host name is. Its addresses are taken in turn, one connection after the other; the name
//! is looked up again every `resolve_seconds`. A failed look-up changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use gabion_core::Actor;
use tokio::sync::Semaphore;

use crate::event::{NAME_UNRESOLVED, Recorder};
use crate::origin::EndpointUrl;
use crate::upstream::endpoint::Endpoint;

/// Addresses of one name that are used; further ones are ignored.
const ADDRESSES_MAX: usize = 16;
/// Names looked up at the same time. The system's resolver holds a thread for each.
const LOOKUPS_MAX: usize = 4;
/// How long a look-up is waited for.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_MAX);

/// The addresses of an endpoint.
pub(crate) struct Addresses {
    /// Sorted; empty until the name was found for the first time.
    known: ArcSwap<Vec<SocketAddr>>,
    turn: AtomicUsize,
    /// Whether the last look-up failed: that is told once.
    failing: AtomicBool,
    fixed: bool,
}

impl Addresses {
    pub(crate) fn new(url: &EndpointUrl) -> Self {
        let fixed = url.host().parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, url.port()));
        Self {
            known: ArcSwap::from_pointee(fixed.into_iter().collect()),
            turn: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            fixed: fixed.is_some(),
        }
    }

    /// Whether there is a name to look up.
    pub(crate) const fn change(&self) -> bool {
        !self.fixed
    }

    /// All of them, sorted.
    pub(crate) fn all(&self) -> Arc<Vec<SocketAddr>> {
        self.known.load_full()
    }

    /// All of them, another one first each time.
    pub(crate) fn in_turn(&self) -> Vec<SocketAddr> {
        let mut all = self.known.load().to_vec();
        if !all.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % all.len();
            all.rotate_left(first);
        }
        all
    }

    /// Whether a connection to an address may still be used.
    pub(crate) fn contains(&self, address: SocketAddr) -> bool {
        self.fixed || self.known.load().binary_search(&address).is_ok()
    }

    /// Takes what a look-up found; says whether that is a change. Nothing found keeps what was known.
    pub(crate) fn replace(&self, mut found: Vec<SocketAddr>) -> bool {
        found.sort_unstable();
        found.dedup();
        found.truncate(ADDRESSES_MAX);
        if found.is_empty() || **self.known.load() == found {
            return false;
        }
        self.known.store(Arc::new(found));
        true
    }
}

/// Asks the system where a name is.
///
/// # Errors
/// What the system says; a timeout after five seconds, or when four look-ups hang already.
pub(crate) async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the name was not resolved in time");
    let host = host.to_owned();
    let looking = async {
        let place = LOOKUPS.acquire().await.map_err(io::Error::other)?;
        // The thread of a look-up cannot be stopped, so its place is taken until it really ends.
        let lookup = tokio::spawn(async move {
            let _place = place;
            tokio::net::lookup_host((host.as_str(), port)).await.map(Iterator::collect)
        });
        lookup.await.map_err(io::Error::other)?
    };
    let found: Vec<SocketAddr> =
        tokio::time::timeout(LOOKUP_TIMEOUT, looking).await.map_err(|_| late())??;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

/// Looks an endpoint's name up again and again.
pub(crate) async fn follow(endpoint: &Endpoint, upstream: &str, every: Duration, recorder: &Recorder) {
    if !endpoint.addresses.change() {
        return;
    }
    loop {
        let result = look_up(endpoint.url.host(), endpoint.url.port()).await;
        take(endpoint, upstream, result, recorder);
        tokio::time::sleep(every).await;
    }
}

fn take(endpoint: &Endpoint, upstream: &str, result: io::Result<Vec<SocketAddr>>, recorder: &Recorder) {
    let url = &endpoint.url;
    let addresses = &endpoint.addresses;
    match result {
        Ok(found) => {
            addresses.failing.store(false, Ordering::Relaxed);
            if addresses.replace(found) {
                endpoint.leave_vanished();
                tracing::info!(endpoint = %url, addresses = ?addresses.all(), "Endpoint {url} has new addresses");
            }
        }
        Err(error) if !addresses.failing.swap(true, Ordering::Relaxed) => {
            tracing::warn!(endpoint = %url, %error, "Name of endpoint {url} cannot be resolved");
            recorder.record(&NAME_UNRESOLVED, Actor::System, |event| {
                let event = event.entity("upstream", upstream).entity("endpoint", url.to_string());
                event.field("error", error.to_string())
            });
        }
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Addresses {
        Addresses::new(&url.parse().expect("a URL"))
    }

    fn at(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn numbers_need_no_look_up() {
        let fixed = of("http://[2001:db8::1]:8080");
        assert!(!fixed.change());
        assert_eq!(fixed.in_turn(), at(&["[2001:db8::1]:8080"]));
        assert!(of("http://shop.internal").change());
    }

    #[test]
    fn addresses_take_turns_and_vanished_ones_are_left() {
        let addresses = of("http://shop.internal:80");
        assert!(addresses.in_turn().is_empty());
        assert!(addresses.replace(at(&["10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80"])));
        assert!(!addresses.replace(at(&["10.0.0.1:80", "10.0.0.2:80"])), "the same in another order");
        assert_eq!(addresses.in_turn(), at(&["10.0.0.1:80", "10.0.0.2:80"]));
        assert_eq!(addresses.in_turn(), at(&["10.0.0.2:80", "10.0.0.1:80"]));
        assert!(addresses.replace(at(&["10.0.0.2:80", "10.0.0.3:80"])));
        assert!(!addresses.contains(at(&["10.0.0.1:80"])[0]) && addresses.contains(at(&["10.0.0.3:80"])[0]));
    }

    #[test]
    fn nothing_found_keeps_what_was_known_and_many_are_cut() {
        let addresses = of("http://shop.internal:80");
        assert!(addresses.replace(at(&["10.0.0.1:80"])));
        assert!(!addresses.replace(Vec::new()));
        assert_eq!(addresses.all().len(), 1);
        let many = (0..200).map(|n| SocketAddr::from(([10, 0, 1, n], 80))).collect();
        assert!(addresses.replace(many));
        assert_eq!(addresses.all().len(), ADDRESSES_MAX);
    }

    #[tokio::test]
    async fn the_system_knows_itself() {
        let found = look_up("localhost", 80).await.expect("every system has a localhost");
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
        assert!(look_up("no-such-name.invalid", 80).await.is_err());
    }
}
