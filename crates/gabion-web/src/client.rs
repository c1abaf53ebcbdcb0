//! The address of whoever connected.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::Problem;

/// The client's address. The listener puts it into the request's extensions after looking at its trusted
/// proxies; nothing here reads a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// The network to count failures by: an IPv4 address itself, the first 64 bits of an IPv6 address, since
    /// one customer commonly holds a whole /64 (RFC 6177).
    pub fn network(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddr {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| {
            tracing::error!("A listener passed a request on without its client address");
            Problem::internal()
        })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for ClientAddr {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, network: &str) {
        let client = ClientAddr(address.parse().expect("an address"));
        assert_eq!(client.network().to_string(), network);
    }

    #[test]
    fn networks_are_addresses_or_their_64_bit_prefix() {
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}
