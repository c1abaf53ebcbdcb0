//! Which site and which upstream a request is for.

use std::borrow::Cow;
use std::sync::Arc;

use gabion_core::limits::cut;
use http::{Method, Request};

use crate::layer::{Layer, Next, Outcome, Visit};
use crate::own::{FOLDER, OwnPages};
use crate::pages::{self, REPORT_PATH};
use crate::path::{below, normalize};
use crate::proxy::websocket::is_extended;
use crate::state::Route;
use crate::{Refusal, config::Site};

/// Bytes of a foreign host that go into an event.
const HOST_BYTES_SHOWN: usize = 100;

/// The site and the route a request matched.
#[derive(Clone)]
pub(crate) struct Matched {
    pub(crate) site: Arc<Site>,
    pub(crate) route: Arc<Route>,
    /// Who answers where that is not the shop.
    pub(crate) own: Option<Arc<dyn OwnPages>>,
}

/// Finds site and route; answers requests for foreign hosts and reserved paths.
#[derive(Clone)]
pub(crate) struct RouteLookup;

impl Layer for RouteLookup {
    async fn call(self, mut visit: Box<Visit>, next: impl Next) -> Outcome {
        match look_up(&mut visit)? {
            Found::Route => next.call(visit).await,
            Found::Reports(site) => Box::pin(pages::take(visit, site)).await,
        }
    }
}

/// What a request is for.
enum Found {
    /// The route that it matches now.
    Route,
    /// What browsers report of the pages of a site.
    Reports(Arc<Site>),
}

fn look_up(visit: &mut Visit) -> Result<Found, Refusal> {
    let Visit { request, edge, state, .. } = visit;
    let host = lower_case(host(request)?);
    let site = state.site(&host).ok_or_else(|| unknown(&host))?;
    // Pages of refusals from here on are the site's.
    visit.facts.site.get_or_init(|| Arc::clone(&site));
    let websocket = is_extended(request.method(), request.extensions());
    if request.method() == Method::CONNECT && !websocket {
        return Err(Refusal::Method);
    }
    let path = normalize(request.uri().path());
    if path == REPORT_PATH {
        return Ok(Found::Reports(site));
    }
    let own = edge.own_pages().filter(|own| own.claims(&site.id, &path));
    if own.is_none() && below(&path, FOLDER) {
        return Err(Refusal::Reserved);
    }
    let own = own.map(Arc::clone);
    let route = state.route(&host, &path);
    let route = route.or_else(|| own.as_ref().map(|_| state.unrouted())).ok_or(Refusal::Reserved)?;
    drop((host, path));
    visit.matches(Matched { site, route, own });
    Ok(Found::Route)
}

fn lower_case(text: &str) -> Cow<'_, str> {
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    if lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_ascii_lowercase()) }
}

/// No site has this host among its origins. Ports are not compared: a port forward must not matter.
fn unknown(host: &str) -> Refusal {
    Refusal::UnknownHost { host: cut(host, HOST_BYTES_SHOWN).into_owned() }
}

/// The host of a request without its port: from the target where it has one, else from `Host`.
/// RFC 9112 section 3.2, RFC 9113 section 8.3.1.
pub(crate) fn host<B>(request: &Request<B>) -> Result<&str, Refusal> {
    let mut headers = request.headers().get_all(http::header::HOST).iter();
    let header = match (headers.next(), headers.next()) {
        (_, Some(_)) => return Err(Refusal::BadRequest("more than one Host header")),
        (first, None) => first,
    };
    if let Some(authority) = request.uri().authority() {
        // RFC 9110 section 4.2.4: user information in front of the host is an error.
        return host_part(authority.as_str()).ok_or(Refusal::BadRequest("malformed host in the target"));
    }
    let text = header.ok_or(Refusal::BadRequest("no Host header"))?.to_str().unwrap_or_default();
    host_part(text).ok_or(Refusal::BadRequest("malformed Host header"))
}

/// The host of `host[:port]`.
pub(crate) fn host_part(text: &str) -> Option<&str> {
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':');
    let port_ok = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (!host.is_empty() && host.bytes().all(name) && port_ok).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_strict() {
        for (text, expected) in [
            ("shop.example", Some("shop.example")),
            ("shop.example:8443", Some("shop.example")),
            ("[::1]:8443", Some("[::1]")),
            ("shop.example:", None),
            ("shop.example:x", None),
            ("shop example", None),
            ("evil@shop.example", None),
            ("[::1", None),
            ("", None),
        ] {
            assert_eq!(host_part(text), expected, "{text}");
        }
    }
}
