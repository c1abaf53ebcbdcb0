//! The bytes of a request, as go-ftw builds them.

use super::case::{Generation, Input};

const FORM: &str = "application/x-www-form-urlencoded";

/// Everything that goes over the wire. Source: go-ftw, `ftwhttp/request.go`.
pub(super) fn build(input: &Input) -> Vec<u8> {
    if let Some(raw) = &input.raw {
        return raw.clone();
    }
    let mut headers = input.headers.clone();
    let mut data = input.data.clone().unwrap_or_default();
    let has = |headers: &[(String, String)], name: &str| {
        headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    if !data.is_empty() && input.autocomplete {
        if !has(&headers, "Content-Type") {
            headers.push(("Content-Type".to_owned(), FORM.to_owned()));
        }
        // Data that unescaping would change is taken for escaped already.
        if content_type(&headers, |value| value == FORM)
            && !data.iter().any(|byte| matches!(byte, b'%' | b'+'))
        {
            data = escape_pairs(&data);
        }
    }
    let go = input.generation == Generation::GoFtw;
    if go && content_type(&headers, |value| value.contains("multipart/form-data;")) {
        data = data.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    }
    if input.autocomplete {
        if !has(&headers, "Connection") {
            headers.push(("Connection".to_owned(), "close".to_owned()));
        }
        let with_body = go && matches!(input.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
        if !has(&headers, "Content-Length") && (!data.is_empty() || with_body) {
            headers.push(("Content-Length".to_owned(), data.len().to_string()));
        }
    }
    let mut bytes = format!("{} {} {}\r\n", input.method, input.uri, input.version).into_bytes();
    for (name, value) in &headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&data);
    bytes
}

fn content_type(headers: &[(String, String)], is: impl Fn(&str) -> bool) -> bool {
    headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("Content-Type") && is(value))
}

/// Escapes names and values, but not what divides them.
fn escape_pairs(data: &[u8]) -> Vec<u8> {
    let pairs = data.split(|byte| *byte == b'&').map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=');
        match at {
            Some(at) => [escape(&pair[..at]), escape(&pair[at + 1..])].join(&b'='),
            None => escape(pair),
        }
    });
    let mut escaped = pairs.collect::<Vec<_>>().join(&b'&');
    // Go's loop ends at the last divider and takes it off.
    if data.ends_with(b"&") {
        escaped.pop();
    }
    escaped
}

/// Escapes as Go's `url.QueryEscape`.
fn escape(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' ' => escaped.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => escaped.push(byte),
            _ if byte.is_ascii_alphanumeric() => escaped.push(byte),
            _ => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(method: &str, headers: &[(&str, &str)], data: Option<&str>) -> Input {
        Input {
            method: method.to_owned(),
            uri: "/".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            data: data.map(|data| data.as_bytes().to_vec()),
            raw: None,
            autocomplete: true,
            generation: Generation::GoFtw,
        }
    }

    #[test]
    fn requests_look_like_those_of_go_ftw() {
        for (input, expected) in [
            (
                input("POST", &[("Host", "h")], Some("a=b c&d<")),
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: 10\r\n\r\na=b+c&d%3C",
            ),
            (
                input("GET", &[("content-type", "multipart/form-data; boundary=x")], Some("a\nb")),
                "GET / HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=x\r\nConnection: close\r\nContent-Length: 4\r\n\r\na\r\nb",
            ),
            (input("PUT", &[], None), "PUT / HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            (
                input("POST", &[("Content-Length", "1")], Some("a=%20+")),
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\na=%20+",
            ),
        ] {
            assert_eq!(String::from_utf8_lossy(&build(&input)), expected);
        }
        let old = Input { generation: Generation::Ftw, ..input("POST", &[], None) };
        assert_eq!(build(&old), b"POST / HTTP/1.1\r\nConnection: close\r\n\r\n");
        let raw = Input { raw: Some(b"x".to_vec()), autocomplete: false, ..input("GET", &[], Some("y")) };
        assert_eq!(build(&raw), b"x");
    }
}
