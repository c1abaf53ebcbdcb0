//! Which names the control plane answers to.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::{Problem, origin};

/// The host names and addresses the control plane answers to. A page of a foreign name that resolves to our
/// address (DNS rebinding) is refused, whatever it asks.
#[derive(Clone, Debug)]
pub struct AllowedHosts(std::sync::Arc<[String]>);

impl AllowedHosts {
    /// Names and IP addresses without ports; IPv6 addresses in brackets.
    pub fn new<I: IntoIterator<Item = T>, T: AsRef<str>>(hosts: I) -> Self {
        Self(hosts.into_iter().map(|host| host.as_ref().to_ascii_lowercase()).collect())
    }

    /// Says whether an authority (`host` or `host:port`) names one of them.
    pub fn allow(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
        let host = authority.host().trim_end_matches('.');
        self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// Middleware: 421 `unknown_host` for requests to any other name (RFC 9110 section 15.5.20).
pub(crate) async fn check(State(hosts): State<AllowedHosts>, request: Request, next: Next) -> Response {
    match origin::authority(request.uri(), request.headers()) {
        Some(authority) if hosts.allow(authority) => next.run(request).await,
        _ => {
            let detail = "this address does not answer to that host name";
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", detail).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_names_are_answered_on_any_port() {
        let hosts = AllowedHosts::new(["localhost", "127.0.0.1", "[::1]", "Console.Example"]);
        for good in ["localhost", "localhost:9443", "127.0.0.1:9443", "[::1]:9443", "console.example."] {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in
            ["evil.test", "localhost.evil.test", "127.0.0.2", "[::2]:9443", "", "a b", "user@localhost.x"]
        {
            assert!(!hosts.allow(bad), "{bad}");
        }
    }
}
