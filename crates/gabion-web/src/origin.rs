//! Whether a request came from one of our own pages.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Uri};

use crate::Problem;

/// Refuses a request that changes something unless the browser says it came from the same origin.
///
/// `Sec-Fetch-Site` decides where it is sent (W3C Fetch Metadata; pages cannot forge it): `same-origin`, or
/// `none` for what a person typed or reloaded. Otherwise `Origin` must name the host that was asked. A request
/// with neither is refused: every current browser sends one of them with a form.
///
/// # Errors
/// 403 `foreign_origin`.
pub fn check(parts: &Parts) -> Result<(), Problem> {
    let own = match text(&parts.headers, "sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => origin_matches_host(parts),
    };
    if own { Ok(()) } else { Err(foreign()) }
}

fn origin_matches_host(parts: &Parts) -> bool {
    let origin = text(&parts.headers, ORIGIN.as_str()).and_then(|origin| origin.parse::<Uri>().ok());
    let asked = authority(&parts.uri, &parts.headers);
    match (origin.as_ref().and_then(Uri::authority), asked) {
        (Some(origin), Some(asked)) => origin.as_str().eq_ignore_ascii_case(asked),
        _ => false,
    }
}

/// The authority a request asked for: `:authority` of HTTP/2 or the `Host` header.
pub fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.authority().map(|authority| authority.as_str()).or_else(|| text(headers, HOST.as_str()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn foreign() -> Problem {
    let detail = "this request did not come from a page of this console";
    Problem::new(http::StatusCode::FORBIDDEN, "foreign_origin", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_case(headers: &[(&str, &str)], allowed: bool) {
        let mut request = http::Request::post("/x").header("host", "console.test:9443");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        assert_eq!(check(&parts).is_ok(), allowed, "{headers:?}");
    }

    #[test]
    fn own_pages_are_allowed_and_foreign_ones_refused() {
        check_case(&[("sec-fetch-site", "same-origin")], true);
        check_case(&[("sec-fetch-site", "none")], true);
        check_case(&[("sec-fetch-site", "same-site")], false);
        check_case(&[("sec-fetch-site", "cross-site"), ("origin", "https://console.test:9443")], false);
        check_case(&[("origin", "https://console.test:9443")], true);
        check_case(&[("origin", "https://Console.test:9443")], true);
        check_case(&[("origin", "https://console.test")], false);
        check_case(&[("origin", "https://evil.test")], false);
        check_case(&[("origin", "null")], false);
        check_case(&[], false);
    }
}
