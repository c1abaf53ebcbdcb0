//! What the operator's file says about the front door, and what it means once checked.
//!
//! `*Section` types mirror the file; [`EdgeConfig::check`] turns them into values that cannot be wrong any more. Each
//! section has a module of its own.

mod access_log;
mod balance;
mod gate;
mod limits;
mod listen;
mod log;
mod pages;
mod rate_limit;
mod route;
mod site;
mod telemetry;
mod upload;
mod upstream;
mod waf;

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use gabion_core::SiteId;
use gabion_upload::Inspector;
use toml::Spanned;

pub use access_log::{AccessLogConfig, AccessLogSection, LogFormat};
pub use balance::{
    Balance, BreakerSection, ENDPOINTS_MAX, EjectOn, EjectSection, HashBy, InvalidHashBy, Protocol,
    RetrySection,
};
pub use gate::{Gate, Requires};
pub use limits::{Http2Section, Limits, LimitsSection};
pub use listen::ListenSection;
pub use log::LogTarget;
pub use pages::{PagesMode, PagesSection};
pub use rate_limit::{Action, Key, RATE_LIMITS_MAX, RateLimitConfig, RateLimitSection, VISITOR};
pub use route::{
    CanaryConfig, CanarySection, EncodedBodies, MirrorConfig, MirrorSection, RouteConfig, RouteSection,
};
pub use site::{Site, SiteSection};
pub use telemetry::{TelemetryConfig, TelemetrySection};
pub use upload::{
    ClamAvAddress, ClamAvConfig, QuarantineLimits, RouteUpload, UploadConfig, UploadFolders, UploadMode,
    UploadSection, WhenDown,
};
pub use upstream::{
    ClientIdentity, EndpointConfig, HealthSection, SecretHeader, SecretHeaderSection, UpstreamConfig,
    UpstreamSection,
};
pub use waf::{
    AuditLogSection, BoughtPages, Exclusion, ExclusionSection, Machine, MachineSection, OverLimit, Part,
    RouteWaf, RuleSource, SHOP, WafConfig, WafMode, WafSection,
};

pub(crate) use upload::folders;
pub(crate) use waf::product;

use crate::network::Network;
use crate::waf::ProvenRules;

/// Something in the file that cannot work: where, what, and what would.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Byte range in the file.
    pub span: Option<Range<usize>>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Invalid {
    /// Something wrong at a place of the file.
    pub fn at<T>(spanned: &Spanned<T>, message: impl Into<String>) -> Self {
        Self { span: Some(spanned.span()), message: message.into() }
    }
}

/// The edge's sections of the file.
#[derive(Clone, Copy, Debug)]
pub struct EdgeSections<'a> {
    /// `[listen]`.
    pub listen: &'a ListenSection,
    /// `[limits]`.
    pub limits: &'a LimitsSection,
    /// `[access_log]`.
    pub access_log: &'a AccessLogSection,
    /// `[telemetry]`.
    pub telemetry: &'a TelemetrySection,
    /// `[waf]`.
    pub waf: &'a WafSection,
    /// `[pages]`.
    pub pages: &'a PagesSection,
    /// `[upload]`.
    pub upload: &'a UploadSection,
    /// `[[site]]`.
    pub sites: &'a [SiteSection],
    /// `[[upstream]]`.
    pub upstreams: &'a [UpstreamSection],
    /// `[[route]]`.
    pub routes: &'a [RouteSection],
    /// `[[rate_limit]]`.
    pub rate_limits: &'a [RateLimitSection],
    /// The sites at which people can sign in, which other sections than the edge's say.
    pub accounts: &'a BTreeSet<SiteId>,
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
    /// Peers that say by PROXY protocol whom they speak for.
    pub proxy_protocol: Vec<Network>,
    /// What connections and requests have to keep to.
    pub limits: Limits,
    /// Where answered requests are written, if anywhere.
    pub access_log: Option<AccessLogConfig>,
    /// Where it is written what rules found, if anywhere.
    pub audit_log: Option<LogTarget>,
    /// Where spans and metrics are sent, if anywhere.
    pub telemetry: Option<TelemetryConfig>,
    /// What rules are loaded with.
    pub waf: WafConfig,
    /// The rules. The edge reads no files: who starts it loads them where [`EdgeConfig::wants_rules`].
    pub rules: Option<Arc<ProvenRules>>,
    /// What holds for uploaded files on all routes.
    pub upload: UploadConfig,
    /// Who looks at them, with the rules of [`UploadConfig::rules`]. Loaded as `rules` are, where
    /// [`EdgeConfig::wants_inspector`].
    pub inspector: Option<Arc<Inspector>>,
    /// The pages that thank for a purchase.
    pub bought: BoughtPages,
    /// Programs that are inspected and never stopped.
    pub machines: Vec<Machine>,
    /// Percent of visits in which pages of no watched class are looked at.
    pub pages_sample_percent: u8,
    /// Whether card numbers and keys in answers are masked.
    pub pages_mask_secrets: bool,
    /// Time running requests get when stopping.
    pub drain: Duration,
    /// Time they get when Gabion restarts in place.
    pub restart_drain: Duration,
    /// At least one.
    pub sites: Vec<Site>,
    /// At least one.
    pub upstreams: Vec<UpstreamConfig>,
    /// At least one.
    pub routes: Vec<RouteConfig>,
    /// The rate limits, the built-in one first.
    pub rate_limits: Vec<RateLimitConfig>,
}

impl EdgeConfig {
    /// Checks the file's sections against each other.
    ///
    /// # Errors
    /// The first thing that cannot work, with its place in the file.
    pub fn check(sections: EdgeSections<'_>) -> Result<Self, Invalid> {
        let EdgeSections {
            listen,
            limits,
            access_log,
            telemetry,
            waf,
            pages,
            upload,
            sites,
            upstreams,
            routes,
            rate_limits,
            accounts,
        } = sections;
        let need = |empty: bool, what: &str| {
            if empty { Err(Invalid { span: None, message: what.to_owned() }) } else { Ok(()) }
        };
        need(sites.is_empty(), "no [[site]]: add one with a name and its origins")?;
        need(upstreams.is_empty(), "no [[upstream]]: add one with a name and the shop's endpoints")?;
        need(routes.is_empty(), "no [[route]]: add one with path = \"/\" and the upstream's name")?;
        rate_limit::check_used(rate_limits, routes)?;
        let limits = limits.check();
        let rate_limits = limits.visitor.iter().cloned().chain(rate_limit::check_rate_limits(rate_limits)?);
        let checked = Self {
            rate_limits: rate_limits.collect(),
            https: listen.https.clone(),
            http: listen.http.clone(),
            trusted_proxies: listen::check_networks(&listen.trusted_proxies)?,
            proxy_protocol: listen::check_networks(&listen.proxy_protocol)?,
            limits,
            access_log: access_log.check(),
            audit_log: waf.audit_log.check(),
            telemetry: telemetry.check()?,
            waf: waf.check()?,
            rules: None,
            upload: upload.check()?,
            inspector: None,
            bought: waf.bought()?,
            machines: waf.machines()?,
            pages_sample_percent: pages.check()?,
            pages_mask_secrets: pages.mask_secrets,
            drain: Duration::from_secs(listen.drain_seconds),
            restart_drain: Duration::from_secs(listen.restart_drain_seconds),
            sites: site::check_sites(sites)?,
            upstreams: upstream::check_upstreams(upstreams)?,
            routes: Vec::new(),
        };
        let routes = routes
            .iter()
            .map(|route| {
                route::check_route(route, (waf.everywhere(), pages.mode), upload, accounts, &checked)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { routes, ..checked })
    }

    /// The route of Gabion's own pages where the shop has none for their path: limited as everything is. The shop never
    /// sees them, so that nothing else of it counts.
    pub(crate) fn unrouted(&self) -> RouteConfig {
        let everywhere = self.rate_limits.iter().filter(|limit| limit.everywhere);
        RouteConfig {
            path: crate::own::FOLDER.to_owned(),
            host: None,
            rate_limits: everywhere.map(|limit| limit.name.clone()).collect(),
            gate: Gate::default(),
            forward_identity: false,
            canary: None,
            mirror: None,
            ..self.routes.first().expect("there is a route once checked").clone()
        }
    }

    /// Whether anything is inspected.
    pub fn wants_rules(&self) -> bool {
        self.routes.iter().any(|route| route.waf.mode != WafMode::Off)
    }

    /// Whether uploaded files are looked at anywhere.
    pub fn wants_inspector(&self) -> bool {
        self.routes.iter().any(|route| route.upload.mode != UploadMode::Off)
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
