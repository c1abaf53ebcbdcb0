//! What the shop is asked for, so that what it answers can be read.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderName, Method, Request};

use crate::Body;

/// What a browser wants an answer for: Fetch Metadata, section 2.1.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// Kinds of answers that are never read.
const UNREAD: [&str; 7] = ["image", "font", "style", "video", "audio", "track", "manifest"];
/// Kinds of answers that are pages.
const PAGES: [&str; 6] = ["document", "iframe", "frame", "object", "embed", "fencedframe"];

/// Whether the answer could be a page, a script or another text that is read.
pub(super) fn may_bring_text(request: &Request<Body>) -> bool {
    let method = [Method::GET, Method::POST, Method::HEAD].contains(request.method());
    method && destination(request.headers()).is_none_or(|wanted| !UNREAD.contains(&wanted))
}

/// Asks for what can be read: gzip or nothing instead of all that the client takes. Where a page is changed or held to
/// a policy (`is_fresh`), it is asked for as a whole and anew: what a browser kept of it was made for other decisions
/// and another nonce.
pub(super) fn narrow(headers: &mut HeaderMap, is_fresh: bool) {
    if headers.contains_key(ACCEPT_ENCODING) {
        let coding = if takes_gzip(headers) { "gzip" } else { "identity" };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
    }
    if is_fresh && wants_page(headers) {
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            headers.remove(name);
        }
    }
}

/// Whether the client wants a page. What says nothing of itself may be an old browser.
fn wants_page(headers: &HeaderMap) -> bool {
    let html = |accept: &HeaderValue| accept.to_str().is_ok_and(|accept| accept.contains("text/html"));
    match destination(headers) {
        Some(wanted) => PAGES.contains(&wanted),
        None => headers.get(ACCEPT).is_none_or(html),
    }
}

fn destination(headers: &HeaderMap) -> Option<&str> {
    headers.get(SEC_FETCH_DEST)?.to_str().ok()
}

/// Whether the client takes gzip. RFC 9110 section 12.5.3: a weight of zero says that it does not.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut named = None;
    let mut any = false;
    for coding in values.flat_map(|value| value.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1").trim();
        let wanted = weight.parse::<f32>().is_ok_and(|weight| weight > 0.0);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => named = Some(wanted),
            "*" => any = wanted,
            _ => {}
        }
    }
    named.unwrap_or(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: &[(&'static str, &'static str)], is_fresh: bool, name: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in asked {
            headers.append(*name, HeaderValue::from_static(value));
        }
        narrow(&mut headers, is_fresh);
        assert_eq!(headers.get(name).map(|value| value.to_str().expect("text")), expected, "{asked:?}");
    }

    #[test]
    fn only_what_can_be_read_is_asked_for() {
        for (asked, expected) in [
            ("gzip, deflate, br, zstd", "gzip"),
            ("br;q=1.0, GZIP;q=0.5", "gzip"),
            ("gzip;q=0, *", "identity"),
            ("*", "gzip"),
            ("br", "identity"),
        ] {
            check(&[("accept-encoding", asked)], false, "accept-encoding", Some(expected));
        }
        check(&[], false, "accept-encoding", None);
    }

    #[test]
    fn a_page_that_is_changed_is_asked_for_anew_and_a_picture_beside_it_is_not() {
        let tag = ("if-none-match", "\"a\"");
        check(&[tag], true, "if-none-match", None);
        check(&[tag, ("sec-fetch-dest", "document")], true, "if-none-match", None);
        check(&[tag, ("sec-fetch-dest", "document")], false, "if-none-match", Some("\"a\""));
        check(&[tag, ("sec-fetch-dest", "script")], true, "if-none-match", Some("\"a\""));
        check(&[tag, ("accept", "image/*")], true, "if-none-match", Some("\"a\""));
        check(&[("range", "bytes=0-9"), ("accept", "text/html")], true, "range", None);
    }

    #[test]
    fn pictures_and_uploads_are_not_read() {
        let may = |method: Method, dest: &'static str| {
            let request = Request::builder().method(method).header("sec-fetch-dest", dest);
            may_bring_text(&request.body(Body::empty()).expect("a request"))
        };
        assert!(may(Method::GET, "document") && may(Method::POST, "empty") && may(Method::GET, "script"));
        assert!(
            !may(Method::GET, "image") && !may(Method::PUT, "empty") && !may(Method::CONNECT, "websocket")
        );
    }
}
