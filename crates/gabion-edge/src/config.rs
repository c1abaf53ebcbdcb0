//! What the operator's file says about the front door, and what it means once checked.
//!
//! `*Section` types mirror the file; [`EdgeConfig::check`] turns them into values that cannot be wrong any more.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use gabion_core::SiteId;
use gabion_page::text::Language;
use serde::Deserialize;
use toml::Spanned;

use crate::header_policy::{HeaderPolicy, HeaderSection};
use crate::network::Network;
use crate::origin::{EndpointUrl, Origin};

/// Something in the file that cannot work: where, what, and what would.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Byte range in the file.
    pub span: Option<Range<usize>>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Invalid {
    fn at<T>(spanned: &Spanned<T>, message: impl Into<String>) -> Self {
        Self { span: Some(spanned.span()), message: message.into() }
    }
}

/// `[[site]]`: a shop front.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSection {
    /// Stable id; made from the name when absent. Set it before renaming a site.
    pub id: Option<SiteId>,
    /// The name customers know, shown on error pages.
    pub name: Spanned<String>,
    /// `https://host[:port]` addresses customers use. The first is the main one.
    pub origins: Vec<Spanned<String>>,
    /// Language of error pages: a BCP 47 tag such as `en` or `de`.
    #[serde(default = "english")]
    pub language: Spanned<String>,
    /// Security headers added to the shop's responses.
    #[serde(default)]
    pub headers: HeaderSection,
}

fn english() -> Spanned<String> {
    Spanned::new(0..0, "en".to_owned())
}

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
    /// Open connections over all public listeners; at the limit new ones wait unaccepted.
    pub connections_max: usize,
    /// Seconds a client may take to send a request head; then the connection is closed.
    pub head_timeout_seconds: u64,
    /// Seconds a client may stay silent inside a request body; then 408.
    pub body_idle_seconds: u64,
    /// Seconds running requests get to finish when Gabion stops.
    pub drain_seconds: u64,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self {
            https: vec![SocketAddr::from(([0; 8], 443))],
            http: vec![SocketAddr::from(([0; 8], 80))],
            control: SocketAddr::from(([127, 0, 0, 1], 9443)),
            trusted_proxies: Vec::new(),
            connections_max: 10_000,
            head_timeout_seconds: 10,
            body_idle_seconds: 30,
            drain_seconds: 30,
        }
    }
}

/// `[[upstream]]`: the shop, as one or more equal endpoints.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// The name routes use.
    pub name: Spanned<String>,
    /// `http://host:port` or `https://host[:port]`.
    pub endpoints: Vec<Spanned<String>>,
    /// How requests are spread.
    #[serde(default)]
    pub balance: Balance,
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
    /// Active health checks.
    #[serde(default)]
    pub health: HealthSection,
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

/// How requests are spread over endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// The less loaded of two endpoints drawn at random.
    #[default]
    LeastLoad,
    /// One after the other.
    RoundRobin,
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

/// `[[route]]`: which upstream answers a path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSection {
    /// Path prefix, on segment boundaries; the longest match wins.
    pub path: Spanned<String>,
    /// Host the route is for; every site when absent.
    pub host: Option<Spanned<String>>,
    /// Name of an `[[upstream]]`.
    pub upstream: Spanned<String>,
    /// Bytes of one request body; above it 413.
    #[serde(default = "body_bytes_max")]
    pub body_bytes_max: u64,
}

const fn body_bytes_max() -> u64 {
    100 << 20
}

/// A checked site.
#[derive(Debug)]
pub struct Site {
    /// Stable id.
    pub id: SiteId,
    /// The name customers know.
    pub name: String,
    /// Where customers reach it; the first is the main one.
    pub origins: Vec<Origin>,
    /// Language of error pages.
    pub language: Language,
    /// Security headers.
    pub headers: HeaderPolicy,
}

/// A checked upstream.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// The name routes use.
    pub name: String,
    /// Where it is; `drained` ones get no new requests.
    pub endpoints: Vec<EndpointConfig>,
    /// How requests are spread.
    pub balance: Balance,
    /// Whether customers see the maintenance page.
    pub maintenance: bool,
    /// The `Host` the shop sees; the customer's own when absent.
    pub host: Option<http::HeaderValue>,
    /// PEM file of the only authorities believed.
    pub ca: Option<PathBuf>,
    /// The name certificates must bear; the endpoint's own host when absent.
    pub tls_name: Option<String>,
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
    /// Health checks.
    pub health: HealthSection,
}

/// One address of an upstream.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// Where it is.
    pub url: EndpointUrl,
    /// Whether it is being emptied.
    pub drained: bool,
}

/// A checked route.
#[derive(Debug)]
pub struct RouteConfig {
    /// Normalized path prefix, starting with `/`.
    pub path: String,
    /// Lower-case host it is for.
    pub host: Option<String>,
    /// Name of an existing upstream.
    pub upstream: String,
    /// Bytes of one request body.
    pub body_bytes_max: u64,
}

/// The whole of the edge's configuration, checked.
#[derive(Debug)]
pub struct EdgeConfig {
    /// Public HTTPS addresses.
    pub https: Vec<SocketAddr>,
    /// Public HTTP addresses.
    pub http: Vec<SocketAddr>,
    /// Believed proxies.
    pub trusted_proxies: Vec<Network>,
    /// Open connections.
    pub connections_max: usize,
    /// Time for a request head.
    pub head_timeout: Duration,
    /// Silence inside a request body.
    pub body_idle: Duration,
    /// Time running requests get when stopping.
    pub drain: Duration,
    /// At least one.
    pub sites: Vec<Site>,
    /// At least one.
    pub upstreams: Vec<UpstreamConfig>,
    /// At least one.
    pub routes: Vec<RouteConfig>,
}

impl EdgeConfig {
    /// Checks the file's sections against each other.
    ///
    /// # Errors
    /// The first thing that cannot work, with its place in the file.
    pub fn check(
        listen: &ListenSection,
        sites: &[SiteSection],
        upstreams: &[UpstreamSection],
        routes: &[RouteSection],
    ) -> Result<Self, Invalid> {
        let need = |empty: bool, what: &str| {
            if empty { Err(Invalid { span: None, message: what.to_owned() }) } else { Ok(()) }
        };
        need(sites.is_empty(), "no [[site]]: add one with a name and its origins")?;
        need(upstreams.is_empty(), "no [[upstream]]: add one with a name and the shop's endpoints")?;
        need(routes.is_empty(), "no [[route]]: add one with path = \"/\" and the upstream's name")?;
        let checked = Self {
            https: listen.https.clone(),
            http: listen.http.clone(),
            trusted_proxies: listen.trusted_proxies.iter().map(check_network).collect::<Result<_, _>>()?,
            connections_max: listen.connections_max.max(1),
            head_timeout: Duration::from_secs(listen.head_timeout_seconds.max(1)),
            body_idle: Duration::from_secs(listen.body_idle_seconds.max(1)),
            drain: Duration::from_secs(listen.drain_seconds),
            sites: check_sites(sites)?,
            upstreams: check_upstreams(upstreams)?,
            routes: Vec::new(),
        };
        let routes = routes.iter().map(|route| check_route(route, &checked)).collect::<Result<_, _>>()?;
        Ok(Self { routes, ..checked })
    }

    /// The hosts of all sites: what certificates must cover and what `Host` may say.
    pub fn hosts(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.sites
            .iter()
            .flat_map(|site| &site.origins)
            .filter(|origin| seen.insert(origin.host.clone()))
            .map(|origin| origin.host.clone())
            .collect()
    }
}

fn check_network(text: &Spanned<String>) -> Result<Network, Invalid> {
    text.get_ref().parse().map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))
}

fn check_sites(sections: &[SiteSection]) -> Result<Vec<Site>, Invalid> {
    let mut ids = HashSet::new();
    let mut origins = HashSet::new();
    let mut owners: HashMap<String, SiteId> = HashMap::new();
    let mut sites = Vec::new();
    for section in sections {
        let site = check_site(section)?;
        if !ids.insert(site.id.clone()) {
            return Err(Invalid::at(
                &section.name,
                format!("two sites have the id {}: set id on one", site.id),
            ));
        }
        for (origin, text) in site.origins.iter().zip(&section.origins) {
            if !origins.insert((origin.host.clone(), origin.port)) {
                return Err(Invalid::at(text, format!("{} is listed twice", text.get_ref())));
            }
            let owner = owners.entry(origin.host.clone()).or_insert_with(|| site.id.clone());
            if *owner != site.id {
                return Err(Invalid::at(
                    text,
                    format!(
                        "{} belongs to site {owner}: sites are told apart by host, not by port",
                        origin.host
                    ),
                ));
            }
        }
        sites.push(site);
    }
    Ok(sites)
}

fn check_site(section: &SiteSection) -> Result<Site, Invalid> {
    let name = section.name.get_ref().trim();
    if name.is_empty() || name.len() > 80 {
        return Err(Invalid::at(&section.name, "a site's name has 1 to 80 bytes"));
    }
    let id = match &section.id {
        Some(id) => id.clone(),
        None => SiteId::from_name(name).map_err(|_| {
            Invalid::at(&section.name, "set id = \"...\": the name has no letter to make one from")
        })?,
    };
    if section.origins.is_empty() {
        return Err(Invalid::at(
            &section.name,
            "origins is empty: list the https:// addresses customers use",
        ));
    }
    let origin = |text: &Spanned<String>| {
        text.get_ref().parse().map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))
    };
    let language = Language::parse(section.language.get_ref()).ok_or_else(|| {
        let known: Vec<_> = Language::ALL.iter().map(|language| language.tag()).collect();
        Invalid::at(&section.language, format!("no texts in this language; there are {}", known.join(", ")))
    })?;
    Ok(Site {
        id,
        name: name.to_owned(),
        origins: section.origins.iter().map(origin).collect::<Result<_, _>>()?,
        language,
        headers: HeaderPolicy::new(&section.headers),
    })
}

fn check_upstreams(sections: &[UpstreamSection]) -> Result<Vec<UpstreamConfig>, Invalid> {
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
    let mut endpoints: Vec<EndpointConfig> = Vec::new();
    for text in &section.endpoints {
        let url: EndpointUrl = text
            .get_ref()
            .parse()
            .map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))?;
        if endpoints.iter().any(|endpoint| endpoint.url == url) {
            return Err(Invalid::at(text, format!("{url} is listed twice")));
        }
        endpoints.push(EndpointConfig { url, drained: false });
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
        maintenance: section.maintenance,
        host,
        ca: section.ca.clone(),
        tls_name: section.tls_name.as_ref().map(check_tls_name).transpose()?,
        requests_max: (*section.requests_max.get_ref()).min(tokio::sync::Semaphore::MAX_PERMITS),
        queue_max: section.queue_max,
        queue_timeout: Duration::from_millis(section.queue_timeout_ms),
        connect_timeout: Duration::from_millis(section.connect_timeout_ms.max(1)),
        response_timeout: Duration::from_secs(section.response_timeout_seconds.max(1)),
        read_timeout: Duration::from_secs(section.read_timeout_seconds.max(1)),
        idle_timeout: Duration::from_secs(section.idle_seconds),
        health: section.health.clone(),
    })
}

fn check_tls_name(text: &Spanned<String>) -> Result<String, Invalid> {
    match crate::tls::upstream::server_name(text.get_ref(), None) {
        Ok(_) => Ok(text.get_ref().clone()),
        Err(error) => Err(Invalid::at(text, error.to_string())),
    }
}

fn check_route(section: &RouteSection, config: &EdgeConfig) -> Result<RouteConfig, Invalid> {
    let path = section.path.get_ref();
    if !path.starts_with('/') || crate::path::normalize(path) != path.as_str() {
        return Err(Invalid::at(
            &section.path,
            "a route's path starts with / and has no dots, escapes or //",
        ));
    }
    let upstream = section.upstream.get_ref();
    if !config.upstreams.iter().any(|candidate| candidate.name == *upstream) {
        let names: Vec<_> = config.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        return Err(Invalid::at(
            &section.upstream,
            format!("no upstream is named {upstream}; there is {}", names.join(", ")),
        ));
    }
    let host = section.host.as_ref().map(|text| {
        let host = text.get_ref().to_ascii_lowercase();
        if config.hosts().contains(&host) {
            Ok(host)
        } else {
            Err(Invalid::at(text, format!("{host} is not the host of any site's origin")))
        }
    });
    Ok(RouteConfig {
        path: path.clone(),
        host: host.transpose()?,
        upstream: upstream.clone(),
        body_bytes_max: section.body_bytes_max,
    })
}
