//! Addresses as people write them: a site's origins and an upstream's endpoints.

use std::fmt;
use std::str::FromStr;

use http::uri::{Authority, Scheme};

/// Where customers reach a site: scheme, lower-case host, port. RFC 6454 section 4.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whether it is `https`.
    pub https: bool,
    /// Lower-case host; IPv6 addresses in brackets.
    pub host: String,
    /// The port, also when it is the scheme's own.
    pub port: u16,
}

/// Where an endpoint of an upstream listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointUrl {
    origin: Origin,
    text: String,
}

/// A text that is no origin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write http:// or https://, a host and an optional port, and nothing after it")]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: http::Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(InvalidOrigin),
        };
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !text.ends_with('?');
        if !bare || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(InvalidOrigin);
        }
        let host = authority.host().to_ascii_lowercase();
        let port = port_of(authority)?.unwrap_or(if https { 443 } else { 80 });
        Ok(Self { https, host, port })
    }
}

/// The port of an authority; an empty or impossible one is an error.
fn port_of(authority: &Authority) -> Result<Option<u16>, InvalidOrigin> {
    match authority.as_str()[authority.host().len()..].strip_prefix(':') {
        None => Ok(None),
        Some(port) => port.parse().ok().filter(|port| *port != 0).map(Some).ok_or(InvalidOrigin),
    }
}

impl Origin {
    /// Host and port as a `Host` header says them: without the scheme's own port.
    pub fn authority(&self) -> String {
        let own = if self.https { 443 } else { 80 };
        if self.port == own { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.authority())
    }
}

impl FromStr for EndpointUrl {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let origin: Origin = text.parse()?;
        Ok(Self { text: origin.to_string(), origin })
    }
}

impl EndpointUrl {
    /// Scheme, host and port, without the scheme's own port.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the connection is TLS.
    pub const fn https(&self) -> bool {
        self.origin.https
    }

    /// Host name or address, without the brackets of IPv6.
    pub fn host(&self) -> &str {
        self.origin.host.trim_matches(['[', ']'])
    }

    /// TCP port.
    pub const fn port(&self) -> u16 {
        self.origin.port
    }

    /// Host and port as a `Host` header says them.
    pub fn authority(&self) -> String {
        self.origin.authority()
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, u16)>) {
        let origin = text.parse::<Origin>();
        assert_eq!(origin.ok().as_ref().map(|o| (o.host.as_str(), o.port)), expected, "{text}");
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        check("https://Shop.Example", Some(("shop.example", 443)));
        check("http://shop.example:8080/", Some(("shop.example", 8080)));
        check("https://[::1]:8443", Some(("[::1]", 8443)));
    }

    #[test]
    fn anything_more_or_less_is_refused() {
        for text in [
            "",
            "shop.example",
            "//shop.example",
            "ftp://shop.example",
            "https://",
            "https://shop.example/path",
            "https://shop.example/?",
            "https://user@shop.example",
            "https://shop.example:0",
            "https://shop.example:99999",
            "https://shop.example:",
            "https://shop example",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_schemes_own_port_is_not_written() {
        for text in ["https://a", "http://a", "http://a:8080", "https://[::1]:444"] {
            assert_eq!(text.parse::<Origin>().map(|o| o.to_string()).as_deref(), Ok(text));
        }
    }
}
