//! Headers that concern one connection only. RFC 9110 section 7.6.1.

use http::header::{CONNECTION, HeaderMap, HeaderName, TE, UPGRADE};

/// Whether a header, in lower case, concerns one connection whatever `Connection` says.
fn is_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Removes the headers of one hop, the known ones and those that `Connection` names, and those that `also` picks by
/// their names in lower case. One walk over all headers, which costs less than looking up each that could be there.
pub(crate) fn remove(headers: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    let goes = |name: &&HeaderName| is_hop(name.as_str()) || also(name.as_str());
    let going: Vec<_> = headers.keys().filter(goes).cloned().collect();
    if going.contains(&CONNECTION) {
        for name in named(headers) {
            headers.remove(name);
        }
    }
    for name in going {
        headers.remove(name);
    }
}

/// The headers that `Connection` names. Framing and host stay ours whatever it says.
fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let tokens = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    tokens
        .flat_map(|value| value.split(','))
        .filter_map(|token| token.trim().parse::<HeaderName>().ok())
        .filter(|name| *name != http::header::HOST && *name != http::header::CONTENT_LENGTH)
        .collect()
}

/// Whether a request asks to change to WebSocket (RFC 6455 section 4.1), the one upgrade that is forwarded:
/// others, such as h2c, would carry requests past every defence.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &CONNECTION, "upgrade") && lists(headers, &UPGRADE, "websocket")
}

/// Whether the client takes trailers.
pub(crate) fn takes_trailers(headers: &HeaderMap) -> bool {
    lists(headers, &TE, "trailers")
}

/// Whether a header that is a list names `token`.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
            .collect()
    }

    #[test]
    fn hop_by_hop_headers_go_and_others_stay() {
        let mut headers = headers(&[
            ("connection", "close, X-Private, host"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "secret"),
            ("host", "shop.example"),
            ("accept", "*/*"),
        ]);
        remove(&mut headers, |_| false);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "host"]);
    }

    #[test]
    fn only_websocket_is_an_upgrade() {
        assert!(wants_websocket(&headers(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket")
        ])));
        assert!(!wants_websocket(&headers(&[("connection", "upgrade"), ("upgrade", "h2c")])));
        assert!(!wants_websocket(&headers(&[("upgrade", "websocket")])));
    }
}
