//! One request for something that may be read, and its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use data_encoding::BASE64;
use gabion_core::{Actor, entropy};
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::policy::PolicySet;
use gabion_markup::{Address, Collector, Nonce, PageClass, Partial, Rewrite};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, LOCATION, SET_COOKIE, USER_AGENT, VARY,
};
use http::{Method, Response, StatusCode, Uri, response};
use http_body::Body as HttpBody;

use super::body::{Changed, Observed};
use super::held::{ClassHeld, SiteHeld};
use super::judge::Bench;
use super::policy::{PolicyText, forget_the_body, keep_private};
use super::read::{Coding, Reader, Tap};
use super::tell::Account;
use super::{path, request};
use crate::body::BoxError;
use crate::config::Site;
use crate::event::PAGE_DIVERTED;
use crate::layer::{Facts, Outcome, Visit};
use crate::path::normalize;
use crate::proxy::is_event_stream;
use crate::rate_limit::block;
use crate::route::host;
use crate::upstream::Upstream;
use crate::{Body, Edge, Refusal};

/// One request for something that may be read.
pub(super) struct Look {
    edge: Edge,
    facts: Arc<Facts>,
    site: Arc<Site>,
    held: Arc<SiteHeld>,
    host: Box<str>,
    uri: Uri,
    class: PageClass,
    /// Whether it is a GET: nothing happened but that a page was asked for.
    is_asked_for: bool,
    /// Whether browsers are told of a policy that they only report on.
    is_reported: bool,
    /// Whether card numbers and keys in answers are masked.
    masks: bool,
    /// Who answers, where the page may be held.
    upstream: Option<Arc<Upstream>>,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Page,
    Script,
    Text,
    /// It does not say, or says that it is just bytes.
    Unknown,
}

/// The policy of one answer.
#[derive(Default)]
struct Chosen<'a> {
    text: Option<&'a PolicyText>,
    /// The nonce that the policy names.
    nonce: Option<Nonce>,
    /// The nonce that scripts are given; none where they have the shop's.
    given: Option<Nonce>,
}

impl Look {
    /// Asks for what can be read.
    pub(super) fn begin(visit: &mut Visit) -> Box<Self> {
        let (edge, facts) = (visit.edge.clone(), Arc::clone(&visit.facts));
        let site = Arc::clone(&visit.matched().site);
        let held = edge.watch().of(&site.id);
        let host = host(&visit.request).unwrap_or_default().to_ascii_lowercase().into();
        let uri = visit.request.uri().clone();
        let class = held.class_of(&normalize(uri.path()));
        let is_asked_for = visit.request.method() == Method::GET;
        let is_reported = class != PageClass::Other || is_in_sample(visit);
        let masks = visit.state.pages_mask_secrets;
        let upstream = held.class(class).elsewhere.is_some().then(|| {
            let (client, headers) = (&facts.client, visit.request.headers());
            Arc::clone(visit.matched().route.upstream(client, headers))
        });
        request::narrow(visit.request.headers_mut(), held.class(class).is_fresh());
        Box::new(Self {
            edge,
            facts,
            site,
            held,
            host,
            uri,
            class,
            is_asked_for,
            is_reported,
            masks,
            upstream,
        })
    }

    /// Looks at the answer, and holds it to what was decided.
    ///
    /// # Errors
    /// When the shop breaks off inside a page that is held.
    pub(super) async fn answer(self: Box<Self>, response: Response<Body>) -> Outcome {
        let Some(kind) = Kind::of(&response) else { return Ok(response) };
        let Some(address) = path::address(&self.site, &self.host, self.uri.path()) else {
            return Ok(response);
        };
        let (parts, body) = response.into_parts();
        if kind == Kind::Page {
            // Boxed, so that other answers carry nothing of it.
            return Box::pin(self.page(address, parts, body)).await;
        }
        let reader = match kind {
            Kind::Script => Reader::script(),
            Kind::Unknown => Reader::unknown(),
            Kind::Text if self.masks => return Ok(self.masked(address, parts, body)),
            Kind::Text if self.is_watched() || is_error(parts.status) => Reader::text(),
            Kind::Text | Kind::Page => return Ok(Response::from_parts(parts, body)),
        };
        let coding = Coding::of(&parts.headers);
        if coding == Coding::Unknown || body.is_end_stream() {
            return Ok(Response::from_parts(parts, body));
        }
        let account = self.account(&parts, address, SecurityHeaders::default());
        let observed = Observed::new(body, Tap::new(coding, reader), account);
        let body = if kind == Kind::Script {
            let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
            Body::wrap(observed.unless(self.edge.watch().repeat(&self.site.id, target, coding)))
        } else {
            Body::wrap(observed)
        };
        Ok(Response::from_parts(parts, body))
    }

    /// Whether this answer is looked at: always where people pay, sign in or see their account; elsewhere as often as its path
    /// is not looked at anyway.
    fn is_watched(&self) -> bool {
        self.class != PageClass::Other
            || self.edge.watch().looks(&self.site.id, self.uri.path(), self.edge.now())
    }

    async fn page(self: Box<Self>, address: Address, mut parts: response::Parts, body: Body) -> Outcome {
        let held = self.held.class(self.class);
        let coding = Coding::of(&parts.headers);
        let chosen = self.choose(held, &parts.headers);
        let changes = held.judges || chosen.given.is_some() || self.masks;
        // Mistakes of the shop are told wherever they are.
        let reads = changes || self.is_watched() || is_error(parts.status);
        let account = reads.then(|| self.account(&parts, address.clone(), security(&parts.headers)));
        if let Some(text) = chosen.text {
            text.put(&mut parts.headers, chosen.nonce.as_ref());
        }
        if chosen.given.is_some() {
            keep_private(&mut parts.headers);
        }
        let elsewhere = held.elsewhere.as_ref().filter(|to| to.without_query() != address);
        let Some(account) = account.filter(|_| !body.is_end_stream()) else {
            if changes {
                forget_the_body(&mut parts.headers);
            }
            return Ok(Response::from_parts(parts, body));
        };
        if coding == Coding::Unknown {
            account.unread(Partial::Encoding);
            return Ok(match elsewhere {
                Some(to) => self.divert(to, &parts.headers, Partial::Encoding.sentence()),
                None => Response::from_parts(parts, body),
            });
        }
        let charset = charset(&parts.headers);
        if !changes {
            let collector = Collector::new(&address, charset.as_deref(), Rewrite::default());
            let tap = Tap::new(coding, Reader::page(collector));
            return Ok(Response::from_parts(parts, Body::wrap(Observed::new(body, tap, account))));
        }
        self.changes(&mut parts.headers, coding);
        let bench = Arc::new(Bench::new(&self.held, self.class, self.edge.metrics()));
        let rewrite = Rewrite { judge: Some(Arc::clone(&bench) as _), nonce: chosen.given, head: None };
        let reader = Reader::page(Collector::new(&address, charset.as_deref(), rewrite));
        let reader = if self.masks { reader.masking() } else { reader };
        let share = self.edge.watch().room.share();
        let mut changed = Changed::new(body, (coding, reader), account, &bench, share);
        // What answers a form may thank for an order: whoever is led away from it orders again.
        if let Some(to) = elsewhere.filter(|_| self.is_asked_for) {
            let held = changed.hold().await.map_err(|error| self.broke_off(&error))?;
            if !held {
                return Ok(self.divert(to, &parts.headers, bench.undecided().unwrap_or_default()));
            }
        } else if held.elsewhere.is_some() {
            bench.stop();
        }
        Ok(Response::from_parts(parts, Body::wrap(changed)))
    }

    /// An answer that is no page, with what it should not say masked.
    fn masked(&self, address: Address, mut parts: response::Parts, body: Body) -> Response<Body> {
        let coding = Coding::of(&parts.headers);
        if coding == Coding::Unknown || body.is_end_stream() {
            return Response::from_parts(parts, body);
        }
        self.changes(&mut parts.headers, coding);
        let account = self.account(&parts, address, SecurityHeaders::default());
        let bench = Arc::new(Bench::new(&self.held, self.class, self.edge.metrics()));
        let share = self.edge.watch().room.share();
        let changed = Changed::new(body, (coding, Reader::text().masking()), account, &bench, share);
        Response::from_parts(parts, Body::wrap(changed))
    }

    /// What goes out is no longer what the shop said of it.
    fn changes(&self, headers: &mut HeaderMap, coding: Coding) {
        self.edge.metrics().pages_changed.fetch_add(1, Ordering::Relaxed);
        forget_the_body(headers);
        if coding == Coding::Gzip {
            headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
    }

    /// Of a held page that breaks off nothing is served: it could be the part that says what a script does.
    fn broke_off(&self, error: &BoxError) -> Refusal {
        let upstream = self.upstream.as_ref().map(|upstream| upstream.config.name.clone());
        Refusal::Unreachable {
            upstream: upstream.unwrap_or_default(),
            reason: format!("response broke off: {error}"),
        }
    }

    /// The policy of an answer with these headers.
    fn choose<'a>(&self, held: &'a ClassHeld, headers: &HeaderMap) -> Chosen<'a> {
        let learn = held.learn.as_ref().filter(|_| self.is_reported);
        let Some(text) = held.enforce.as_ref().or(learn) else { return Chosen::default() };
        if !text.needs_nonce() {
            return Chosen { text: Some(text), ..Chosen::default() };
        }
        let values =
            |name: HeaderName| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        let enforced = values(CONTENT_SECURITY_POLICY);
        let shop = PolicySet::parse(enforced, values(CONTENT_SECURITY_POLICY_REPORT_ONLY));
        match shop.script_nonce().map(Nonce::of_shop) {
            // A script has one nonce: the shop's policy wants its own.
            Some(Ok(nonce)) => Chosen { text: Some(text), nonce: Some(nonce), given: None },
            // It cannot be named in a policy: browsers report, rather than stop every script of the shop.
            Some(Err(_)) => self.with_nonce(held.learn.as_ref()),
            None => self.with_nonce(Some(text)),
        }
    }

    fn with_nonce<'a>(&self, text: Option<&'a PolicyText>) -> Chosen<'a> {
        let bytes: [u8; 16] = entropy::draw(self.edge.entropy());
        let nonce: Nonce = BASE64.encode(&bytes).parse().expect("16 bytes are 24 characters of base64");
        Chosen { text, nonce: Some(nonce.clone()), given: Some(nonce) }
    }

    fn account(&self, parts: &response::Parts, address: Address, headers: SecurityHeaders) -> Account {
        let (edge, site) = (self.edge.clone(), self.site.id.clone());
        Account { edge, site, class: self.class, address, status: parts.status.as_u16(), headers }
    }

    /// Leads the customer to another address. What the shop says of sessions stays.
    fn divert(&self, to: &Address, shop: &HeaderMap, undecided: &str) -> Response<Body> {
        self.edge.metrics().pages_diverted.fetch_add(1, Ordering::Relaxed);
        self.edge.recorder().record(&PAGE_DIVERTED, Actor::Visitor, |event| {
            event
                .site(&self.site.id)
                .entity("request", self.facts.id)
                .field("class", self.class.as_str())
                .field("path", path::grouped(self.uri.path()))
                .field("undecided", undecided)
                .field("to", to.to_string())
                .personal("address", self.facts.client.address.to_string())
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let headers = response.headers_mut();
        for cookie in shop.get_all(SET_COOKIE) {
            headers.append(SET_COOKIE, cookie.clone());
        }
        let location = HeaderValue::from_bytes(to.to_string().as_bytes());
        headers.insert(LOCATION, location.expect("an address has no control characters"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Kind {
    /// Of an answer that is there as a whole; none of what is not read.
    fn of(response: &Response<Body>) -> Option<Self> {
        let status = response.status();
        let whole = ![StatusCode::NO_CONTENT, StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED]
            .contains(&status);
        if !whole || status.is_informational() || is_event_stream(response.headers()) {
            return None;
        }
        let Some(kind) = response.headers().get(CONTENT_TYPE) else { return Some(Self::Unknown) };
        let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        Self::named(&kind.to_ascii_lowercase())
    }

    fn named(kind: &str) -> Option<Self> {
        Some(match kind {
            "text/html" | "application/xhtml+xml" => Self::Page,
            "text/css" => return None,
            // WHATWG MIME Sniffing, section 4.6: what is run as a script.
            kind if kind.ends_with("javascript") || kind.ends_with("ecmascript") => Self::Script,
            "" | "application/octet-stream" => Self::Unknown,
            "application/json" | "application/xml" | "application/sql" | "application/x-sql" => Self::Text,
            kind if kind.starts_with("text/") || kind.ends_with("+json") => Self::Text,
            _ => return None,
        })
    }
}

/// Whether pages of no watched class are looked at in this visit: the same for all requests of an address and a browser.
fn is_in_sample(visit: &Visit) -> bool {
    let percent = u64::from(visit.state.pages_sample_percent);
    let agent = visit.request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let hash = block(visit.edge.watch().key.hash(), visit.facts.client.address, 32, 64);
    hash.text(agent.unwrap_or_default()).finish() % 100 < percent
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn security(headers: &HeaderMap) -> SecurityHeaders {
    SecurityHeaders::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// The `charset` of a Content-Type.
fn charset(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("charset");
        named.then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_each_other_by_their_type() {
        for (kind, expected) in [
            ("text/html", Some(Kind::Page)),
            ("application/javascript", Some(Kind::Script)),
            ("text/javascript", Some(Kind::Script)),
            ("application/x-ecmascript", Some(Kind::Script)),
            ("application/json", Some(Kind::Text)),
            ("application/problem+json", Some(Kind::Text)),
            ("text/plain", Some(Kind::Text)),
            ("application/octet-stream", Some(Kind::Unknown)),
            ("text/css", None),
            ("image/png", None),
        ] {
            assert_eq!(Kind::named(kind), expected, "{kind}");
        }
    }

    #[test]
    fn the_charset_is_found_where_there_is_one() {
        for (kind, expected) in [
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;a=b; Charset=\"windows-1252\"", Some("windows-1252")),
            ("text/html", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(charset(&headers).as_deref(), expected, "{kind}");
        }
    }
}
