//! What the service manager is told (sd_notify(3)); without one, nothing happens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gabion_edge::tls::upstream::whoever_answers;
use gabion_edge::{Edge, Plane};
use rustls_pki_types::ServerName;
use sd_notify::NotifyState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Signs of life within the time after which the service manager takes us for dead.
const SIGNS_PER_PERIOD: u32 = 3;

/// Everything listens and is served.
pub(crate) fn ready(edge: &Edge) {
    let listeners = edge.addresses().len();
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("serving on {listeners} public listeners"))]);
}

/// Something is being replaced; [`ready`] follows.
pub(crate) fn reloading(what: &str) {
    let now = NotifyState::monotonic_usec_now();
    let mut states = vec![NotifyState::Reloading, NotifyState::Status(what)];
    states.extend(now);
    tell(&states);
}

/// No new connections are taken.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("running requests finish")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "The service manager could not be told");
    }
}

/// Gives signs of life while the public listeners answer, where the service manager wants them (`WatchdogSec=`). Runs
/// until it is dropped; when a listener does not answer, the signs end and the service manager acts.
pub(crate) async fn watchdog(edge: Edge) {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let pause = period / SIGNS_PER_PERIOD;
    let mut tick = tokio::time::interval(pause);
    loop {
        tick.tick().await;
        match silent(&edge, pause).await {
            None => tell(&[NotifyState::Watchdog]),
            Some(address) => {
                tracing::error!(%address, "{address} does not answer: no sign of life for the service manager");
            }
        }
    }
}

/// The first public listener that does not take a connection within `time`.
pub(crate) async fn silent(edge: &Edge, time: Duration) -> Option<SocketAddr> {
    if edge.is_full() {
        // New connections are closed at once, as they should be: that is load, not death.
        return None;
    }
    let name = edge.sites().first().and_then(|site| {
        let host = site.origins.first()?.split("://").nth(1)?.split(':').next()?;
        ServerName::try_from(host.to_owned()).ok()
    });
    for (plane, address) in edge.addresses() {
        let answered = tokio::time::timeout(time, knock(plane, address, name.clone())).await;
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if answered.is_err() || answered.is_ok_and(|result| result.is_err_and(refused)) {
            return Some(address);
        }
    }
    None
}

/// Connects as a customer does: a handshake on HTTPS, a connection that ends at once on HTTP. Whatever the listener does
/// with it, it has done something; only silence and a refused connection are signs of death.
async fn knock(plane: Plane, address: SocketAddr, name: Option<ServerName<'static>>) -> io::Result<()> {
    let mut stream = TcpStream::connect(reachable(address)).await?;
    match (plane, name) {
        (Plane::Https, Some(name)) => {
            let mut tls = TlsConnector::from(Arc::clone(whoever_answers())).connect(name, stream).await?;
            tls.shutdown().await
        }
        _ => {
            stream.shutdown().await?;
            stream.read_to_end(&mut Vec::new()).await.map(|_| ())
        }
    }
}

/// An address to connect to: loopback for a wildcard.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use gabion_core::{Event, SystemClock};
    use gabion_crypto::SystemEntropy;
    use gabion_edge::tls::Challenges;
    use gabion_edge::{EdgeDeps, EventSink};

    use super::*;
    use crate::certificates::{Certificates, Deps};
    use crate::config::Config;

    struct Nowhere;
    impl EventSink for Nowhere {
        fn offer(&self, _: Event) {}
    }

    fn edge(folder: &std::path::Path) -> Edge {
        let text = r#"
            [[site]]
            name = "Tidewater Tea"
            origins = ["https://shop.example"]
            [listen]
            https = ["127.0.0.1:0"]
            http = ["127.0.0.1:0"]
            [[upstream]]
            name = "shop"
            endpoints = ["http://127.0.0.1:9"]
            [[route]]
            path = "/"
            upstream = "shop"
            waf = "off"
            upload = "off"
        "#;
        let config = Config::parse(&folder.join("gabion.toml"), text.to_owned()).expect("it is good");
        let (clock, entropy, events) =
            (Arc::new(SystemClock), Arc::new(SystemEntropy::default()), Arc::new(Nowhere));
        let challenges = Challenges::default();
        let deps = Deps {
            clock: clock.clone(),
            entropy: entropy.clone(),
            events: events.clone(),
            challenges: challenges.clone(),
        };
        let certificates = Certificates::open(&config, deps).expect("certificates");
        let tls = certificates.public_tls().expect("TLS");
        let sticky_key = gabion_core::Secret::new([5; 32]);
        let sockets = Arc::default();
        let deps = EdgeDeps {
            clock,
            entropy,
            events,
            pages: Arc::new(gabion_edge::Unheard),
            tls,
            sockets,
            sticky_key,
            challenges,
            scratch: std::env::temp_dir(),
            sharing: None,
            quarantine: None,
            own: None,
            sessions: None,
        };
        Edge::start(config.edge(), deps).expect("ports")
    }

    #[tokio::test]
    async fn a_listener_that_nobody_serves_is_silent() {
        let folder = tempfile::tempdir().expect("a folder");
        let edge = edge(folder.path());
        assert_eq!(silent(&edge, Duration::from_secs(10)).await, None);
        // The sockets stay open, and nobody accepts.
        edge.stop_and_hand_over().await;
        let addresses = edge.addresses();
        assert_eq!(silent(&edge, Duration::from_millis(200)).await, Some(addresses[0].1));
    }
}
