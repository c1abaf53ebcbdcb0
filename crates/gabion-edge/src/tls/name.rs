//! Names a certificate can stand for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustls_pki_types::DnsName;

/// A name in a certificate: a host, all hosts one label below a domain, or an address. Lower case, no final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `shop.example`
    Host(String),
    /// `*.shop.example`, kept without the `*.`
    Wildcard(String),
    /// `192.0.2.1` or `2001:db8::1`
    Address(IpAddr),
}

/// A text that cannot stand in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Letters outside ASCII: certificates hold the encoded form.
    #[error("{0:?} has letters outside ASCII: write the domain in its xn-- form")]
    NotAscii(String),
    /// No host name, wildcard or address.
    #[error("{0:?} is no host name, *.domain or IP address")]
    Malformed(String),
}

impl Name {
    /// The host or domain the name is about; none for an address.
    pub fn domain(&self) -> Option<&str> {
        match self {
            Self::Host(domain) | Self::Wildcard(domain) => Some(domain),
            Self::Address(_) => None,
        }
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || gabion_core::limits::cut(text, 100).into_owned();
        if !text.is_ascii() {
            return Err(InvalidName::NotAscii(shown()));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        let (wildcard, domain) = match text.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        let domain = normalized(domain);
        if DnsName::try_from(domain.as_str()).is_err() {
            return Err(InvalidName::Malformed(shown()));
        }
        Ok(if wildcard { Self::Wildcard(domain) } else { Self::Host(domain) })
    }
}

/// A host name as tables keep it: lower case, without the final dot.
pub(super) fn normalized(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Wildcard(domain) => write!(f, "*.{domain}"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Name>().map(|name| name.to_string()).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn names_are_normalized() {
        check("Shop.Example.", "shop.example");
        check("*.Shop.Example", "*.shop.example");
        check("127.0.0.1", "127.0.0.1");
        check("[::1]", "::1");
        check("localhost", "localhost");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", ".", "*", "*.", "a b", "a..b", "-a.example", "shop.*", "http://shop.example", "a:443"]
        {
            assert_eq!(bad.parse::<Name>(), Err(InvalidName::Malformed(bad.to_owned())), "{bad}");
        }
        assert_eq!("bücher.example".parse::<Name>(), Err(InvalidName::NotAscii("bücher.example".to_owned())));
    }
}
