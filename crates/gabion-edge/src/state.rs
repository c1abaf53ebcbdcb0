//! Everything a request needs to know of the configuration, swapped as a whole on reload.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderMap, Request};

use crate::Body;
use crate::access_log::AccessLog;
use crate::admission::Admission;
use crate::client_addr::Client;
use crate::config::{
    BoughtPages, EdgeConfig, EncodedBodies, Gate, HashBy, Limits, Machine, PagesMode, Protocol, RouteConfig,
    RouteUpload, RouteWaf, Site,
};
use crate::error::ReloadError;
use crate::forward::Origination;
use crate::gate::{self, Unclear};
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::module::Module;
use crate::network::Network;
use crate::path::below;
use crate::rate_limit::Limit;
use crate::telemetry::Telemetry;
use crate::upload::Scan;
use crate::upstream::{self, Support, Upstream, mix};
use crate::waf::{AuditLog, ProvenRules};

/// A route with its upstream at hand.
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) host: Option<String>,
    pub(crate) body_bytes_max: u64,
    pub(crate) limits: Vec<Arc<Limit>>,
    pub(crate) encoded_bodies: EncodedBodies,
    pub(crate) waf: RouteWaf,
    pub(crate) pages: PagesMode,
    pub(crate) upload: RouteUpload,
    pub(crate) gate: Gate,
    pub(crate) forward_identity: bool,
    /// The path as it is compared where it decides over a gate.
    folded: String,
    upstream: Arc<Upstream>,
    canary: Option<Canary>,
    mirror: Option<Mirror>,
}

/// Customers whom another upstream answers.
struct Canary {
    upstream: Arc<Upstream>,
    percent: u64,
    by: HashBy,
}

impl Route {
    /// The upstream that answers a customer: always the same one, as long as the canary is well.
    pub(crate) fn upstream(&self, client: &Client, headers: &HeaderMap) -> &Arc<Upstream> {
        let chosen = |canary: &&Canary| {
            let key = upstream::key(&canary.by, client, headers);
            let key = key.or_else(|| upstream::key(&HashBy::Address, client, headers));
            key.is_some_and(|key| mix(key) % 100 < canary.percent) && canary.upstream.is_well()
        };
        self.canary.as_ref().filter(chosen).map_or(&self.upstream, |canary| &canary.upstream)
    }

    /// Whether the upstream could be one of gRPC, which is spoken over HTTP/2 only.
    pub(crate) fn takes_grpc(&self) -> bool {
        self.upstream.config.protocol != Protocol::Http1
    }

    /// Sends a copy of a request to the mirror, where there is one.
    pub(crate) fn mirror(&self, request: &Request<Body>, from: &Origination, metrics: &Metrics) {
        if let Some(mirror) = &self.mirror {
            mirror.copy(request, from, metrics);
        }
    }
}

/// The configuration in the shape requests use it. Never changed in place: see `Edge::reload`.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) https: Vec<SocketAddr>,
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) proxy_protocol: Vec<Network>,
    pub(crate) limits: Limits,
    pub(crate) sites: Vec<Arc<Site>>,
    /// A CDN that was noticed and is not among the believed proxies.
    pub(crate) cdn: std::sync::OnceLock<&'static str>,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) bypass: BTreeSet<Module>,
    pub(crate) rate_limits: Vec<Arc<Limit>>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) audit_log: Option<Arc<AuditLog>>,
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    /// There wherever a route wants them.
    pub(crate) rules: Option<Arc<ProvenRules>>,
    /// There wherever a route wants it.
    pub(crate) scan: Option<Arc<Scan>>,
    pub(crate) bought: Arc<BoughtPages>,
    pub(crate) machines: Arc<[Machine]>,
    pub(crate) pages_sample_percent: u8,
    pub(crate) pages_mask_secrets: bool,
    hosts: HashMap<String, Arc<Site>>,
    routes: Vec<Arc<Route>>,
    unrouted: Arc<Route>,
    gates: Gates,
}

/// Whether there are gates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gates {
    None,
    /// All in front of paths that are written as they are compared.
    Plain,
    Odd,
}

impl State {
    /// Builds the state of a checked configuration. Endpoints that were there before keep their connections,
    /// health and counters.
    pub(crate) fn build(
        config: EdgeConfig,
        before: Option<&Self>,
        admission: Arc<Admission>,
        support: &Support,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ReloadError> {
        if config.wants_rules() && config.rules.is_none() {
            return Err(ReloadError::NoRules);
        }
        if config.inspector.is_none() && config.wants_inspector() {
            return Err(ReloadError::NoRules);
        }
        let unrouted = config.unrouted();
        let access_log =
            AccessLog::kept(config.access_log, before.and_then(|state| state.access_log.as_ref()), metrics)?;
        let audit_log =
            AuditLog::kept(config.audit_log, before.and_then(|state| state.audit_log.as_ref()), metrics)?;
        let telemetry =
            config.telemetry.as_ref().map(|config| Telemetry::new(config, metrics)).transpose()?;
        let scan_before = before.and_then(|state| state.scan.as_deref());
        let scan = config.inspector.map(|inspector| Scan::new(inspector, config.upload, scan_before));
        let known = |name: &str| before?.upstreams.iter().find(|upstream| upstream.config.name == name);
        let upstreams = config
            .upstreams
            .into_iter()
            .map(|upstream| {
                let before = known(&upstream.name).map(Arc::as_ref);
                Upstream::new(upstream, before, support).map(Arc::new)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let limit_before = |name: &str| before?.rate_limits.iter().find(|limit| limit.config.name == name);
        let rate_limits: Vec<_> = config
            .rate_limits
            .into_iter()
            .map(|limit| {
                let before = limit_before(&limit.name).map(Arc::as_ref);
                Arc::new(Limit::new(limit, before))
            })
            .collect();
        let sites: Vec<_> = config.sites.into_iter().map(Arc::new).collect();
        let hosts = sites
            .iter()
            .flat_map(|site| site.origins.iter().map(|origin| (origin.host.clone(), Arc::clone(site))))
            .collect();
        let build = |route: RouteConfig| {
            let upstream = |name: &str| {
                let found = upstreams.iter().find(|upstream| upstream.config.name == name);
                Arc::clone(found.expect("routes name existing upstreams once checked"))
            };
            let limits = rate_limits.iter().filter(|limit| route.rate_limits.contains(&limit.config.name));
            let limits = limits.map(Arc::clone).collect();
            Arc::new(Route {
                folded: gate::fold(&route.path),
                path: route.path,
                host: route.host,
                body_bytes_max: route.body_bytes_max,
                limits,
                encoded_bodies: route.encoded_bodies,
                waf: route.waf,
                pages: route.pages,
                upload: route.upload,
                gate: route.gate,
                forward_identity: route.forward_identity,
                upstream: upstream(&route.upstream),
                canary: route.canary.map(|canary| Canary {
                    upstream: upstream(&canary.upstream),
                    percent: u64::from(canary.percent),
                    by: canary.by,
                }),
                mirror: route.mirror.map(|mirror| Mirror::new(upstream(&mirror.upstream), mirror.percent)),
            })
        };
        let mut routes: Vec<_> = config.routes.into_iter().map(build).collect();
        let unrouted = build(unrouted);
        // The longest prefix first; among equals the one for a host before the one for all.
        routes.sort_by_key(|route| {
            std::cmp::Reverse((route.path.trim_end_matches('/').len(), route.host.is_some()))
        });
        let gated = || routes.iter().filter(|route| !route.gate.is_open());
        let gates = match gated().next() {
            None => Gates::None,
            Some(_) if gated().all(|route| route.path == route.folded) => Gates::Plain,
            Some(_) => Gates::Odd,
        };
        Ok(Self {
            https: config.https,
            http: config.http,
            trusted_proxies: config.trusted_proxies,
            proxy_protocol: config.proxy_protocol,
            limits: config.limits,
            sites,
            cdn: std::sync::OnceLock::new(),
            upstreams,
            rate_limits,
            admission,
            bypass: before.map(|state| state.bypass.clone()).unwrap_or_default(),
            access_log,
            audit_log,
            telemetry: telemetry.map(Arc::new),
            rules: config.rules,
            scan: scan.map(Arc::new),
            bought: Arc::new(config.bought),
            machines: config.machines.into(),
            pages_sample_percent: config.pages_sample_percent,
            pages_mask_secrets: config.pages_mask_secrets,
            hosts,
            routes,
            unrouted,
            gates,
        })
    }

    /// Whether what this peer says about others is believed.
    pub(crate) fn believes(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer.to_canonical()))
    }

    /// The site with this lower-case host.
    pub(crate) fn site(&self, host: &str) -> Option<Arc<Site>> {
        self.hosts.get(host).map(Arc::clone)
    }

    /// The route of Gabion's own pages where the shop has none for their path.
    pub(crate) fn unrouted(&self) -> Arc<Route> {
        Arc::clone(&self.unrouted)
    }

    /// Whether the gate in front of a path, as the client wrote it, is certainly that of the route which it matched.
    pub(crate) fn is_clear(&self, path: &str) -> bool {
        self.gates == Gates::None || (self.gates == Gates::Plain && gate::is_plain(path))
    }

    /// Whether some route asks who somebody is.
    pub(crate) fn asks_who(&self) -> bool {
        self.gates != Gates::None || self.routes.iter().any(|route| route.forward_identity)
    }

    /// The gate in front of a path, as the client wrote it, on a lower-case host: that of the route which it matched, and
    /// those of all routes which it would match if it was read as some shop may read it.
    pub(crate) fn gate(&self, host: &str, path: &str, matched: &Route) -> Result<Gate, Unclear> {
        let readings = gate::readings(path)?;
        let others = readings.iter().flat_map(|reading| self.gates_at(host, reading));
        others.chain([matched.gate]).try_fold(Gate::default(), Gate::and).ok_or(Unclear)
    }

    /// The gates of the longest routes that cover a folded path: several where their paths differ only in what is folded.
    fn gates_at(&self, host: &str, reading: &str) -> impl Iterator<Item = Gate> {
        let covers = move |route: &&Arc<Route>| {
            below(reading, &route.folded) && route.host.as_deref().is_none_or(|only| only == host)
        };
        let rank = |route: &Arc<Route>| (route.folded.trim_end_matches('/').len(), route.host.is_some());
        let longest = self.routes.iter().filter(covers).map(rank).max();
        let longest = self.routes.iter().filter(covers).filter(move |route| Some(rank(route)) == longest);
        longest.map(|route| route.gate)
    }

    /// All routes.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(Arc::as_ref)
    }

    /// The route for a lower-case host and a normalized path.
    pub(crate) fn route(&self, host: &str, path: &str) -> Option<Arc<Route>> {
        let matches = |route: &&Arc<Route>| {
            below(path, &route.path) && route.host.as_deref().is_none_or(|only| only == host)
        };
        self.routes.iter().find(matches).map(Arc::clone)
    }
}
