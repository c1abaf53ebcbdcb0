//! Whether Gabion stands behind a CDN that nobody told it of: then every customer seems to come from the CDN.

use std::net::IpAddr;

use gabion_core::Actor;
use http::{HeaderMap, HeaderName};

use crate::Edge;
use crate::event::CDN_NOTICED;
use crate::state::State;

/// A header that a CDN puts on every request, and its name. RFC 8586 has the one they share.
const MARKS: [(&str, &str); 6] = [
    ("cf-ray", "Cloudflare"),
    ("x-amz-cf-id", "CloudFront"),
    ("fastly-client-ip", "Fastly"),
    ("x-azure-ref", "Azure Front Door"),
    ("x-akamai-edgescape", "Akamai"),
    ("cdn-loop", "a CDN"),
];

/// The CDN that a request seems to come through. Anybody can write such a header.
fn cdn_of(headers: &HeaderMap) -> Option<&'static str> {
    // One walk, for most requests have none of them: the first of the marks that is there, and whether Fastly's are.
    let (mut first, mut served, mut via) = (MARKS.len(), false, false);
    for name in headers.keys().map(HeaderName::as_str) {
        served |= name == "x-served-by";
        via |= name == "via";
        first = MARKS[..first].iter().position(|(mark, _)| *mark == name).unwrap_or(first);
    }
    let marked = MARKS.get(first).map(|(_, name)| *name);
    marked.or_else(|| (served && via).then_some("Fastly"))
}

/// Tells once per configuration that requests come through a CDN from addresses that are not believed.
pub(crate) fn look(edge: &Edge, state: &State, peer: IpAddr, headers: &HeaderMap) {
    if state.cdn.get().is_some() {
        return;
    }
    let Some(name) = cdn_of(headers) else { return };
    let peer = peer.to_canonical();
    if state.trusted_proxies.iter().any(|network| network.contains(peer)) || state.cdn.set(name).is_err() {
        return;
    }
    tracing::warn!(
        cdn = name,
        "Requests come through {name}, whose addresses are not in listen.trusted_proxies"
    );
    edge.recorder().record(&CDN_NOTICED, Actor::System, |event| {
        event.field("cdn", name).personal("address", peer.to_string())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[&'static str], expected: Option<&str>) {
        let value = http::HeaderValue::from_static("x");
        let map = headers.iter().map(|name| (http::HeaderName::from_static(name), value.clone())).collect();
        assert_eq!(cdn_of(&map), expected, "{headers:?}");
    }

    #[test]
    fn cdns_are_known_by_their_marks() {
        check(&["cf-ray", "cdn-loop"], Some("Cloudflare"));
        check(&["x-amz-cf-id", "via"], Some("CloudFront"));
        check(&["x-served-by", "via"], Some("Fastly"));
        check(&["cdn-loop"], Some("a CDN"));
        check(&["via", "accept"], None);
    }
}
