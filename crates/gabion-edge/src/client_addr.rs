//! Who the client is: the peer, or what a believed proxy in front of us says.
//!
//! Only the part of `X-Forwarded-For` and `Forwarded` that believed proxies wrote counts: the list is read from the
//! right, and the first address that is no believed proxy is the client. What we forward is written anew.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use crate::network::Network;

/// Forwarded hops read at most; more are ignored. Nobody has more proxies than that.
const HOPS_MAX: usize = 16;

/// The client as limits, logs and the shop see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it used TLS, to us or to a believed proxy.
    pub https: bool,
}

/// Finds the client of a request that came from `peer`.
pub fn client(peer: IpAddr, https: bool, headers: &HeaderMap, trusted: &[Network]) -> Client {
    let believed = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    if !believed(peer) {
        return Client { address: peer, https };
    }
    let mut address = peer;
    for hop in hops(headers).into_iter().rev().take(HOPS_MAX) {
        let Some(hop) = hop else { break };
        address = hop;
        if !believed(hop) {
            break;
        }
    }
    Client { address, https: forwarded_https(headers).unwrap_or(https) }
}

/// The addresses of `Forwarded` (RFC 7239 section 5.2), or else of `X-Forwarded-For`, oldest first.
/// `None` where a hop hides itself or cannot be read: nothing to its left can be believed.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let forwarded = values(headers, &http::header::FORWARDED);
    if !forwarded.is_empty() {
        return forwarded.split(',').map(|hop| parameter(hop, "for").and_then(node)).collect();
    }
    let list = values(headers, &HeaderName::from_static("x-forwarded-for"));
    if list.is_empty() { Vec::new() } else { list.split(',').map(|hop| node(hop.trim())).collect() }
}

fn values(headers: &HeaderMap, name: &HeaderName) -> String {
    let all: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    all.join(",")
}

fn parameter<'a>(hop: &'a str, name: &str) -> Option<&'a str> {
    hop.split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"')))
}

/// An address with an optional port and optional brackets.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let address = bracketed.or_else(|| (text.matches(':').count() == 1).then(|| text.split(':').next())?);
    address.unwrap_or(text).parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// What the nearest believed proxy says about TLS.
fn forwarded_https(headers: &HeaderMap) -> Option<bool> {
    let forwarded = values(headers, &http::header::FORWARDED);
    let proto = forwarded.rsplit(',').next().and_then(|hop| parameter(hop, "proto")).map(str::to_owned);
    let proto = proto.or_else(|| {
        let list = values(headers, &HeaderName::from_static("x-forwarded-proto"));
        list.rsplit(',').next().map(|proto| proto.trim().to_owned()).filter(|proto| !proto.is_empty())
    });
    proto.map(|proto| proto.eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, headers: &[(&'static str, &str)], expected: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header value"));
        }
        let trusted = ["10.0.0.0/8".parse().expect("a network"), "2001:db8::/32".parse().expect("a network")];
        let found = client(peer.parse().expect("an address"), false, &map, &trusted);
        assert_eq!(found.address, expected.parse::<IpAddr>().expect("an address"), "{headers:?}");
    }

    #[test]
    fn strangers_are_not_believed() {
        check("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")], "192.0.2.1");
    }

    #[test]
    fn the_first_stranger_from_the_right_is_the_client() {
        check("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2")], "198.51.100.7");
        check(
            "10.0.0.1",
            &[("forwarded", "for=6.6.6.6, for=\"[2001:db9::1]:4711\";proto=https")],
            "2001:db9::1",
        );
        check("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.7:1234")], "198.51.100.7");
        check(
            "10.0.0.1",
            &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7")],
            "198.51.100.7",
        );
    }

    #[test]
    fn unreadable_hops_end_the_belief() {
        check("10.0.0.1", &[("x-forwarded-for", "198.51.100.7, nonsense, 10.0.0.9")], "10.0.0.9");
        check("10.0.0.1", &[("forwarded", "for=198.51.100.7, for=_hidden")], "10.0.0.1");
        check("10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn proto_is_believed_from_proxies_only() {
        let mut map = HeaderMap::new();
        map.insert("x-forwarded-proto", "https".parse().expect("a header value"));
        let trusted = ["10.0.0.1".parse().expect("a network")];
        assert!(client(IpAddr::from([10, 0, 0, 1]), false, &map, &trusted).https);
        assert!(!client(IpAddr::from([10, 0, 0, 2]), false, &map, &trusted).https);
    }
}
