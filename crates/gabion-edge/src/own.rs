//! Gabion's own pages on the sites: sign-in, account, recovery. Who answers them stands above the edge.
//!
//! A claimed request is limited like any other and then ends here. The shop, the rules of the WAF, the look at uploads,
//! the page guard and their records never see it: it may carry a password. Its query is kept out of the access log.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gabion_core::SiteId;
use gabion_page::text::Language;
use http::header::{ACCEPT_LANGUAGE, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, Response, request};
use http_body::Body as HttpBody;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Site;
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::transfer::{Intake, Pace};
use crate::{Body, Refusal, RequestId, forward, guard, hop};

/// Bytes of one request body for Gabion's own pages; above them 413. A passkey's answer has 4 KiB, a form less.
pub const OWN_BODY_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of such bodies in memory over all requests, as many as a thousand of the largest; one that does not fit gets 503.
/// They are never written to a file.
const OWN_BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long one of Gabion's own pages may take to answer; then 503.
const OWN_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where Gabion's own pages are, on every site.
pub(crate) const FOLDER: &str = "/.gabion";

/// Room for bodies, in bytes.
static ROOM: Semaphore = Semaphore::const_new(OWN_BODIES_BYTES_MAX);

/// The future of an answer.
pub type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// What answers on Gabion's own paths of the sites. Implemented above the edge.
pub trait OwnPages: Send + Sync {
    /// Whether it answers this path of a site, normalized as routes compare it. Asked for every request: from memory, and
    /// without waiting. Paths at and below `/.gabion` that nobody claims get 404; others are the shop's unless they are
    /// claimed. `/.gabion/reports` is never asked about.
    fn claims(&self, site: &SiteId, path: &str) -> bool;

    /// Answers a claimed request, whose body is complete and at most [`OWN_BODY_BYTES_MAX`] long. A [`Caller`] is among its
    /// extensions. Method, target and headers are as the client sent them, but for cookies, which are in one field;
    /// what forwarding headers say is not to be believed. Answers to HEAD may have a body: it is left out.
    ///
    /// The future is dropped when the client leaves, or after 30 seconds: what has to be finished must not depend on it.
    fn answer(&self, request: Request<Body>) -> Answering;
}

/// Who asks for one of Gabion's own pages, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The site.
    pub site: SiteId,
    /// The name customers know it by.
    pub site_name: String,
    /// The address the customer uses: one of the site's origins, such as `https://shop.example`.
    pub origin: String,
    /// What the customer reads of the languages there are; the site's own where the browser asks for none of them.
    pub language: Language,
    /// The customer's address, forwarded by a believed proxy or that of the peer.
    pub address: IpAddr,
    /// Whether the customer used TLS.
    pub https: bool,
    /// The JA4 fingerprint of the customer's software; none over plain HTTP.
    pub ja4: Option<String>,
    /// The id of the request.
    pub request: RequestId,
}

impl Caller {
    fn of(visit: &Visit) -> Self {
        let (facts, site) = (&visit.facts, &visit.matched().site);
        let languages = visit.request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self {
            site: site.id.clone(),
            site_name: site.name.clone(),
            origin: origin(site, &visit.request, facts.client.https),
            language: Language::negotiate(site.language, languages),
            address: facts.client.address,
            https: facts.client.https,
            ja4: facts.connection.ja4().map(str::to_owned),
            request: facts.id,
        }
    }
}

/// The origin of the site that the customer uses: with the same host, and best the same scheme and port. A port that is
/// none of the site's is one of a port forward in front of Gabion.
fn origin(site: &Site, request: &Request<Body>, https: bool) -> String {
    let authority = forward::authority(request.uri(), request.headers());
    let authority = authority.to_str().unwrap_or_default().to_ascii_lowercase();
    let host = crate::route::host_part(&authority).unwrap_or_default();
    let fits = |origin: &&crate::origin::Origin| {
        (origin.host == host, origin.https == https, origin.authority() == authority)
    };
    // The first of the best: origins of a site are in the order of the file.
    let best = site.origins.iter().rev().max_by_key(fits);
    best.expect("a site has at least one origin once checked").to_string()
}

/// Has Gabion's own pages answered by who claims them.
#[derive(Clone)]
pub(crate) struct Own;

impl Layer for Own {
    async fn call(self, visit: Box<Visit>, next: impl Next) -> Outcome {
        let own = visit.matched().own.clone();
        match own {
            // Boxed, so that requests for the shop carry nothing of it.
            Some(pages) => Box::pin(answer(visit, pages)).await,
            None => next.call(visit).await,
        }
    }
}

async fn answer(visit: Box<Visit>, pages: Arc<dyn OwnPages>) -> Outcome {
    let head = visit.request.method() == Method::HEAD;
    if visit.request.method() == Method::CONNECT {
        return Err(Refusal::Method);
    }
    if guard::encoded(visit.request.headers()) {
        return Err(Refusal::EncodedBody);
    }
    let (site, https) = (Arc::clone(&visit.matched().site), visit.facts.client.https);
    let caller = Caller::of(&visit);
    let metrics = Arc::clone(visit.edge.metrics());
    metrics.own_pages.fetch_add(1, Ordering::Relaxed);
    visit.facts.notes.is_own();
    let pace = Pace::of(&visit.state.limits, false);
    let (parts, body) = visit.request.into_parts();
    let mut intake = Intake::new(body, OWN_BODY_BYTES_MAX, 0, pace, &metrics)?;
    // Given free when the answer is there.
    let mut places = Vec::new();
    let body = read(&mut intake, &mut places).await?;
    let answering = pages.answer(handed_on(parts, body, caller));
    let mut response = within(OWN_ANSWER_TIMEOUT, answering).await?;
    hop::remove(response.headers_mut(), |_| false);
    site.headers.apply(response.headers_mut(), https);
    Ok(if head { without_body(response) } else { response })
}

async fn within(time: Duration, answering: Answering) -> Outcome {
    let answer = tokio::time::timeout(time, answering).await;
    answer.map_err(|_| Refusal::Unavailable { what: "one of Gabion's own pages" })
}

async fn read(intake: &mut Intake, places: &mut Vec<SemaphorePermit<'static>>) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    while let Some(frame) = intake.frame().await? {
        let Some(data) = frame.data_ref() else { continue };
        let bytes = u32::try_from(data.len()).map_err(|_| Refusal::Overloaded)?;
        places.push(ROOM.try_acquire_many(bytes).map_err(|_| Refusal::Overloaded)?);
        whole.extend_from_slice(data);
    }
    Ok(whole.freeze())
}

/// The request without what only the edge may use, such as the connection to be upgraded.
fn handed_on(parts: request::Parts, body: Bytes, caller: Caller) -> Request<Body> {
    let mut request = Request::new(if body.is_empty() { Body::empty() } else { Body::from(body) });
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    *request.version_mut() = parts.version;
    *request.headers_mut() = parts.headers;
    forward::join_cookies(request.headers_mut(), |_| true);
    request.extensions_mut().insert(caller);
    request
}

/// The answer to HEAD: what GET would get, with its length and without its content. RFC 9110 section 9.3.2.
fn without_body(mut response: Response<Body>) -> Response<Body> {
    if let Some(bytes) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(bytes));
    }
    response.map(|_| Body::empty())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_page_that_hangs_is_given_up() {
        let hangs: Answering = Box::pin(std::future::pending());
        let refusal = within(Duration::from_millis(1), hangs).await.err().expect("it hangs");
        assert_eq!(
            (refusal.status(), refusal.retry_after_seconds()),
            (StatusCode::SERVICE_UNAVAILABLE, Some(5))
        );
        let answers: Answering = Box::pin(async { Response::new(Body::empty()) });
        assert!(within(OWN_ANSWER_TIMEOUT, answers).await.is_ok());
    }
}
