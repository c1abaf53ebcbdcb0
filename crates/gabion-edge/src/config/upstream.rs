//! `[[upstream]]`: the shop, as one or more equal endpoints.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;
use toml::Spanned;

use super::{Balance, BreakerSection, ENDPOINTS_MAX, EjectSection, HashBy, Invalid, Protocol, RetrySection};
use crate::origin::EndpointUrl;

/// `[[upstream]]`: the shop, as one or more equal endpoints.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// The name routes use.
    pub name: Spanned<String>,
    /// `http://host:port` or `https://host[:port]`.
    pub endpoints: Vec<Spanned<String>>,
    /// The same, used only while none of `endpoints` can be.
    #[serde(default)]
    pub backup: Vec<Spanned<String>>,
    /// How requests are spread.
    #[serde(default)]
    pub balance: Balance,
    /// What `balance = "hash"` looks at: `address`, `cookie:NAME` or `header:NAME`.
    pub hash_by: Option<Spanned<String>>,
    /// Keeps a customer at one endpoint with a cookie of Gabion's own. HTTPS only.
    #[serde(default)]
    pub sticky: bool,
    /// What is spoken to the endpoints.
    #[serde(default)]
    pub protocol: Protocol,
    /// Endpoints that get no new requests, by the URL in `endpoints`.
    #[serde(default)]
    pub drained: Vec<Spanned<String>>,
    /// Answers every request with a calm "back soon" page instead of asking the shop.
    #[serde(default)]
    pub maintenance: bool,
    /// The `Host` the shop sees; the customer's own when absent.
    pub host: Option<Spanned<String>>,
    /// PEM file of the only authorities believed for `https://` endpoints; the public ones when absent.
    pub ca: Option<PathBuf>,
    /// The name an `https://` endpoint's certificate must bear; the endpoint's own host when absent.
    pub tls_name: Option<Spanned<String>>,
    /// PEM chain that Gabion shows to `https://` endpoints which ask for a certificate; none when absent.
    pub client_cert: Option<Spanned<PathBuf>>,
    /// PEM private key of `client_cert`.
    pub client_key: Option<PathBuf>,
    /// A header by which the shop knows that a request came through Gabion.
    pub secret_header: Option<SecretHeaderSection>,
    /// Requests in flight to all endpoints together.
    #[serde(default = "requests_max")]
    pub requests_max: Spanned<usize>,
    /// Requests that may wait for one of those places; one more is answered 503.
    #[serde(default = "queue_max")]
    pub queue_max: usize,
    /// Milliseconds a request waits for a place; then 503.
    #[serde(default = "queue_timeout_ms")]
    pub queue_timeout_ms: u64,
    /// Milliseconds to open a connection, TLS included; then the next endpoint.
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// Seconds without progress until the response head arrives; then 504.
    #[serde(default = "response_timeout_seconds")]
    pub response_timeout_seconds: u64,
    /// Seconds without a byte inside a response body (event streams excepted); then it is cut.
    #[serde(default = "response_timeout_seconds")]
    pub read_timeout_seconds: u64,
    /// Seconds an idle connection is kept. Below the keep-alive of Node.js (5 s), so that it closes here first.
    #[serde(default = "idle_seconds")]
    pub idle_seconds: u64,
    /// Seconds after which the name of an endpoint is looked up again.
    #[serde(default = "resolve_seconds")]
    pub resolve_seconds: u64,
    /// Seconds in which an endpoint that came back gets from a tenth of its requests to all of them.
    #[serde(default = "slow_start_seconds")]
    pub slow_start_seconds: u64,
    /// Active health checks.
    #[serde(default)]
    pub health: HealthSection,
    /// Passive health: endpoints that fail requests.
    #[serde(default)]
    pub eject: EjectSection,
    /// The circuit breaker.
    #[serde(default)]
    pub breaker: BreakerSection,
    /// The budget of retries.
    #[serde(default)]
    pub retry: RetrySection,
}

fn requests_max() -> Spanned<usize> {
    Spanned::new(0..0, 1024)
}
const fn queue_max() -> usize {
    1024
}
const fn queue_timeout_ms() -> u64 {
    5_000
}
const fn connect_timeout_ms() -> u64 {
    3_000
}
const fn response_timeout_seconds() -> u64 {
    60
}
const fn idle_seconds() -> u64 {
    4
}
const fn resolve_seconds() -> u64 {
    30
}
const fn slow_start_seconds() -> u64 {
    10
}

/// `[upstream.health]`: how endpoints are probed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthSection {
    /// Path answered with a status below 400 by a healthy endpoint; without one, an open port is enough.
    pub path: Option<String>,
    /// Seconds between two checks of one endpoint.
    pub interval_seconds: u64,
    /// Milliseconds a check may take.
    pub timeout_ms: u64,
    /// Failed checks in a row until an endpoint is down.
    pub failures: u32,
    /// Good checks in a row until it is up again.
    pub successes: u32,
}

impl Default for HealthSection {
    fn default() -> Self {
        Self { path: None, interval_seconds: 5, timeout_ms: 2_000, failures: 2, successes: 1 }
    }
}

/// `[upstream.secret_header]`: a header that only Gabion and the shop know.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretHeaderSection {
    /// Its name, beginning with `X-`.
    pub name: Spanned<String>,
    /// File with its value: 16 to 512 visible ASCII characters. Read again on reload.
    pub value_file: PathBuf,
}

/// A checked [`SecretHeaderSection`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHeader {
    /// Its name.
    pub name: HeaderName,
    /// File with its value.
    pub value_file: PathBuf,
}

/// Certificate and key that Gabion shows to endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM chain.
    pub cert: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// A checked upstream.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// The name routes use.
    pub name: String,
    /// Where it is, backups last; at most [`ENDPOINTS_MAX`].
    pub endpoints: Vec<EndpointConfig>,
    /// How requests are spread.
    pub balance: Balance,
    /// What makes requests belong together.
    pub hash_by: HashBy,
    /// Whether customers are kept at one endpoint.
    pub sticky: bool,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether customers see the maintenance page.
    pub maintenance: bool,
    /// The `Host` the shop sees; the customer's own when absent.
    pub host: Option<http::HeaderValue>,
    /// PEM file of the only authorities believed.
    pub ca: Option<PathBuf>,
    /// The name certificates must bear; the endpoint's own host when absent.
    pub tls_name: Option<String>,
    /// What Gabion shows to endpoints that ask for a certificate.
    pub identity: Option<ClientIdentity>,
    /// The header by which the shop knows Gabion.
    pub secret_header: Option<SecretHeader>,
    /// Requests in flight, at least 1.
    pub requests_max: usize,
    /// Requests waiting.
    pub queue_max: usize,
    /// How long they wait.
    pub queue_timeout: Duration,
    /// Opening a connection.
    pub connect_timeout: Duration,
    /// Silence before the response head.
    pub response_timeout: Duration,
    /// Silence inside a response body.
    pub read_timeout: Duration,
    /// Life of an idle connection.
    pub idle_timeout: Duration,
    /// Age of an address of a name.
    pub resolve: Duration,
    /// Ramp of endpoints that came back.
    pub slow_start: Duration,
    /// Health checks.
    pub health: HealthSection,
    /// Passive health.
    pub eject: EjectSection,
    /// The circuit breaker.
    pub breaker: BreakerSection,
    /// The budget of retries.
    pub retry: RetrySection,
}

/// One address of an upstream.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// Where it is.
    pub url: EndpointUrl,
    /// Whether it gets no new requests.
    pub drained: bool,
    /// Whether it is used only while no other can be.
    pub backup: bool,
}

pub(super) fn check_upstreams(sections: &[UpstreamSection]) -> Result<Vec<UpstreamConfig>, Invalid> {
    let mut names = HashSet::new();
    let mut upstreams = Vec::new();
    for section in sections {
        if !names.insert(section.name.get_ref()) {
            return Err(Invalid::at(
                &section.name,
                format!("two upstreams are named {}", section.name.get_ref()),
            ));
        }
        upstreams.push(check_upstream(section)?);
    }
    Ok(upstreams)
}

fn check_upstream(section: &UpstreamSection) -> Result<UpstreamConfig, Invalid> {
    let name_ok = |name: &str| {
        !name.is_empty()
            && name.len() <= 40
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !name_ok(section.name.get_ref()) {
        return Err(Invalid::at(&section.name, "an upstream's name has 1 to 40 letters, digits, hyphens"));
    }
    if section.endpoints.is_empty() {
        return Err(Invalid::at(&section.name, "endpoints is empty: list where the shop answers"));
    }
    if *section.requests_max.get_ref() == 0 {
        return Err(Invalid::at(&section.requests_max, "requests_max is at least 1"));
    }
    if section.endpoints.len() + section.backup.len() > ENDPOINTS_MAX {
        let message = format!("an upstream has at most {ENDPOINTS_MAX} endpoints, backups included");
        return Err(Invalid::at(&section.name, message));
    }
    let mut endpoints: Vec<EndpointConfig> = Vec::new();
    let primary = section.endpoints.iter().map(|text| (text, false));
    for (text, backup) in primary.chain(section.backup.iter().map(|text| (text, true))) {
        let url: EndpointUrl = text
            .get_ref()
            .parse()
            .map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))?;
        if endpoints.iter().any(|endpoint| endpoint.url == url) {
            return Err(Invalid::at(text, format!("{url} is listed twice")));
        }
        endpoints.push(EndpointConfig { url, drained: false, backup });
    }
    for text in &section.drained {
        let drained = text.get_ref().parse::<EndpointUrl>().ok();
        match endpoints.iter_mut().find(|endpoint| Some(&endpoint.url) == drained.as_ref()) {
            Some(endpoint) => endpoint.drained = true,
            None => return Err(Invalid::at(text, format!("{} is not one of the endpoints", text.get_ref()))),
        }
    }
    let host = match &section.host {
        None => None,
        Some(text) => Some(
            http::uri::Authority::try_from(text.get_ref().as_str())
                .ok()
                .and_then(|authority| http::HeaderValue::from_str(authority.as_str()).ok())
                .ok_or_else(|| {
                    Invalid::at(text, "host is a name with an optional port, such as shop.example")
                })?,
        ),
    };
    if let Some(path) = &section.health.path
        && path.parse::<http::uri::PathAndQuery>().is_err()
    {
        return Err(Invalid::at(&section.name, format!("health.path {path} is not a path such as /healthz")));
    }
    Ok(UpstreamConfig {
        name: section.name.get_ref().clone(),
        endpoints,
        balance: section.balance,
        hash_by: check_hash_by(section.hash_by.as_ref())?,
        sticky: section.sticky,
        protocol: section.protocol,
        maintenance: section.maintenance,
        host,
        ca: section.ca.clone(),
        tls_name: section.tls_name.as_ref().map(check_tls_name).transpose()?,
        identity: check_identity(section)?,
        secret_header: section.secret_header.as_ref().map(check_secret_header).transpose()?,
        requests_max: (*section.requests_max.get_ref()).min(tokio::sync::Semaphore::MAX_PERMITS),
        queue_max: section.queue_max,
        queue_timeout: Duration::from_millis(section.queue_timeout_ms),
        connect_timeout: Duration::from_millis(section.connect_timeout_ms.max(1)),
        response_timeout: Duration::from_secs(section.response_timeout_seconds.max(1)),
        read_timeout: Duration::from_secs(section.read_timeout_seconds.max(1)),
        idle_timeout: Duration::from_secs(section.idle_seconds),
        resolve: Duration::from_secs(section.resolve_seconds.max(1)),
        slow_start: Duration::from_secs(section.slow_start_seconds),
        health: section.health.clone(),
        eject: section.eject.clone(),
        breaker: section.breaker.clone(),
        retry: section.retry.clone(),
    })
}

/// Reads what requests are told apart by; the address when nothing is said.
pub(super) fn check_hash_by(text: Option<&Spanned<String>>) -> Result<HashBy, Invalid> {
    let Some(text) = text else { return Ok(HashBy::Address) };
    text.get_ref().parse().map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))
}

#[cfg(test)]
impl UpstreamConfig {
    /// The configuration that the lines of an `[[upstream]]` make.
    pub(crate) fn of(lines: &str) -> Self {
        let section = toml::from_str(&format!("name = \"shop\"\n{lines}")).expect("a section");
        check_upstream(&section).expect("an upstream")
    }
}

fn check_identity(section: &UpstreamSection) -> Result<Option<ClientIdentity>, Invalid> {
    match (&section.client_cert, &section.client_key) {
        (Some(cert), Some(key)) => {
            Ok(Some(ClientIdentity { cert: cert.get_ref().clone(), key: key.clone() }))
        }
        (None, None) => Ok(None),
        (Some(cert), None) => Err(Invalid::at(cert, "client_cert needs its client_key")),
        (None, Some(_)) => Err(Invalid::at(&section.name, "client_key needs its client_cert")),
    }
}

fn check_secret_header(section: &SecretHeaderSection) -> Result<SecretHeader, Invalid> {
    let text = section.name.get_ref();
    let name = HeaderName::try_from(text.as_str())
        .ok()
        .filter(|name| name.as_str().starts_with("x-") && !crate::forward::is_claim(name.as_str()));
    let name = name.ok_or_else(|| {
        Invalid::at(
            &section.name,
            format!("{text} cannot be the secret header: take a name of its own, such as X-Gabion-Key"),
        )
    })?;
    Ok(SecretHeader { name, value_file: section.value_file.clone() })
}

fn check_tls_name(text: &Spanned<String>) -> Result<String, Invalid> {
    match crate::tls::upstream::server_name(text.get_ref(), None) {
        Ok(_) => Ok(text.get_ref().clone()),
        Err(error) => Err(Invalid::at(text, error.to_string())),
    }
}
