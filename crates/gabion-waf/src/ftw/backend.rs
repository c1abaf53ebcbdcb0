//! The backend of the cases: it answers 200 with nothing, or what a POST to `/reflect` asks for.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::case::base64;
use crate::wire::Wire;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What the body of a request to `/reflect` holds. Source: albedo.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    encoded_body: String,
}

pub(super) fn answer(request: &Wire<'_>) -> Answer {
    let plain = Answer { status: 200, headers: Vec::new(), body: Vec::new() };
    if request.method != b"POST" || !request.target.starts_with(b"/reflect") {
        return plain;
    }
    match serde_json::from_slice::<Wish>(&request.body) {
        Ok(wish) => Answer {
            status: wish.status.unwrap_or(200),
            headers: with_type(wish.headers),
            body: if wish.encoded_body.is_empty() {
                wish.body.into_bytes()
            } else {
                base64(&wish.encoded_body)
            },
        },
        Err(_) => Answer { status: 400, ..plain },
    }
}

/// Go's server says what a body is when the backend does not; for those of the cases, text.
fn with_type(headers: BTreeMap<String, String>) -> Vec<(String, String)> {
    let typed = headers.keys().any(|name| name.eq_ignore_ascii_case("Content-Type"));
    let default = ("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned());
    headers.into_iter().chain((!typed).then_some(default)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_was_asked_for() {
        let ask = |body: &str| {
            let bytes = format!("POST /reflect HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            answer(&Wire::divide(bytes.as_bytes()))
        };
        let asked = ask(r#"{"status": 503, "headers": {"content-type": "a/b"}, "encodedBody": "YWI="}"#);
        let headers = vec![("content-type".to_owned(), "a/b".to_owned())];
        assert_eq!(asked, Answer { status: 503, headers, body: b"ab".to_vec() });
        assert_eq!(ask(r#"{"body": "x"}"#).body, b"x");
        assert_eq!(ask("x").status, 400);
        assert_eq!(answer(&Wire::divide(b"GET / HTTP/1.1\r\n\r\n")).status, 200);
    }
}
