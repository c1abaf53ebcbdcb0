//! What browsers get at a closed gate, and what is done to answers from behind one.

use http::header::{ACCEPT, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION};
use http::{Method, Request, Response, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Requires;
use crate::{Body, Refusal, hop};

/// Bytes of `next`, escaped: where somebody goes on after signing in. Of a longer address only the path is kept, and nothing
/// of a longer path.
const NEXT_BYTES_MAX: usize = 512;
/// What stands in `next` as it is: RFC 3986 section 2.3, and slashes, which mean nothing in a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// What other caches than browsers are told: by name, because they pass over `Cache-Control` where these are there.
const FOR_SHARED_CACHES: [&str; 3] =
    ["cdn-cache-control", "surrogate-control", "cloudflare-cdn-cache-control"];

/// Whether a browser wants to show what it gets as a page: then somebody is there who can sign in.
pub(super) fn navigates(request: &Request<Body>) -> bool {
    let (method, headers) = (request.method(), request.headers());
    let html = headers
        .get_all(ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html")));
    // Browsers say when it is a script that asks. Fetch Metadata section 2.3.
    let by_script = headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode != "navigate");
    matches!(*method, Method::GET | Method::HEAD) && html && !by_script && !hop::wants_websocket(headers)
}

/// Leads to where the refusal ends, and back from there.
pub(super) fn led(refusal: &Refusal, requires: Requires, target: &Uri) -> Response<Body> {
    let to = refusal.remedy().expect("gates refuse only what can be remedied");
    let next = next(target).map(|next| format!("next={next}"));
    // Who is to show two proofs is asked for both at once.
    let level = (requires == Requires::SecondFactor).then(|| "level=two_factors".to_owned());
    let query: Vec<String> = next.into_iter().chain(level).collect();
    let location = if query.is_empty() { to.to_owned() } else { format!("{to}?{}", query.join("&")) };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(location).expect("escaped text is a header value"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Path and query on this very site, escaped. One slash in front: two would be another host.
fn next(target: &Uri) -> Option<String> {
    let escaped = |text: &str| {
        let text = utf8_percent_encode(text.trim_start_matches('/'), ESCAPED);
        Some(format!("/{text}")).filter(|text| text.len() <= NEXT_BYTES_MAX)
    };
    target.path_and_query().and_then(|target| escaped(target.as_str())).or_else(|| escaped(target.path()))
}

/// Takes from an answer what lets shared caches keep it: the shop does not know that it is not for everybody. RFC 9111
/// section 5.2.2.7.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    for name in FOR_SHARED_CACHES {
        headers.remove(name);
    }
    let said = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let shared = |directive: &&str| {
        let name = directive.split('=').next().unwrap_or_default().trim();
        !["", "public", "s-maxage", "private"].iter().any(|shared| name.eq_ignore_ascii_case(shared))
    };
    let kept = said.flat_map(|value| value.split(',')).map(str::trim).filter(shared);
    let value = std::iter::once("private").chain(kept).collect::<Vec<_>>().join(", ");
    headers.insert(CACHE_CONTROL, HeaderValue::try_from(value).expect("parts of header values are one"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_a_path_of_this_site() {
        let long = format!("/a?{}", "x".repeat(NEXT_BYTES_MAX));
        let longer = format!("/{}", "%41".repeat(NEXT_BYTES_MAX / 4));
        for (target, expected) in [
            ("/account", Some("/account")),
            (
                "/account/orders?id=7&x=a b".replace(' ', "%20").as_str(),
                Some("/account/orders%3Fid%3D7%26x%3Da%2520b"),
            ),
            ("//evil.example/x", Some("/evil.example/x")),
            ("/%5cevil.example", Some("/%255cevil.example")),
            ("https://shop.example/x?y", Some("/x%3Fy")),
            (long.as_str(), Some("/a")),
            (longer.as_str(), None),
        ] {
            assert_eq!(next(&target.parse().expect("a target")).as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn answers_from_behind_a_gate_are_for_one_person() {
        for (said, expected) in [
            (vec![], "private"),
            (vec!["public, max-age=60, s-maxage=600"], "private, max-age=60"),
            (vec!["no-store"], "private, no-store"),
            (vec!["Private", "max-age=60"], "private, max-age=60"),
        ] {
            let mut headers = HeaderMap::new();
            for value in &said {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            headers.insert("cdn-cache-control", HeaderValue::from_static("max-age=600"));
            keep_private(&mut headers);
            assert_eq!(
                (headers.len(), headers[CACHE_CONTROL].to_str().expect("text")),
                (1, expected),
                "{said:?}"
            );
        }
    }
}
