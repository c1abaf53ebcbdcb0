//! Whether Gabion stands behind a CDN that nobody told it of: then every customer seems to come from the CDN.

use std::net::IpAddr;

use gabion_core::Actor;
use http::HeaderMap;

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
    let marked = MARKS.iter().find(|(mark, _)| headers.contains_key(*mark)).map(|(_, name)| *name);
    let fastly = || headers.contains_key("x-served-by") && headers.contains_key("via");
    marked.or_else(|| fastly().then_some("Fastly"))
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
