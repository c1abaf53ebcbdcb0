//! The request as the shop gets it, and the response as the customer gets it.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::OnceLock;

use http::header::{
    CONNECTION, COOKIE, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, TE, UPGRADE,
};
use http::{Uri, Version, request, response};

use crate::client_addr::Client;
use crate::hop;
use crate::origin::EndpointUrl;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// The id of a request, to the shop and to the customer.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Says that a request is a copy whose answer nobody sees.
pub(crate) const X_GABION_MIRROR: HeaderName = HeaderName::from_static("x-gabion-mirror");
/// Says who is signed in, as Gabion signed it.
pub(crate) const X_GABION_IDENTITY: HeaderName = HeaderName::from_static("x-gabion-identity");
/// Headers with this prefix are Gabion's own: what a client calls so never reaches the shop.
const OWN_HEADERS: &str = "x-gabion-";
/// Cookies with this prefix are Gabion's own and never reach the shop.
const OWN_COOKIES: &str = "__Host-gabion";

/// What the forwarded request says about its way here.
pub(crate) struct Origination {
    /// The id of the request.
    pub(crate) id: HeaderValue,
    pub(crate) said: Said,
    /// The `Host` the shop wants to see.
    pub(crate) host: Option<HeaderValue>,
}

/// What the shop is told of a client, ready to be sent.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) client: Client,
    /// The `Host` the customer used.
    pub(crate) authority: HeaderValue,
    forwarded: HeaderValue,
    address: HeaderValue,
    port: HeaderValue,
}

impl Said {
    /// What is said of `client`, who uses `authority`; from `known` where that is about the same.
    pub(crate) fn of(client: Client, authority: HeaderValue, known: &OnceLock<Self>) -> Self {
        let said = known.get_or_init(|| Self::new(client, authority.clone()));
        if said.client == client && said.authority == authority {
            return said.clone();
        }
        Self::new(client, authority)
    }

    fn new(client: Client, authority: HeaderValue) -> Self {
        let proto = proto(client);
        let host = authority.to_str().unwrap_or_default();
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
        let port = port.unwrap_or(if client.https { "443" } else { "80" });
        let mut forwarded = match client.address {
            IpAddr::V4(address) => format!("for={address}"),
            IpAddr::V6(address) => format!("for=\"[{address}]\""),
        };
        let quote = !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        let mark = if quote { "\"" } else { "" };
        write!(forwarded, ";host={mark}{host}{mark};proto={proto}").expect("writing to a string cannot fail");
        let text = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        Self {
            client,
            forwarded: text(forwarded),
            address: text(client.address.to_string()),
            port: text(port.to_owned()),
            authority,
        }
    }
}

const fn proto(client: Client) -> &'static str {
    if client.https { "https" } else { "http" }
}

/// The customer's `Host`: from the target where it has one, else from the header; empty when there is none.
pub(crate) fn authority(uri: &Uri, headers: &HeaderMap) -> HeaderValue {
    let target = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    target.or_else(|| headers.get(HOST).cloned()).unwrap_or(HeaderValue::from_static(""))
}

/// Turns the head of a customer's request into the head of the shop's: HTTP/1.1, origin form, no hop-by-hop
/// headers, forwarding headers written anew. Leaves method, path and end-to-end headers as they are.
pub(crate) fn request_head(parts: &mut request::Parts, from: &Origination) {
    let websocket = hop::wants_websocket(&parts.headers);
    let trailers = hop::takes_trailers(&parts.headers);
    let headers = &mut parts.headers;
    // The body is asked for as soon as the shop takes the request; nobody waits for a second 100.
    hop::remove(headers, |name| name == "expect" || claims(name));
    forwarding_headers(headers, from);
    cookies(headers);
    if websocket {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    } else if trailers {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if parts.uri.authority().is_some() || parts.uri.path_and_query().is_none() {
        parts.uri = parts.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
    }
    parts.version = Version::HTTP_11;
}

/// Headers that are written anew, for the room they take.
const FORWARDING_HEADERS: usize = 8;

fn forwarding_headers(headers: &mut HeaderMap, from: &Origination) {
    let Said { client, authority, forwarded, address, port } = &from.said;
    headers.reserve(FORWARDING_HEADERS);
    headers.insert(FORWARDED, forwarded.clone());
    headers.insert(X_FORWARDED_FOR, address.clone());
    headers.insert(X_REAL_IP, address.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto(*client)));
    headers.insert(X_FORWARDED_PORT, port.clone());
    headers.insert(X_FORWARDED_HOST, authority.clone());
    headers.insert(HOST, from.host.clone().unwrap_or_else(|| authority.clone()));
    headers.insert(X_REQUEST_ID, from.id.clone());
}

/// Whether a header or trailer of the client would say what only Gabion says: those written anew above, all other
/// `X-Forwarded-*` and `X-Gabion-*`, and their spellings with other marks, which CGI, WSGI and PHP cannot tell apart
/// (RFC 3875 section 4.1.18).
pub(crate) fn claims(name: &str) -> bool {
    let own = |name: &str| name.starts_with(OWN_HEADERS) || is_claim(name);
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return own(name);
    }
    own(&name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}

/// Whether a lower-case name is one by which somebody says where a request comes from, whose it is, or which path it is
/// for: some frameworks take the path from `X-Original-URL` or `X-Rewrite-URL`, past every route.
pub(crate) fn is_claim(name: &str) -> bool {
    let own = matches!(
        name,
        "forwarded"
            | "x-real-ip"
            | "x-request-id"
            | "x-gabion-mirror"
            | "x-gabion-identity"
            | "x-original-url"
            | "x-rewrite-url"
    );
    // In these CDNs tell a customer's address. From anybody they are a claim, and many shops believe them.
    let cdn = matches!(
        name,
        "cf-connecting-ip"
            | "cf-connecting-ipv6"
            | "true-client-ip"
            | "fastly-client-ip"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "x-original-forwarded-for"
            | "x-azure-clientip"
    );
    own || cdn || name.starts_with("x-forwarded-")
}

/// Joins the cookie fields and keeps Gabion's own to itself.
fn cookies(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(COOKIE).iter();
    let Some(first) = fields.next() else { return };
    let own = |value: &HeaderValue| contains(value.as_bytes(), OWN_COOKIES.as_bytes());
    if fields.next().is_some() || own(first) {
        join_cookies(headers, |pair| !pair.starts_with(OWN_COOKIES.as_bytes()));
    }
}

/// Joins the cookie fields that HTTP/2 splits (RFC 9113 section 8.2.3), with those pairs that `stay`.
pub(crate) fn join_cookies(headers: &mut HeaderMap, stay: impl Fn(&[u8]) -> bool) {
    let mut joined: Vec<u8> = Vec::new();
    for pair in cookie_pairs(headers).filter(|pair| stay(pair)) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(pair);
    }
    headers.remove(COOKIE);
    if let Some(value) = HeaderValue::from_bytes(&joined).ok().filter(|_| !joined.is_empty()) {
        headers.insert(COOKIE, value);
    }
}

/// The cookies of all fields, as `name=value`.
pub(crate) fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(COOKIE).iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii));
    pairs.filter(|pair| !pair.is_empty())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Turns the head of the shop's response into the head of the customer's: our own version of HTTP whatever the
/// shop speaks (RFC 9112 section 2.6), no hop-by-hop headers, and redirects to the endpoint's own address lead back
/// to the site where the shop was told another `Host`.
pub(crate) fn response_head(parts: &mut response::Parts, from: &Origination, endpoint: &EndpointUrl) {
    parts.version = Version::HTTP_11;
    hop::remove(&mut parts.headers, |_| false);
    let Some(host) = &from.host else { return };
    let location = parts.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    if let Some(location) = location.and_then(|location| own_location(location, from, host, endpoint)) {
        parts.headers.insert(LOCATION, location);
    }
}

fn own_location(
    location: &str,
    from: &Origination,
    host: &HeaderValue,
    endpoint: &EndpointUrl,
) -> Option<HeaderValue> {
    let rest = location.strip_prefix("http://").or_else(|| location.strip_prefix("https://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let shop = host.to_str().ok()?;
    if !authority.eq_ignore_ascii_case(shop) && !authority.eq_ignore_ascii_case(&endpoint.authority()) {
        return None;
    }
    let proto = proto(from.said.client);
    HeaderValue::try_from(format!("{proto}://{}{path}", from.said.authority.to_str().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn origination(host: Option<&'static str>) -> Origination {
        Origination {
            id: HeaderValue::from_static("req_1"),
            said: Said::new(
                Client { address: "2001:db8::7".parse().expect("an address"), https: true },
                HeaderValue::from_static("shop.example:8443"),
            ),
            host: host.map(HeaderValue::from_static),
        }
    }

    fn head(request: http::request::Builder) -> request::Parts {
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        request_head(&mut parts, &origination(None));
        parts
    }

    #[test]
    fn forwarding_headers_are_written_anew() {
        let parts = head(
            Request::get("https://shop.example:8443/a?b")
                .header("x-forwarded-for", "6.6.6.6")
                .header("forwarded", "for=6.6.6.6")
                .header("x-real-ip", "6.6.6.6")
                .header("x-forwarded-host", "evil.example")
                .header("cf-connecting-ip", "6.6.6.6")
                .header("True_Client_IP", "6.6.6.6"),
        );
        let value = |name: &str| parts.headers.get(name).map(|value| value.to_str().expect("text"));
        assert_eq!(parts.uri, "/a?b");
        assert_eq!(value("host"), Some("shop.example:8443"));
        assert_eq!(value("forwarded"), Some("for=\"[2001:db8::7]\";host=\"shop.example:8443\";proto=https"));
        assert_eq!(value("x-forwarded-for"), Some("2001:db8::7"));
        assert_eq!(value("x-real-ip"), Some("2001:db8::7"));
        assert_eq!(value("x-forwarded-host"), Some("shop.example:8443"));
        assert_eq!(value("x-forwarded-port"), Some("8443"));
        assert_eq!(value("x-forwarded-proto"), Some("https"));
        assert!(parts.headers.get_all("x-forwarded-for").iter().count() == 1);
        assert!(!parts.headers.values().any(|value| value == "6.6.6.6"), "{:?}", parts.headers);
    }

    #[test]
    fn websocket_upgrades_pass_and_others_do_not() {
        let parts = head(Request::get("/").header("connection", "Upgrade").header("upgrade", "websocket"));
        assert_eq!(parts.headers["upgrade"], "websocket");
        let parts =
            head(Request::get("/").header("connection", "Upgrade, HTTP2-Settings").header("upgrade", "h2c"));
        assert!(!parts.headers.contains_key("upgrade") && !parts.headers.contains_key("connection"));
    }

    #[test]
    fn cookies_are_joined_and_our_own_are_kept_back() {
        let parts =
            head(Request::get("/").header("cookie", "a=1").header("cookie", "__Host-gabion-session=x; b=2"));
        assert_eq!(parts.headers["cookie"], "a=1; b=2");
        let parts = head(Request::get("/").header("cookie", "__Host-gabion=x"));
        assert!(!parts.headers.contains_key("cookie"));
    }

    #[test]
    fn redirects_to_the_shops_own_address_lead_back_to_the_site() {
        for (location, expected) in [
            ("http://backend:8080/cart", "https://shop.example:8443/cart"),
            ("https://internal.example?x", "https://shop.example:8443?x"),
            ("https://psp.example/pay", "https://psp.example/pay"),
            ("/relative", "/relative"),
        ] {
            let (mut parts, ()) = http::Response::builder()
                .header("location", location)
                .body(())
                .expect("a response")
                .into_parts();
            let endpoint = "http://backend:8080".parse().expect("a URL");
            response_head(&mut parts, &origination(Some("internal.example")), &endpoint);
            assert_eq!(parts.headers["location"], expected, "{location}");
        }
    }
}
