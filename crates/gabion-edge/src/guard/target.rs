//! Methods and targets that are forwarded, for HTTP/1 and HTTP/2 alike.
//!
//! What browsers really send passes as it is, also where RFC 3986 would have it escaped; everything else is refused
//! and never rewritten, so that the shop and all that stand before it read the same bytes.

use super::Fault;
use crate::route::host_part;

/// Bytes of a target; above them 414. Browsers and shops stay below 8 KiB; payment returns may carry more.
pub(crate) const TARGET_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a method. The longest registered one has 17.
const METHOD_BYTES_MAX: usize = 20;

const PATH: u8 = 1;
const QUERY: u8 = 2;

/// Where a byte may stand. `[ ] ^ |` are not escaped by browsers in paths; in queries also `` \ ` { } ``
/// (WHATWG URL section 1.3).
static BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        table[byte] = match b {
            b'"' | b'<' | b'>' | b'#' => 0,
            b'\\' | b'`' | b'{' | b'}' | b'?' => QUERY,
            _ => PATH | QUERY,
        };
        byte += 1;
    }
    table
};

/// Checks a method: any of capital letters is forwarded but those that speak to the proxy itself.
///
/// # Errors
/// [`Fault::Method`] or [`Fault::MethodUnknown`].
pub(super) fn method(method: &[u8]) -> Result<(), Fault> {
    match method {
        b"GET" | b"POST" | b"HEAD" => Ok(()),
        b"CONNECT" | b"TRACE" | b"TRACK" => Err(Fault::Method),
        other if other.len() > METHOD_BYTES_MAX => Err(Fault::MethodUnknown),
        other if other.iter().all(|b| b.is_ascii_uppercase() || *b == b'-') => Ok(()),
        _ => Err(Fault::MethodUnknown),
    }
}

/// Checks the target of HTTP/1. Returns its host where it has one. RFC 9112 section 3.2.
///
/// # Errors
/// What is wrong with it.
pub(super) fn target<'a>(method: &[u8], target: &'a [u8]) -> Result<Option<&'a [u8]>, Fault> {
    if target.first() == Some(&b'/') {
        return path_and_query(target).map(|()| None);
    }
    if target == b"*" {
        return if method == b"OPTIONS" { Ok(None) } else { Err(Fault::TargetForm) };
    }
    absolute(target).map(Some)
}

/// Checks a path with its query.
///
/// # Errors
/// What is wrong with it.
pub(super) fn path_and_query(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() > TARGET_BYTES_MAX {
        return Err(Fault::TargetLong);
    }
    let path = bytes.iter().position(|b| BYTES[usize::from(*b)] & PATH == 0).unwrap_or(bytes.len());
    if let Some(query) = bytes[path..].strip_prefix(b"?") {
        if !query.iter().all(|b| BYTES[usize::from(*b)] & QUERY != 0) {
            return Err(Fault::TargetByte);
        }
    } else if path < bytes.len() {
        return Err(Fault::TargetByte);
    }
    escapes(&bytes[..path])
}

/// Escapes of a path are of two hexadecimal digits and not NUL. In a query `%` is common as itself.
fn escapes(path: &[u8]) -> Result<(), Fault> {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00" => {
                rest = &rest[at + 3..]
            }
            _ => return Err(Fault::TargetEscape),
        }
    }
    Ok(())
}

/// Checks `http://host/path` and returns the host with its port.
fn absolute(target: &[u8]) -> Result<&[u8], Fault> {
    let scheme = target.windows(3).position(|bytes| bytes == b"://").ok_or(Fault::TargetForm)?;
    let (scheme, rest) = (&target[..scheme], &target[scheme + 3..]);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(Fault::TargetForm);
    }
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains(&b'@') {
        return Err(Fault::UserInfo);
    }
    if !is_host(authority) {
        return Err(Fault::TargetForm);
    }
    path_and_query(path)?;
    // What the parser behind us does not take must not come that far.
    http::Uri::try_from(target).map(|_| authority).map_err(|_| Fault::TargetForm)
}

/// Whether it is `host[:port]`.
pub(super) fn is_host(authority: &[u8]) -> bool {
    std::str::from_utf8(authority).ok().and_then(host_part).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Option<&str>, Fault>) {
        assert_eq!(target(b"GET", text.as_bytes()), expected.map(|host| host.map(str::as_bytes)), "{text}");
    }

    #[test]
    fn what_browsers_send_passes() {
        for text in [
            "/",
            "//",
            "/a-b_c~d.e/%C3%A4;v=1",
            "/a[1]|b^c",
            "/?a[]=1&b={\"x\"}".replace('"', "%22").as_str(),
            "/?q=50%&x=%zz&y=a|b`c\\d^e{f}",
            "/?a=/b?c",
        ] {
            check(text, Ok(None));
        }
        check("http://shop.example/a?b", Ok(Some("shop.example")));
        check("HTTPS://shop.example:8443", Ok(Some("shop.example:8443")));
        check("http://[::1]:80/", Ok(Some("[::1]:80")));
    }

    #[test]
    fn bytes_that_must_be_escaped_are_refused() {
        for byte in (0..=b' ').chain(*b"\"<>#\\`{}").chain(0x7f..=0xff) {
            assert_eq!(target(b"GET", &[b'/', byte]), Err(Fault::TargetByte), "{byte:#x}");
        }
        for byte in (0..=b' ').chain(*b"\"<>#").chain(0x7f..=0xff) {
            assert_eq!(target(b"GET", &[b'/', b'?', byte]), Err(Fault::TargetByte), "{byte:#x}");
        }
    }

    #[test]
    fn malformed_escapes_of_paths_are_refused() {
        for text in ["/%", "/%2", "/%zz", "/%00", "/a%2fb%0", "/%%41"] {
            check(text, Err(Fault::TargetEscape));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "shop.example:443",
            "*",
            "a",
            "?a",
            "ftp://shop.example/",
            "http://",
            "http:///a",
            "http://a[b/",
        ] {
            check(text, Err(Fault::TargetForm));
        }
        check("http://user@shop.example/", Err(Fault::UserInfo));
        check("http://shop.example/a b", Err(Fault::TargetByte));
        check(&format!("/{}", "a".repeat(TARGET_BYTES_MAX)), Err(Fault::TargetLong));
        assert_eq!(target(b"OPTIONS", b"*"), Ok(None));
    }

    #[test]
    fn methods_are_capital_letters() {
        for ok in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"] {
            assert_eq!(method(ok.as_bytes()), Ok(()), "{ok}");
        }
        for refused in ["CONNECT", "TRACE", "TRACK"] {
            assert_eq!(method(refused.as_bytes()), Err(Fault::Method), "{refused}");
        }
        for unknown in ["get", "Get", "G3T", "GET$", "AAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(method(unknown.as_bytes()), Err(Fault::MethodUnknown), "{unknown}");
        }
    }
}
