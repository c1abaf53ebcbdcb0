//! Plain HTTP leads to HTTPS.

use http::header::LOCATION;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::Body;
use crate::config::Site;
use crate::layer::{Layer, Next, Outcome, Visit};

/// Sends plain requests for a site that has an `https://` origin there; sites that only have `http://` origins are
/// served as they are.
#[derive(Clone)]
pub(crate) struct Redirect;

impl Layer for Redirect {
    async fn call(self, visit: Box<Visit>, next: impl Next) -> Outcome {
        let plain = !visit.facts.client.https;
        let location = plain.then(|| location(&visit.matched().site, &visit.request)).flatten();
        let Some(location) = location else { return next.call(visit).await };
        let mut response = Response::new(Body::empty());
        // 308 keeps method and body: a form that was posted to the wrong scheme is not lost. RFC 9110 15.4.9.
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(LOCATION, location);
        Ok(response)
    }
}

/// The same address under the site's HTTPS origin: the one with this host, or else the main one.
fn location(site: &Site, request: &Request<Body>) -> Option<HeaderValue> {
    let host = crate::route::host(request).ok()?;
    if site.origins.iter().any(|origin| !origin.https && origin.host.eq_ignore_ascii_case(host)) {
        return None;
    }
    let mut https = site.origins.iter().filter(|origin| origin.https);
    let same = https.clone().find(|origin| origin.host.eq_ignore_ascii_case(host));
    let origin = same.or_else(|| https.next())?;
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    HeaderValue::try_from(format!("{origin}{target}")).ok()
}
