//! `[[rate_limit]]`: how many requests of one kind may come in a time.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Invalid, RouteSection, listen};
use crate::network::Network;
use crate::rate_limit::gcra::Quota;

/// `[[rate_limit]]` sections. More would be looked at by every request that no route narrows down.
pub const RATE_LIMITS_MAX: usize = 32;
/// Name of the built-in limit.
pub const VISITOR: &str = "visitor";

/// `[[rate_limit]]`: how many requests of one kind may come in a time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSection {
    /// Name for routes, metrics and events: 1 to 40 lower-case letters, digits, hyphens, underscores.
    pub name: Spanned<String>,
    /// What requests have to share to be counted together; at least one.
    pub by: Spanned<Vec<Key>>,
    /// Requests allowed in `per_seconds`.
    pub requests: Spanned<u32>,
    /// Seconds in which `requests` are allowed; at most a day.
    #[serde(default = "one")]
    pub per_seconds: Spanned<u32>,
    /// Requests that may come at once; `requests` when absent.
    pub burst: Option<Spanned<u32>>,
    /// Methods that are counted; all when empty.
    #[serde(default)]
    pub methods: Vec<Spanned<String>>,
    /// What happens above the limit.
    #[serde(default)]
    pub action: Action,
    /// Whether ordinary responses tell what is left. Refusals always do.
    #[serde(default)]
    pub headers: bool,
    /// Whether the limit holds on every route.
    #[serde(default)]
    pub everywhere: bool,
    /// Whether everybody on the same PostgreSQL database counts together.
    #[serde(default)]
    pub exact: bool,
    /// Addresses and networks that are not counted.
    #[serde(default)]
    pub exempt: Vec<Spanned<String>>,
}

fn one() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

/// What requests have to share to be counted together. Session and account join when the edge knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// The client's address: one IPv4 address, or an IPv6 /64, which is one household or office.
    Address,
    /// The client's network: an IPv4 /24 or an IPv6 /48.
    Network,
    /// The JA4 fingerprint of the TLS client. A connection without one is not counted.
    Ja4,
    /// The site.
    Site,
    /// The `[[route]]` that matched.
    Route,
}

impl Key {
    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Network => "network",
            Self::Ja4 => "ja4",
            Self::Site => "site",
            Self::Route => "route",
        }
    }
}

/// What happens above a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// 429.
    #[default]
    Refuse,
    /// Nothing but a count and an event: to try a limit out.
    Observe,
}

/// A checked limit.
#[derive(Clone, Debug)]
pub struct RateLimitConfig {
    /// Its name.
    pub name: String,
    /// What requests have to share; at least one.
    pub by: Vec<Key>,
    /// Requests allowed in `per`.
    pub requests: u32,
    /// Whole seconds, at least one.
    pub per: Duration,
    /// Requests that may come at once.
    pub burst: u32,
    /// Methods that are counted; all when empty.
    pub methods: Vec<http::Method>,
    /// What happens above it.
    pub action: Action,
    /// Whether ordinary responses tell what is left.
    pub headers: bool,
    /// Whether it holds on every route.
    pub everywhere: bool,
    /// Whether it is counted where everybody counts.
    pub exact: bool,
    /// Who is not counted.
    pub exempt: Vec<Network>,
}

impl RateLimitConfig {
    /// The numbers the algorithm works with.
    pub(crate) fn quota(&self) -> Quota {
        Quota::new(self.requests, self.per, self.burst)
    }

    /// The built-in limit: it keeps one client from taking the whole shop, and no customer ever meets it.
    ///
    /// The default of 100 a second with 3,000 at once is an office of a hundred people behind one address, thirty of
    /// whom open their first page of 100 files in the same moment, and all of whom then look at a new page of 20
    /// files every 20 seconds. Loopback is not counted: such a peer is a program of this machine, often a proxy with
    /// all customers behind it.
    pub(super) fn visitor(requests: u32, burst: u32) -> Self {
        let loopback = ["127.0.0.0/8", "::1"].map(|text| text.parse().expect("loopback is a network"));
        Self {
            name: VISITOR.to_owned(),
            by: vec![Key::Address],
            requests,
            per: Duration::from_secs(1),
            burst: burst.max(requests),
            methods: Vec::new(),
            action: Action::Refuse,
            headers: false,
            everywhere: true,
            exact: false,
            exempt: loopback.to_vec(),
        }
    }
}

pub(super) fn check_rate_limits(sections: &[RateLimitSection]) -> Result<Vec<RateLimitConfig>, Invalid> {
    if let Some(one_more) = sections.get(RATE_LIMITS_MAX) {
        return Err(Invalid::at(
            &one_more.name,
            format!("more than {RATE_LIMITS_MAX} [[rate_limit]] sections"),
        ));
    }
    let mut names = HashSet::new();
    sections
        .iter()
        .map(|section| {
            let limit = check_rate_limit(section)?;
            if limit.name == VISITOR {
                let message = "visitor is the built-in limit; limits.visitor_requests_per_second sets it";
                return Err(Invalid::at(&section.name, message));
            }
            if names.insert(limit.name.clone()) {
                return Ok(limit);
            }
            Err(Invalid::at(&section.name, format!("two rate limits are named {}", limit.name)))
        })
        .collect()
}

fn check_rate_limit(section: &RateLimitSection) -> Result<RateLimitConfig, Invalid> {
    let name = section.name.get_ref();
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > 40 || !name.bytes().all(letter) {
        let message = "a rate limit's name has 1 to 40 lower-case letters, digits, hyphens, underscores";
        return Err(Invalid::at(&section.name, message));
    }
    let by = section.by.get_ref();
    if by.is_empty() || by.iter().enumerate().any(|(i, key)| by[..i].contains(key)) {
        return Err(Invalid::at(&section.by, "by lists at least one key, each once"));
    }
    if section.requests.get_ref() == &0 {
        return Err(Invalid::at(&section.requests, "requests is at least 1"));
    }
    if !(1..=86_400).contains(section.per_seconds.get_ref()) {
        return Err(Invalid::at(&section.per_seconds, "per_seconds is 1 to 86400"));
    }
    if let Some(burst) = section.burst.as_ref().filter(|burst| burst.get_ref() == &0) {
        return Err(Invalid::at(burst, "burst is at least 1"));
    }
    let method = |text: &Spanned<String>| {
        text.get_ref().parse().map_err(|_| Invalid::at(text, format!("{} is no method", text.get_ref())))
    };
    Ok(RateLimitConfig {
        name: name.clone(),
        by: by.clone(),
        requests: *section.requests.get_ref(),
        per: Duration::from_secs((*section.per_seconds.get_ref()).into()),
        burst: *section.burst.as_ref().unwrap_or(&section.requests).get_ref(),
        methods: section.methods.iter().map(method).collect::<Result<_, _>>()?,
        action: section.action,
        headers: section.headers,
        everywhere: section.everywhere,
        exact: section.exact,
        exempt: listen::check_networks(&section.exempt)?,
    })
}

/// The limits of a route: those that hold everywhere and those it names.
pub(super) fn of_route(
    named: &[Spanned<String>],
    limits: &[RateLimitConfig],
) -> Result<Vec<String>, Invalid> {
    for name in named {
        if !limits.iter().any(|limit| limit.name == *name.get_ref()) {
            let known: Vec<_> = limits.iter().map(|limit| limit.name.as_str()).collect();
            let message = format!("no rate limit is named {}; there is {}", name.get_ref(), known.join(", "));
            return Err(Invalid::at(name, message));
        }
    }
    let here =
        |limit: &&RateLimitConfig| limit.everywhere || named.iter().any(|name| *name.get_ref() == limit.name);
    Ok(limits.iter().filter(here).map(|limit| limit.name.clone()).collect())
}

/// A limit that no route uses is a mistake: it looks like protection and is none.
pub(super) fn check_used(limits: &[RateLimitSection], routes: &[RouteSection]) -> Result<(), Invalid> {
    let used =
        |name: &String| routes.iter().any(|route| route.rate_limits.iter().any(|own| own.get_ref() == name));
    match limits.iter().find(|limit| !limit.everywhere && !used(limit.name.get_ref())) {
        None => Ok(()),
        Some(limit) => {
            let name = limit.name.get_ref();
            let message =
                format!("no route uses {name}: name it in a route's rate_limits, or set everywhere = true");
            Err(Invalid::at(&limit.name, message))
        }
    }
}
