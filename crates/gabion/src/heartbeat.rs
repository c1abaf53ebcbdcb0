//! `[heartbeat]`: somebody else raises the alarm when Gabion falls silent.
//!
//! As long as everything is well, a monitor of the operator's choice is asked for an address every so often. When the
//! machine, the network or Gabion is gone, or Gabion is not well, the monitor hears nothing and tells its people.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::blame::chain;
use gabion_core::{EventKind, Secret, Severity};
use gabion_edge::tls::upstream;
use gabion_edge::{BoxError, Edge};
use gabion_store::Db;
use http::Uri;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::ask;
use crate::product::Product;
use crate::service;

/// The monitor could not be told, though everything is well. It will raise a false alarm.
pub(crate) const HEARTBEAT_FAILED: EventKind = EventKind::new("heartbeat.failed", 1, Severity::Warning);
/// The monitor was not told, because something is wrong. It will raise the alarm.
pub(crate) const HEARTBEAT_WITHHELD: EventKind = EventKind::new("heartbeat.withheld", 1, Severity::Critical);
/// The monitor is told again.
pub(crate) const HEARTBEAT_BACK: EventKind = EventKind::new("heartbeat.back", 1, Severity::Info);

/// One beat, from looking up the name to the answer; then it has failed.
const BEAT_TIMEOUT: Duration = Duration::from_secs(10);
/// Seconds between two beats: more often helps nobody, less often is noticed too late.
const EVERY_SECONDS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// `[heartbeat]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatSection {
    /// What is asked for, at the monitor: `https://` or `http://`. It often holds a key.
    pub(crate) url: Secret<String>,
    /// Seconds between two beats, 10 to 86400.
    #[serde(default = "every_seconds")]
    pub(crate) every_seconds: u64,
    /// PEM file of the only authorities believed; the public ones when absent.
    pub(crate) ca: Option<PathBuf>,
}

const fn every_seconds() -> u64 {
    60
}

/// Why a heartbeat cannot be configured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidHeartbeat {
    /// No address that could be asked for.
    #[error("[heartbeat] url is an address of your monitor, such as https://monitor.example/ping/key")]
    Url,
    /// Too often or too seldom.
    #[error("[heartbeat] every_seconds is 10 to 86400")]
    Every,
}

impl HeartbeatSection {
    /// Checks the section.
    ///
    /// # Errors
    /// What cannot work.
    pub(crate) fn check(&self) -> Result<(), InvalidHeartbeat> {
        self.uri().ok_or(InvalidHeartbeat::Url)?;
        if EVERY_SECONDS.contains(&self.every_seconds) { Ok(()) } else { Err(InvalidHeartbeat::Every) }
    }

    fn uri(&self) -> Option<Uri> {
        let uri: Uri = self.url.expose().parse().ok()?;
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.authority().is_some_and(|a| !a.host().is_empty() && !a.as_str().contains('@'));
        (scheme && host).then_some(uri)
    }
}

/// What the last beat was, so that only changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Sent,
    Failed,
    Withheld,
}

/// Beats until it is dropped.
pub(crate) async fn run(section: HeartbeatSection, product: Product, db: Db) {
    let mut last = Beat::Sent;
    let mut tick = tokio::time::interval(Duration::from_secs(section.every_seconds));
    loop {
        tick.tick().await;
        let (beat, reason) = match trouble(product.edge(), &db).await {
            Some(reason) => (Beat::Withheld, reason),
            None => match send(&section).await {
                Ok(()) => (Beat::Sent, String::new()),
                Err(error) => (Beat::Failed, chain(error.as_ref())),
            },
        };
        if beat != last {
            tell(&product, beat, &reason);
        }
        last = beat;
    }
}

fn tell(product: &Product, beat: Beat, reason: &str) {
    let kind = match beat {
        Beat::Sent => &HEARTBEAT_BACK,
        Beat::Failed => &HEARTBEAT_FAILED,
        Beat::Withheld => &HEARTBEAT_WITHHELD,
    };
    match beat {
        Beat::Sent => tracing::info!("The monitor hears the heartbeat again"),
        Beat::Failed => tracing::warn!(reason, "The monitor could not be told that all is well: {reason}"),
        Beat::Withheld => tracing::error!(reason, "No heartbeat, the monitor will raise the alarm: {reason}"),
    }
    product.tell(kind, gabion_core::Actor::System, |event| event.field("reason", reason));
}

/// What is wrong: the conditions of `/readyz`, and whether the public listeners answer.
async fn trouble(edge: &Edge, db: &Db) -> Option<String> {
    if edge.addresses().is_empty() {
        return Some("no public listener is open".into());
    }
    if let Some(reason) = db.health().reason {
        return Some(format!("the database takes no writes: {reason}"));
    }
    let silent = service::silent(edge, BEAT_TIMEOUT).await?;
    Some(format!("{silent} does not answer"))
}

async fn send(section: &HeartbeatSection) -> Result<(), BoxError> {
    tokio::time::timeout(BEAT_TIMEOUT, beat(section)).await.map_err(|_| "the monitor does not answer")?
}

async fn beat(section: &HeartbeatSection) -> Result<(), BoxError> {
    const AGENT: &str = "gabion-heartbeat";
    let uri = section.uri().expect("the section was checked");
    let host = uri.host().unwrap_or_default();
    let https = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let head = if https {
        let client = upstream::client_config(section.ca.as_deref(), &[b"http/1.1"])?;
        let name = upstream::server_name(host, None)?;
        let stream = TlsConnector::from(Arc::clone(&client)).connect(name, stream).await?;
        ask::get(stream, authority, target, AGENT).await?
    } else {
        ask::get(stream, authority, target, AGENT).await?
    };
    let status = head.status;
    if status.is_success() { Ok(()) } else { Err(format!("the monitor answered {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, every_seconds: u64, expected: Result<(), InvalidHeartbeat>) {
        let section = HeartbeatSection { url: Secret::new(url.to_owned()), every_seconds, ca: None };
        assert_eq!(section.check(), expected, "{url}");
    }

    #[test]
    fn a_heartbeat_needs_an_address_and_a_sane_period() {
        check("https://monitor.example/ping/key?x=1", 60, Ok(()));
        check("http://127.0.0.1:8080", 10, Ok(()));
        for bad in ["", "/ping", "ftp://monitor.example", "https://", "https://me:key@monitor.example/"] {
            check(bad, 60, Err(InvalidHeartbeat::Url));
        }
        check("https://monitor.example", 9, Err(InvalidHeartbeat::Every));
        check("https://monitor.example", 86_401, Err(InvalidHeartbeat::Every));
    }
}
