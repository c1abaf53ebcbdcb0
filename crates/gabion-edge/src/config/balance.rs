//! How an upstream's requests are spread, tried again, and kept away from endpoints that fail.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderName;
use serde::{Deserialize, Serialize};

/// Endpoints of one upstream, backups included. Larger shops have a balancer of their own behind one address.
pub const ENDPOINTS_MAX: usize = 64;
/// Bytes of a cookie's name in `hash_by`.
const COOKIE_NAME_BYTES_MAX: usize = 100;

/// How requests are spread over endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// Of two endpoints drawn at random, the one with the smaller product of response time and requests in flight.
    #[default]
    LeastLoad,
    /// One after the other.
    RoundRobin,
    /// The same endpoint for the same `hash_by`, as long as it is not overloaded.
    Hash,
}

impl Balance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LeastLoad, Self::RoundRobin, Self::Hash];

    /// As the file says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeastLoad => "least-load",
            Self::RoundRobin => "round-robin",
            Self::Hash => "hash",
        }
    }
}

/// What makes requests belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashBy {
    /// The customer's address; of IPv6 the network (/64), because devices change the rest.
    #[default]
    Address,
    /// The value of a cookie.
    Cookie(String),
    /// The value of a header.
    Header(HeaderName),
}

/// A text that is no [`HashBy`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write \"address\", \"cookie:NAME\" or \"header:NAME\"")]
pub struct InvalidHashBy;

impl FromStr for HashBy {
    type Err = InvalidHashBy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let token = |name: &str| {
            !name.is_empty()
                && name.len() <= COOKIE_NAME_BYTES_MAX
                && name.bytes().all(|b| b.is_ascii_graphic() && !b"=;,\"\\ ".contains(&b))
        };
        match text.split_once(':') {
            None if text == "address" => Ok(Self::Address),
            Some(("cookie", name)) if token(name) => Ok(Self::Cookie(name.to_owned())),
            Some(("header", name)) => name.parse().map(Self::Header).map_err(|_| InvalidHashBy),
            _ => Err(InvalidHashBy),
        }
    }
}

impl HashBy {
    /// The bytes of an address that make a customer: all of IPv4, the network of IPv6.
    pub(crate) fn address(address: IpAddr) -> [u8; 8] {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                [0, 0, 0, 0, a, b, c, d]
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                [a, b, c, d, e, f, g, h]
            }
        }
    }
}

/// What is spoken to endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1, one request at a time on a connection.
    #[default]
    Http1,
    /// HTTP/2, many requests on a connection; over `http://` without asking first (prior knowledge).
    Http2,
    /// What an `https://` endpoint chooses of both; HTTP/1.1 over `http://`.
    Auto,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Auto];

    /// As the file says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Auto => "auto",
        }
    }
}

/// What counts as a failure of an endpoint, for ejection and breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EjectOn {
    /// No connection, no answer in time, or none that is HTTP.
    #[default]
    #[serde(rename = "connect")]
    Connect,
    /// These, and answers with a status from 500.
    #[serde(rename = "5xx")]
    ServerErrors,
}

impl EjectOn {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Connect, Self::ServerErrors];

    /// As the file says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::ServerErrors => "5xx",
        }
    }
}

/// `[upstream.eject]`: when requests take an endpoint out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EjectSection {
    /// What counts as a failure.
    pub on: EjectOn,
    /// Failures in a row; 0 does not count them.
    pub failures: u32,
    /// Percent of failed requests within `window_seconds`; 0 does not count them.
    pub percent: u8,
    /// Requests within `window_seconds` from which on the percentage counts.
    pub requests_min: u32,
    /// Seconds over which requests are counted.
    pub window_seconds: u64,
    /// Seconds an endpoint stays out the first time; twice as long each further time.
    pub seconds: u64,
    /// Seconds it stays out at most.
    pub seconds_max: u64,
    /// Percent of the endpoints that may be out at the same time. The last one never is.
    pub share_percent: u8,
}

impl Default for EjectSection {
    fn default() -> Self {
        Self {
            on: EjectOn::Connect,
            failures: 5,
            percent: 50,
            requests_min: 20,
            window_seconds: 10,
            seconds: 10,
            seconds_max: 300,
            share_percent: 50,
        }
    }
}

/// `[upstream.breaker]`: when the whole upstream gets no requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSection {
    /// Percent of failed requests within `window_seconds` that opens it; 0 never does.
    pub percent: u8,
    /// Requests within `window_seconds` from which on the percentage counts.
    pub requests_min: u32,
    /// Seconds over which requests are counted.
    pub window_seconds: u64,
    /// Seconds until one request may try again.
    pub open_seconds: u64,
}

impl Default for BreakerSection {
    fn default() -> Self {
        Self { percent: 50, requests_min: 20, window_seconds: 10, open_seconds: 5 }
    }
}

/// `[upstream.retry]`: how often requests may be sent again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySection {
    /// Percent of the requests.
    pub percent: u8,
    /// And so many in a second.
    pub per_second: u16,
}

impl Default for RetrySection {
    fn default() -> Self {
        Self { percent: 20, per_second: 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_requests_belong_together_is_read_strictly() {
        assert_eq!("address".parse(), Ok(HashBy::Address));
        assert_eq!("cookie:PHPSESSID".parse(), Ok(HashBy::Cookie("PHPSESSID".into())));
        assert_eq!("header:X-Cart".parse(), Ok(HashBy::Header(HeaderName::from_static("x-cart"))));
        for wrong in ["", "cookie", "cookie:", "cookie:a=b", "header:", "header:a b", "ip", "address:x"] {
            assert_eq!(wrong.parse::<HashBy>(), Err(InvalidHashBy), "{wrong}");
        }
    }

    #[test]
    fn an_ipv6_customer_is_its_network() {
        let bytes = |text: &str| HashBy::address(text.parse().expect("an address"));
        assert_eq!(bytes("2001:db8:1:2::3"), bytes("2001:db8:1:2:ffff::9"));
        assert_ne!(bytes("2001:db8:1:2::3"), bytes("2001:db8:1:3::3"));
        assert_ne!(bytes("192.0.2.1"), bytes("192.0.2.2"));
    }
}
