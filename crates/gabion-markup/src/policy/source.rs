//! One source of a policy: a keyword, a nonce, a hash, a scheme, a host.

use std::fmt;

use serde::Serialize;

use super::is_base64_value;
use crate::address::Address;

/// A source, as CSP level 3 section 2.3.1 writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// `'none'`
    None,
    /// `'self'`
    Own,
    /// `'unsafe-inline'`
    UnsafeInline,
    /// `'unsafe-eval'`
    UnsafeEval,
    /// `'wasm-unsafe-eval'`
    WasmUnsafeEval,
    /// `'unsafe-hashes'`
    UnsafeHashes,
    /// `'strict-dynamic'`
    StrictDynamic,
    /// `'report-sample'`
    ReportSample,
    /// `'report-sha256'` and its sisters: browsers report the hash of every script they run.
    ReportHash,
    /// `'nonce-…'`
    Nonce(String),
    /// `'sha256-…'`, `'sha384-…'`, `'sha512-…'`: without quotes.
    Hash(String),
    /// `https:`, without its colon.
    Scheme(String),
    /// A host, perhaps with more.
    Host(HostSource),
    /// Not understood: browsers ignore it.
    Unknown(String),
}

/// `https://*.example.com:443/path`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct HostSource {
    /// The scheme, if the source has one.
    pub scheme: Option<String>,
    /// Which hosts.
    pub host: Host,
    /// Which ports; `None` is the one of the scheme.
    pub port: Option<Port>,
    /// Which paths: all below when it ends in `/`, else exactly this one. Empty is all.
    pub path: String,
}

/// Which hosts a source means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// `*`
    Any,
    /// `*.example.com`: all below, without the star.
    Below(String),
    /// This one.
    Exactly(String),
}

/// Which ports a source means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// `*`
    Any,
    /// This one.
    Exactly(u16),
}

impl Source {
    /// Reads one source. What browsers would ignore becomes [`Source::Unknown`].
    pub fn parse(text: &str) -> Self {
        if let Some(quoted) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Self::quoted(quoted).unwrap_or_else(|| Self::Unknown(text.to_owned()));
        }
        if let Some(scheme) = text.strip_suffix(':').filter(|scheme| is_scheme(scheme)) {
            return Self::Scheme(scheme.to_ascii_lowercase());
        }
        HostSource::parse(text).map_or_else(|| Self::Unknown(text.to_owned()), Self::Host)
    }

    fn quoted(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        Some(match lower.as_str() {
            "none" => Self::None,
            "self" => Self::Own,
            "unsafe-inline" => Self::UnsafeInline,
            "unsafe-eval" => Self::UnsafeEval,
            "wasm-unsafe-eval" => Self::WasmUnsafeEval,
            "unsafe-hashes" => Self::UnsafeHashes,
            "strict-dynamic" => Self::StrictDynamic,
            "report-sample" => Self::ReportSample,
            "report-sha256" | "report-sha384" | "report-sha512" => Self::ReportHash,
            _ => {
                let (name, value) = text.split_once('-').filter(|(_, value)| is_base64_value(value))?;
                match name.to_ascii_lowercase().as_str() {
                    "nonce" => Self::Nonce(value.to_owned()),
                    // One alphabet, so that equal hashes compare as equal.
                    algorithm @ ("sha256" | "sha384" | "sha512") => {
                        Self::Hash(format!("{algorithm}-{}", value.replace('-', "+").replace('_', "/")))
                    }
                    _ => return None,
                }
            }
        })
    }

    /// Whether the source means `address` on a page of `page`. CSP level 3, section 6.7.2.8.
    pub fn matches(&self, address: &Address, page: &Address) -> bool {
        match self {
            Self::Own => is_own(address, page),
            Self::Scheme(scheme) => scheme_matches(scheme, address.scheme()),
            Self::Host(host) => host.matches(address, page),
            _ => false,
        }
    }
}

impl HostSource {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme.to_ascii_lowercase()), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "*")) => (host, Some(Port::Any)),
            Some((host, port)) => (host, Some(Port::Exactly(port.parse().ok()?))),
            None => (authority, None),
        };
        let host = match (host, host.strip_prefix("*.")) {
            ("*", _) => Host::Any,
            (_, Some(below)) if is_host(below) => Host::Below(format!(".{}", below.to_ascii_lowercase())),
            (exactly, None) if is_host(exactly) => Host::Exactly(exactly.to_ascii_lowercase()),
            _ => return None,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        Some(Self { scheme, host, port, path })
    }

    fn matches(&self, address: &Address, page: &Address) -> bool {
        let is_bare_star = self.host == Host::Any && self.scheme.is_none() && self.port.is_none();
        if is_bare_star && self.path.is_empty() {
            return true;
        }
        let scheme = self.scheme.as_deref().unwrap_or(page.scheme());
        scheme_matches(scheme, address.scheme())
            && self.host_matches(address.host())
            && self.port_matches(address)
            && self.path_matches(address.path())
    }

    fn host_matches(&self, host: &str) -> bool {
        match &self.host {
            Host::Any => true,
            Host::Below(suffix) => host.ends_with(suffix.as_str()),
            Host::Exactly(exactly) => host == exactly,
        }
    }

    fn port_matches(&self, address: &Address) -> bool {
        match self.port {
            Some(Port::Any) => true,
            Some(Port::Exactly(port)) => {
                port == address.port() || (port == 80 && address.port() == 443 && address.scheme() != "http")
            }
            None => address.port() == if matches!(address.scheme(), "https" | "wss") { 443 } else { 80 },
        }
    }

    fn path_matches(&self, path: &str) -> bool {
        match self.path.as_str() {
            "" => true,
            "/" => true,
            folder if folder.ends_with('/') => path.starts_with(folder),
            exactly => path == exactly,
        }
    }
}

impl fmt::Display for HostSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Below(suffix) => write!(f, "*{suffix}")?,
            Host::Exactly(host) => f.write_str(host)?,
        }
        match self.port {
            Some(Port::Any) => f.write_str(":*")?,
            Some(Port::Exactly(port)) => write!(f, ":{port}")?,
            None => {}
        }
        f.write_str(&self.path)
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// Whether a source with scheme `allowed` means `scheme`: also its encrypted sister. CSP level 3, section 6.7.2.9.
pub(super) fn scheme_matches(allowed: &str, scheme: &str) -> bool {
    allowed == scheme
        || match allowed {
            "http" => scheme == "https",
            "ws" => matches!(scheme, "wss" | "http" | "https"),
            "wss" => scheme == "https",
            _ => false,
        }
}

/// `'self'`: the page's own host, also encrypted and as a socket. CSP level 3, section 6.7.2.8, step 4.
fn is_own(address: &Address, page: &Address) -> bool {
    if address.origin() == page.origin() {
        return true;
    }
    let default = |address: &Address| matches!(address.port(), 80 | 443);
    let ports_fit = address.port() == page.port() || (default(address) && default(page));
    address.host() == page.host()
        && ports_fit
        && (matches!(address.scheme(), "https" | "wss")
            || (page.scheme() == "http" && address.scheme() == "ws"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, address: &str, expected: bool) {
        let page = Address::parse("https://shop.example/pay").expect("an address");
        let address = Address::parse(address).expect("an address");
        assert_eq!(Source::parse(source).matches(&address, &page), expected, "{source} {address}");
    }

    #[test]
    fn sources_mean_what_browsers_take_them_for() {
        for (source, address, expected) in [
            ("'self'", "https://shop.example/x", true),
            ("'self'", "wss://shop.example/x", true),
            ("'self'", "http://shop.example/x", false),
            ("'self'", "https://shop.example:8443/x", false),
            ("https:", "https://any.example/", true),
            ("https:", "http://any.example/", false),
            ("http:", "https://any.example/", true),
            ("*", "http://any.example/", true),
            ("cdn.example", "https://cdn.example/a.js", true),
            ("cdn.example", "http://cdn.example/a.js", false),
            ("CDN.example", "https://cdn.example:444/a.js", false),
            ("cdn.example:*", "https://cdn.example:444/a.js", true),
            ("*.cdn.example", "https://cdn.example/", false),
            ("*.cdn.example", "https://a.b.cdn.example/", true),
            ("https://cdn.example/js/", "https://cdn.example/js/a.js", true),
            ("https://cdn.example/js", "https://cdn.example/js/a.js", false),
            ("https://cdn.example/js/a.js?v=1", "https://cdn.example/js/a.js?v=2", true),
            ("'none'", "https://shop.example/", false),
        ] {
            check(source, address, expected);
        }
    }

    #[test]
    fn sources_are_read_or_ignored() {
        for (text, expected) in [
            ("'NONCE-abc='", Source::Nonce("abc=".to_owned())),
            ("'sha256-a-b_'", Source::Hash("sha256-a+b/".to_owned())),
            ("'report-sha256'", Source::ReportHash),
            ("DATA:", Source::Scheme("data".to_owned())),
            ("'nonce-'", Source::Unknown("'nonce-'".to_owned())),
            ("'nonsense'", Source::Unknown("'nonsense'".to_owned())),
            ("a..b", Source::Unknown("a..b".to_owned())),
            ("https://", Source::Unknown("https://".to_owned())),
        ] {
            assert_eq!(Source::parse(text), expected);
        }
    }
}
