//! The guard's rules for requests that hyper has read: all of HTTP/2, and what concerns both versions.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST};
use http::{HeaderMap, Method, Request};

use super::scan::{content_length, expectation};
use super::{Fault, field, target};

/// Holds a request of HTTP/2 against the rules that HTTP/1 heads are held against. Its framing is the library's:
/// `Transfer-Encoding` and the fields of a connection are refused there (RFC 9113 section 8.2.2).
///
/// # Errors
/// What is wrong with it.
pub(crate) fn http2<B>(request: &Request<B>) -> Result<(), Fault> {
    let (uri, headers) = (request.uri(), request.headers());
    // Whether CONNECT is forwarded depends on what it asks for (RFC 8441); routing decides.
    if request.method() != Method::CONNECT {
        target::method(request.method().as_str().as_bytes())?;
        match uri.path_and_query().map(|path| path.as_str()) {
            Some("*") if request.method() == Method::OPTIONS => {}
            Some(path) if path.starts_with('/') => target::path_and_query(path.as_bytes())?,
            _ => return Err(Fault::TargetForm),
        }
    }
    let host = only(headers, &HOST, Fault::HostRepeated)?;
    match (uri.authority().map(|authority| authority.as_str().as_bytes()), host) {
        (None, None) => return Err(Fault::HostMissing),
        (Some(target), _) if target.contains(&b'@') => return Err(Fault::UserInfo),
        // RFC 9113 section 8.3.1.
        (Some(target), Some(host)) if !target.eq_ignore_ascii_case(host) => return Err(Fault::HostDiffers),
        (Some(host), _) | (None, Some(host)) if !target::is_host(host) => return Err(Fault::HostMalformed),
        _ => {}
    }
    if let Some(length) = only(headers, &CONTENT_LENGTH, Fault::LengthRepeated)? {
        content_length(length)?;
    }
    if let Some(value) = only(headers, &EXPECT, Fault::Expectation)? {
        expectation(value)?;
    }
    let shadow = headers.keys().any(|name| field::shadows(name.as_str().as_bytes()));
    if shadow { Err(Fault::FieldShadow) } else { Ok(()) }
}

/// The only value of a field.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &http::HeaderName,
    repeated: Fault,
) -> Result<Option<&'a [u8]>, Fault> {
    let mut values = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(repeated),
        (value, None) => Ok(value),
    }
}

/// Whether a request's body is encoded: what is in it cannot be seen, and it may unpack to a multiple of its size.
pub(crate) fn encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether a media type is one of gRPC: a stream of messages in both directions.
pub(crate) fn is_grpc(media_type: &[u8]) -> bool {
    media_type.starts_with(b"application/grpc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: http::request::Builder, expected: Result<(), Fault>) {
        let request = request.body(()).expect("a request");
        assert_eq!(http2(&request), expected, "{request:?}");
    }

    #[test]
    fn http2_is_held_against_the_same_rules() {
        let get = || Request::get("https://shop.example/a?b[]=1");
        check(get(), Ok(()));
        check(get().header("host", "SHOP.example").header("content-length", "0"), Ok(()));
        check(get().header("host", "other.example"), Err(Fault::HostDiffers));
        check(get().header("host", "shop.example").header("host", "shop.example"), Err(Fault::HostRepeated));
        check(Request::get("/"), Err(Fault::HostMissing));
        check(Request::get("https://user@shop.example/"), Err(Fault::UserInfo));
        check(get().header("content-length", "1").header("content-length", "1"), Err(Fault::LengthRepeated));
        check(get().header("content-length", "01"), Err(Fault::Length));
        check(get().header("content_length", "1"), Err(Fault::FieldShadow));
        check(get().header("expect", "200-maybe"), Err(Fault::Expectation));
        check(get().method("TRACE"), Err(Fault::Method));
        check(get().method("get"), Err(Fault::MethodUnknown));
        check(Request::get("https://shop.example/%zz"), Err(Fault::TargetEscape));
        check(Request::get("https://shop.example/\"x\""), Err(Fault::TargetByte));
        check(Request::options("*").header("host", "shop.example"), Ok(()));
        check(Request::get("*").header("host", "shop.example"), Err(Fault::TargetForm));
    }

    #[test]
    fn only_identity_is_no_encoding() {
        let headers = |values: &[&'static str]| {
            let value = |value: &&'static str| (CONTENT_ENCODING, http::HeaderValue::from_static(value));
            values.iter().map(value).collect::<HeaderMap>()
        };
        assert!(!encoded(&headers(&[])));
        assert!(!encoded(&headers(&["Identity"])));
        for value in ["gzip", "identity, gzip", "", "br"] {
            assert!(encoded(&headers(&[value])), "{value}");
        }
    }
}
