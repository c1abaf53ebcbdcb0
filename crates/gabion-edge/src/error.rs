//! What can go wrong when the edge starts or takes a new configuration.

use std::io;
use std::net::SocketAddr;

use gabion_core::Blame;

use crate::telemetry::TelemetryError;

/// Why the edge did not start or kept its old configuration. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A listener could not be opened.
    #[error("cannot listen on {address}; {}", hint(source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of an upstream cannot be used: authorities, certificate, key, secret header.
    #[error("upstream {upstream}")]
    UpstreamTls {
        /// Its name.
        upstream: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Telemetry cannot be set up.
    #[error("telemetry")]
    Telemetry(#[from] TelemetryError),
    /// Requests are to be inspected, and nobody loaded rules.
    #[error("no rules are loaded")]
    NoRules,
    /// Routes ask who somebody is, and nobody could say.
    #[error("routes require somebody who is signed in, and there is nobody who keeps sessions")]
    NoSessions,
    /// A log cannot be written.
    #[error("{name}")]
    Log {
        /// Which.
        name: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ReloadError {
    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        Blame::Operator
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there: stop it or choose another port",
        io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE: see the systemd unit",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        _ => "check [listen]",
    }
}
