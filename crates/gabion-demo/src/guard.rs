//! What every request and answer passes: the host check, the time limit and the banner headers.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderName, SERVER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::server::App;

/// Time from a request's head to its answer's head, a slow upload included. Above it: 408.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// Gives up on a request whose body does not arrive; answers that stay open are not concerned.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "The request took longer than a minute.\n").into_response(),
    }
}

/// Refuses names the demo does not answer to, so that a page elsewhere cannot reach it by DNS rebinding.
pub(crate) async fn known_host(State(app): State<App>, request: Request, next: Next) -> Response {
    if host(&request).is_some_and(|host| app.hosts.contains(&host)) {
        return next.run(request).await;
    }
    let reason = "This demo shop answers only to its own host names, such as naked.localhost.\n";
    (StatusCode::MISDIRECTED_REQUEST, reason).into_response()
}

fn host(request: &Request) -> Option<String> {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = named.or_else(|| request.uri().authority().map(|authority| authority.as_str()))?;
    Some(without_port(authority).to_ascii_lowercase())
}

/// `shop.localhost:8443` becomes `shop.localhost`, `[::1]:80` becomes `[::1]`.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => authority,
    }
}

/// Deliberately naive: tells everybody which software and version to look up.
pub(crate) async fn banner(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("TideShop/1.4"));
    headers
        .insert(HeaderName::from_static("x-powered-by"), HeaderValue::from_static("TideShop Commerce 1.4.2"));
    response
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn the_port_is_not_part_of_the_host_name() {
        assert_eq!(without_port("shop.localhost:8443"), "shop.localhost");
        assert_eq!(without_port("shop.localhost"), "shop.localhost");
        assert_eq!(without_port("[::1]:8000"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
        assert_eq!(without_port("evil.example:80:80"), "evil.example:80");
    }
}
