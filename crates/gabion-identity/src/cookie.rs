//! Cookies of our own: each with every guard that browsers know, and never logged.

use std::time::Duration;

use gabion_core::Secret;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// What every one of them has. `Lax`: a POST from a foreign page brings none along.
const GUARDS: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// Puts a token into a browser, for so long or until it is closed.
pub(crate) fn set(name: &str, token: &Secret<String>, lifetime: Option<Duration>) -> HeaderValue {
    let age = lifetime.map(|lifetime| format!("; Max-Age={}", lifetime.as_secs())).unwrap_or_default();
    let cookie = format!("{name}={}; {GUARDS}{age}", token.expose());
    let mut value = HeaderValue::try_from(cookie).expect("tokens are ASCII");
    value.set_sensitive(true);
    value
}

/// Takes it away again.
pub(crate) fn clear(name: &str) -> HeaderValue {
    HeaderValue::try_from(format!("{name}=; {GUARDS}; Max-Age=0")).expect("names are ASCII")
}

/// The values of a name that a request carries: one, unless somebody slipped in another.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_has_every_guard_and_is_not_logged() {
        let token = Secret::new("tok".to_owned());
        let value = set("__Host-a", &token, None);
        assert_eq!(value, "__Host-a=tok; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert!(value.is_sensitive());
        let value = set("__Host-a", &token, Some(Duration::from_secs(60)));
        assert_eq!(value, "__Host-a=tok; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
        assert_eq!(clear("__Host-a"), "__Host-a=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; __Host-ab=no"));
        assert_eq!(values(&headers, "__Host-a").next(), None);
        headers.append(COOKIE, HeaderValue::from_static("x=y;__Host-a=tok; __Host-a=other"));
        assert_eq!(values(&headers, "__Host-a").collect::<Vec<_>>(), ["tok", "other"]);
    }
}
