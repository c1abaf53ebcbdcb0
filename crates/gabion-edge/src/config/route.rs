//! `[[route]]`: which upstream answers a path.

use std::collections::BTreeSet;

use gabion_core::SiteId;
use serde::Deserialize;
use toml::Spanned;

use super::gate::check_gate;
use super::upload::OfRoute;
use super::upstream::check_hash_by;
use super::{
    EdgeConfig, Gate, HashBy, Invalid, OverLimit, PagesMode, Requires, RouteUpload, RouteWaf, UploadMode,
    UploadSection, WafMode, WhenDown, rate_limit,
};

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
    /// Names of `[[rate_limit]]` sections that count requests of this route, besides those that hold everywhere.
    #[serde(default)]
    pub rate_limits: Vec<Spanned<String>>,
    /// What becomes of request bodies with a `Content-Encoding`.
    #[serde(default)]
    pub encoded_bodies: EncodedBodies,
    /// What happens to what the rules would stop; `waf.mode` when absent.
    pub waf: Option<WafMode>,
    /// What happens to a request that could not be inspected as a whole; `waf.over_limit` when absent.
    pub waf_over_limit: Option<OverLimit>,
    /// Whether pages are looked at and held to what people decided; `pages.mode` when absent.
    pub pages: Option<PagesMode>,
    /// What happens to uploaded files that are refused; `upload.mode` when absent.
    pub upload: Option<UploadMode>,
    /// Files that may pass; `upload.allow` when absent.
    pub upload_allow: Option<Spanned<Vec<Spanned<String>>>>,
    /// Bytes of one file; `upload.file_bytes_max` when absent.
    pub upload_file_bytes_max: Option<u64>,
    /// What happens to a request whose files could not be looked at as a whole; `upload.over_limit` when absent.
    pub upload_over_limit: Option<OverLimit>,
    /// What happens to files while ClamAV does not answer; `upload.when_down` when absent.
    pub upload_when_down: Option<WhenDown>,
    /// Folders in which nothing is ever run; `upload.folders` when absent.
    pub upload_folders: Option<Spanned<Vec<String>>>,
    /// Who may come in; everybody when absent.
    pub requires: Option<Spanned<Requires>>,
    /// Minutes that their sign-in may be old; any age when absent or 0.
    pub requires_within_minutes: Option<Spanned<u32>>,
    /// Whether the shop is told who is signed in; it is not when absent.
    pub forward_identity: Option<Spanned<bool>>,
    /// A share of the customers that another upstream answers.
    pub canary: Option<CanarySection>,
    /// A share of the requests that another upstream gets a copy of.
    pub mirror: Option<MirrorSection>,
}

/// `[route.canary]`: customers who try something new.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanarySection {
    /// Name of the `[[upstream]]` that answers them.
    pub upstream: Spanned<String>,
    /// Percent of the customers.
    pub percent: Spanned<u8>,
    /// What makes a customer: `address`, `cookie:NAME` or `header:NAME`; the address where that is missing.
    pub by: Option<Spanned<String>>,
}

/// `[route.mirror]`: copies of GET and HEAD requests, whose answers nobody sees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorSection {
    /// Name of the `[[upstream]]` that gets them.
    pub upstream: Spanned<String>,
    /// Percent of the requests.
    pub percent: Spanned<u8>,
}

/// What becomes of request bodies with a `Content-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncodedBodies {
    /// 415: what is inside cannot be seen, and it may unpack to a multiple of its size.
    #[default]
    Refuse,
    /// The shop gets them as they came.
    Pass,
}

const fn body_bytes_max() -> u64 {
    100 << 20
}

/// A checked route.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// Normalized path prefix, starting with `/`.
    pub path: String,
    /// Lower-case host it is for.
    pub host: Option<String>,
    /// Name of an existing upstream.
    pub upstream: String,
    /// Bytes of one request body.
    pub body_bytes_max: u64,
    /// Names of the rate limits that hold here, those that hold everywhere included.
    pub rate_limits: Vec<String>,
    /// What becomes of encoded request bodies.
    pub encoded_bodies: EncodedBodies,
    /// What the WAF does here.
    pub waf: RouteWaf,
    /// Whether pages are looked at here.
    pub pages: PagesMode,
    /// What becomes of uploaded files here.
    pub upload: RouteUpload,
    /// Who may come in.
    pub gate: Gate,
    /// Whether the shop is told who is signed in.
    pub forward_identity: bool,
    /// Who is answered by another upstream.
    pub canary: Option<CanaryConfig>,
    /// Which requests are copied.
    pub mirror: Option<MirrorConfig>,
}

/// A checked canary.
#[derive(Clone, Debug)]
pub struct CanaryConfig {
    /// Name of an existing upstream.
    pub upstream: String,
    /// Percent of the customers, at most 100.
    pub percent: u8,
    /// What makes a customer.
    pub by: HashBy,
}

/// A checked mirror.
#[derive(Clone, Debug)]
pub struct MirrorConfig {
    /// Name of an existing upstream.
    pub upstream: String,
    /// Percent of the requests, at most 100.
    pub percent: u8,
}

pub(super) fn check_route(
    section: &RouteSection,
    (everywhere, pages): (RouteWaf, PagesMode),
    upload: &UploadSection,
    accounts: &BTreeSet<SiteId>,
    config: &EdgeConfig,
) -> Result<RouteConfig, Invalid> {
    let path = section.path.get_ref();
    if !path.starts_with('/') || crate::path::normalize(path) != path.as_str() {
        return Err(Invalid::at(
            &section.path,
            "a route's path starts with / and has no dots, escapes or //",
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
    let (gate, forward_identity) = check_gate(section, &config.sites, accounts)?;
    Ok(RouteConfig {
        path: path.clone(),
        host: host.transpose()?,
        upstream: check_name(&section.upstream, config)?,
        body_bytes_max: section.body_bytes_max,
        rate_limits: rate_limit::of_route(&section.rate_limits, &config.rate_limits)?,
        encoded_bodies: section.encoded_bodies,
        waf: RouteWaf {
            mode: section.waf.unwrap_or(everywhere.mode),
            over_limit: section.waf_over_limit.unwrap_or(everywhere.over_limit),
        },
        pages: section.pages.unwrap_or(pages),
        upload: upload.on(OfRoute {
            mode: section.upload,
            allow: section.upload_allow.as_ref(),
            file_bytes_max: section.upload_file_bytes_max,
            over_limit: section.upload_over_limit,
            when_down: section.upload_when_down,
            folders: section.upload_folders.as_ref(),
        })?,
        gate,
        forward_identity,
        canary: section.canary.as_ref().map(|canary| check_canary(canary, config)).transpose()?,
        mirror: section.mirror.as_ref().map(|mirror| check_mirror(mirror, config)).transpose()?,
    })
}

fn check_canary(section: &CanarySection, config: &EdgeConfig) -> Result<CanaryConfig, Invalid> {
    Ok(CanaryConfig {
        upstream: check_name(&section.upstream, config)?,
        percent: check_percent(&section.percent)?,
        by: check_hash_by(section.by.as_ref())?,
    })
}

fn check_mirror(section: &MirrorSection, config: &EdgeConfig) -> Result<MirrorConfig, Invalid> {
    let upstream = check_name(&section.upstream, config)?;
    Ok(MirrorConfig { upstream, percent: check_percent(&section.percent)? })
}

fn check_percent(percent: &Spanned<u8>) -> Result<u8, Invalid> {
    let value = *percent.get_ref();
    if value <= 100 { Ok(value) } else { Err(Invalid::at(percent, "a percentage is 0 to 100")) }
}

/// The name of an upstream that there is.
fn check_name(upstream: &Spanned<String>, config: &EdgeConfig) -> Result<String, Invalid> {
    let name = upstream.get_ref();
    if config.upstreams.iter().any(|candidate| candidate.name == *name) {
        return Ok(name.clone());
    }
    let names: Vec<_> = config.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
    Err(Invalid::at(upstream, format!("no upstream is named {name}; there is {}", names.join(", "))))
}
