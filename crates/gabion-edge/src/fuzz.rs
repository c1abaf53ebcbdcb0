//! What the fuzzer holds against this crate's parsers. The seeds in `fuzz/seeds` run as tests.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::client_addr;
use crate::network::Network;
use crate::origin::Origin;
use crate::path::{below, normalize};
use crate::route::host_part;

/// Nothing that a stranger writes changes who the client is; from a believed proxy, anything may be written.
pub fn client_addr(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut headers = HeaderMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let header = (name.trim().parse::<HeaderName>(), HeaderValue::from_str(value.trim()));
        if let (Ok(name), Ok(value)) = header {
            headers.append(name, value);
        }
    }
    let peer = IpAddr::from([192, 0, 2, 1]);
    let stranger = client_addr::client(peer, false, &headers, &[]);
    assert_eq!((stranger.address, stranger.https), (peer, false));
    let everything: Vec<Network> =
        ["0.0.0.0/0", "::/0"].map(|text| text.parse().expect("a network")).to_vec();
    client_addr::client(peer, false, &headers, &everything);
}

/// Normal paths start with a slash, have no dot segments, stay as they are, and origins are written as they parse.
pub fn route(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let normal = normalize(&text);
    assert!(normal.starts_with('/') && !normal.contains("//") && !normal.contains('\\'), "{normal}");
    assert!(normal.split('/').all(|segment| segment != ".." && segment != "."), "{normal}");
    assert!(below(&normal, "/"));
    if let Some(host) = host_part(&text) {
        assert!(text.starts_with(host) && !host.is_empty());
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
}

#[cfg(test)]
mod tests {
    use gabion_test::seeds;

    #[test]
    fn client_addr_seeds_hold() {
        seeds::each("client_addr", super::client_addr);
    }

    #[test]
    fn route_seeds_hold() {
        seeds::each("route", super::route);
    }
}
