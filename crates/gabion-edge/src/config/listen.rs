//! `[listen]`: addresses Gabion answers on, and who stands in front of it.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Spanned;

use super::Invalid;
use crate::network::Network;

/// `[listen]`: addresses Gabion answers on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenSection {
    /// Public HTTPS addresses.
    pub https: Vec<SocketAddr>,
    /// Public HTTP addresses: redirect to HTTPS, and serve sites whose origin is `http://`.
    pub http: Vec<SocketAddr>,
    /// Console and API. Loopback unless you know why not.
    pub control: SocketAddr,
    /// Proxies in front of Gabion whose `Forwarded` and `X-Forwarded-*` are believed: addresses or networks.
    pub trusted_proxies: Vec<Spanned<String>>,
    /// Peers that begin every connection with a PROXY protocol header: addresses or networks.
    pub proxy_protocol: Vec<Spanned<String>>,
    /// Seconds running requests get to finish when Gabion stops.
    pub drain_seconds: u64,
    /// Seconds running requests get to finish when Gabion restarts in place; new connections wait as long.
    pub restart_drain_seconds: u64,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self {
            https: vec![SocketAddr::from(([0; 8], 443))],
            http: vec![SocketAddr::from(([0; 8], 80))],
            control: SocketAddr::from(([127, 0, 0, 1], 9443)),
            trusted_proxies: Vec::new(),
            proxy_protocol: Vec::new(),
            drain_seconds: 30,
            restart_drain_seconds: 5,
        }
    }
}

pub(super) fn check_networks(texts: &[Spanned<String>]) -> Result<Vec<Network>, Invalid> {
    texts.iter().map(check_network).collect()
}

fn check_network(text: &Spanned<String>) -> Result<Network, Invalid> {
    text.get_ref().parse().map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))
}
