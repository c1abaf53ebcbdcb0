//! `[[route]]`: which upstream answers a path.

use serde::Deserialize;
use toml::Spanned;

use super::{EdgeConfig, Invalid, rate_limit};

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
}

const fn body_bytes_max() -> u64 {
    100 << 20
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
    /// Names of the rate limits that hold here, those that hold everywhere included.
    pub rate_limits: Vec<String>,
}

pub(super) fn check_route(section: &RouteSection, config: &EdgeConfig) -> Result<RouteConfig, Invalid> {
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
        rate_limits: rate_limit::of_route(&section.rate_limits, &config.rate_limits)?,
    })
}
