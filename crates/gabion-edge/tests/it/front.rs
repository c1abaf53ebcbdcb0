//! An edge in front of fake shops, with a certificate of its own and events that can be waited for.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gabion_core::{Event, SiteId, SystemClock};
use gabion_edge::config::{
    AccessLogSection, EdgeSections, Invalid, LimitsSection, ListenSection, PagesSection, RateLimitSection,
    RouteSection, SiteSection, TelemetrySection, UploadSection, UpstreamSection, WafSection,
};
use gabion_edge::rate_limit::Sharing;
use gabion_edge::tls::local::Authority;
use gabion_edge::tls::{CertificateStore, Challenges, TlsSettings, server_config};
use gabion_edge::upload::Quarantine;
use gabion_edge::waf::ProvenRules;
use gabion_edge::{Edge, EdgeConfig, EdgeDeps, EventSink, OwnPages, PageSink, Plane, ReloadError, Sessions};
use gabion_markup::sighting::{Seen, Sighting};
use gabion_test::body::{self, TestBody};
use gabion_test::client::{self, Wire};
use gabion_test::{SeededEntropy, Shop};
use gabion_upload::{Inspector, Rules};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::sync::Notify;

/// Nothing in these tests takes that long; a test that would hang fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits, but not forever.
#[track_caller]
pub(crate) fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{caller}: nothing happened"))
    }
}

/// The events of an edge.
#[derive(Default)]
pub(crate) struct Events {
    all: Mutex<Vec<Event>>,
    more: Notify,
}

impl EventSink for Events {
    fn offer(&self, event: Event) {
        self.all.lock().unwrap().push(event);
        self.more.notify_waiters();
    }
}

impl Events {
    /// The events so far.
    pub(crate) fn all(&self) -> Vec<Event> {
        self.all.lock().unwrap().clone()
    }

    /// The first event of a kind, once it is there.
    pub(crate) async fn first(&self, kind: &str) -> Event {
        loop {
            let more = self.more.notified();
            if let Some(event) = self.all().into_iter().find(|event| event.kind == kind) {
                return event;
            }
            soon(more).await;
        }
    }
}

/// What an edge saw of pages.
#[derive(Default)]
pub(crate) struct Sightings {
    all: Mutex<Vec<Sighting>>,
    more: Notify,
}

impl PageSink for Sightings {
    fn offer(&self, sighting: Sighting) -> bool {
        self.all.lock().unwrap().push(sighting);
        self.more.notify_waiters();
        true
    }
}

impl Sightings {
    /// What was seen so far.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.all.lock().unwrap().iter().map(|sighting| sighting.seen.clone()).collect()
    }

    /// The first that `find` makes something of, once it is there.
    #[track_caller]
    pub(crate) fn first<T>(&self, find: impl Fn(&Seen) -> Option<T>) -> impl Future<Output = T> {
        let found = async move {
            loop {
                let more = self.more.notified();
                if let Some(found) = self.all().iter().find_map(&find) {
                    return found;
                }
                more.await;
            }
        };
        soon(found)
    }
}

/// The text of an event's field.
pub(crate) fn field(event: &Event, name: &str) -> String {
    let field = event.fields.iter().find(|field| field.name == name);
    field.unwrap_or_else(|| panic!("no field {name} in {event:?}")).value.to_string()
}

/// The id of what an event is about.
pub(crate) fn entity(event: &Event, kind: &str) -> String {
    let entity = event.entities.iter().find(|entity| entity.kind == kind);
    entity.unwrap_or_else(|| panic!("no {kind} in {event:?}")).id.clone()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: ListenSection,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    access_log: AccessLogSection,
    #[serde(default)]
    telemetry: TelemetrySection,
    waf: WafSection,
    pages: PagesSection,
    upload: UploadSection,
    site: Vec<SiteSection>,
    upstream: Vec<UpstreamSection>,
    route: Vec<RouteSection>,
    #[serde(default)]
    rate_limit: Vec<RateLimitSection>,
}

/// A configuration: one site with an HTTPS and a plain origin, one upstream, one route, and what a test adds.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    /// Lines of `[listen]`.
    pub(crate) listen: String,
    /// Lines of `[limits]`.
    pub(crate) limits: String,
    /// Lines of `[waf]`; it is off without any.
    pub(crate) waf: String,
    /// The rules it runs.
    pub(crate) rules: Option<Arc<ProvenRules>>,
    /// Lines of `[pages]`; it is off without any.
    pub(crate) pages: String,
    /// Lines of `[upload]`; it is off without any.
    pub(crate) upload: String,
    /// Where stopped files go.
    pub(crate) quarantine: Option<Arc<dyn Quarantine>>,
    /// Lines of `[[site]]`.
    pub(crate) site: String,
    /// URLs of the shop.
    pub(crate) endpoints: Vec<String>,
    /// Lines of `[[upstream]]`.
    pub(crate) upstream: String,
    /// Lines of `[[route]]`.
    pub(crate) route: String,
    /// Whole sections.
    pub(crate) more: String,
    /// Who answers Gabion's own pages.
    pub(crate) own: Option<Arc<dyn OwnPages>>,
    /// Who keeps sessions.
    pub(crate) sessions: Option<Arc<dyn Sessions>>,
    /// The sites with accounts.
    pub(crate) accounts: BTreeSet<SiteId>,
    /// Where exact limits are counted.
    pub(crate) sharing: Option<Sharing>,
}

impl Setup {
    pub(crate) fn of(shops: &[&Shop]) -> Self {
        Self { endpoints: shops.iter().map(|shop| shop.url()).collect(), ..Self::default() }
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { endpoints: vec![format!("http://{address}")], ..Self::default() }
    }

    pub(crate) fn listen(mut self, line: &str) -> Self {
        self.listen += &format!("{line}\n");
        self
    }

    pub(crate) fn limits(mut self, line: &str) -> Self {
        self.limits += &format!("{line}\n");
        self
    }

    pub(crate) fn waf(mut self, line: &str, rules: &Arc<ProvenRules>) -> Self {
        self.waf += &format!("{line}\n");
        self.rules = Some(Arc::clone(rules));
        self
    }

    pub(crate) fn pages(mut self, line: &str) -> Self {
        self.pages += &format!("{line}\n");
        self
    }

    pub(crate) fn upload(mut self, line: &str) -> Self {
        self.upload += &format!("{line}\n");
        self
    }

    pub(crate) fn quarantine(mut self, quarantine: &Arc<impl Quarantine + 'static>) -> Self {
        self.quarantine = Some(Arc::clone(quarantine) as Arc<dyn Quarantine>);
        self
    }

    pub(crate) fn own(mut self, own: &Arc<impl OwnPages + 'static>) -> Self {
        self.own = Some(Arc::clone(own) as Arc<dyn OwnPages>);
        self
    }

    /// Has somebody keep sessions, at the one site there is.
    pub(crate) fn sessions(mut self, sessions: &Arc<impl Sessions + 'static>) -> Self {
        self.sessions = Some(Arc::clone(sessions) as Arc<dyn Sessions>);
        self.accounts.insert(SiteId::from_name("Tidewater Tea").unwrap());
        self
    }

    pub(crate) fn site(mut self, line: &str) -> Self {
        self.site += &format!("{line}\n");
        self
    }

    pub(crate) fn upstream(mut self, line: &str) -> Self {
        self.upstream += &format!("{line}\n");
        self
    }

    pub(crate) fn route(mut self, line: &str) -> Self {
        self.route += &format!("{line}\n");
        self
    }

    pub(crate) fn more(mut self, sections: &str) -> Self {
        self.more += &format!("{sections}\n");
        self
    }

    pub(crate) fn config(&self) -> EdgeConfig {
        let config = self.check().unwrap();
        let inspector = config.wants_inspector().then(|| Arc::new(Inspector::new(Rules::builtin())));
        EdgeConfig { rules: self.rules.clone(), inspector, ..config }
    }

    pub(crate) fn check(&self) -> Result<EdgeConfig, Invalid> {
        let Self {
            listen, limits, waf, pages, upload, site, endpoints, upstream, route, more, accounts, ..
        } = self;
        // A machine that is busy with other tests is no overload; tests of that ask for it.
        let quiet = if limits.contains("overload_lag_ms") { "" } else { "overload_lag_ms = 0" };
        let waf = if waf.is_empty() { "mode = \"off\"" } else { waf };
        let pages = if pages.is_empty() { "mode = \"off\"" } else { pages };
        let upload = if upload.is_empty() { "mode = \"off\"" } else { upload };
        let text = format!(
            r#"
            [listen]
            https = ["127.0.0.1:0"]
            http = ["127.0.0.1:0"]
            {listen}
            [limits]
            {quiet}
            {limits}
            [waf]
            {waf}
            [pages]
            {pages}
            [upload]
            {upload}
            [[site]]
            name = "Tidewater Tea"
            origins = ["https://shop.example", "https://www.shop.example:8443", "http://plain.example"]
            {site}
            [[upstream]]
            name = "shop"
            endpoints = {endpoints:?}
            {upstream}
            [[route]]
            path = "/"
            upstream = "shop"
            {route}
            {more}
            "#
        );
        let file: File = toml::from_str(&text).unwrap();
        EdgeConfig::check(EdgeSections {
            listen: &file.listen,
            limits: &file.limits,
            access_log: &file.access_log,
            telemetry: &file.telemetry,
            waf: &file.waf,
            pages: &file.pages,
            upload: &file.upload,
            sites: &file.site,
            upstreams: &file.upstream,
            routes: &file.route,
            rate_limits: &file.rate_limit,
            accounts,
        })
    }

    /// Starts the edge.
    pub(crate) fn start(&self) -> Front {
        self.try_start(self.config()).unwrap()
    }

    /// Starts the edge with a configuration made of this one.
    pub(crate) fn try_start(&self, config: EdgeConfig) -> Result<Front, ReloadError> {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(&folder);
        let store = CertificateStore::new(vec![
            authority.issue(&names(&["shop.example"]), gabion_core::Clock::now(&SystemClock)).unwrap(),
        ])
        .unwrap();
        let events = Arc::new(Events::default());
        let sightings = Arc::new(Sightings::default());
        let deps = EdgeDeps {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SeededEntropy::new(1)),
            events: Arc::clone(&events) as Arc<dyn EventSink>,
            pages: Arc::clone(&sightings) as Arc<dyn PageSink>,
            tls: server_config(&store, &TlsSettings::default()).unwrap(),
            sockets: Arc::default(),
            sticky_key: gabion_core::Secret::new([5; 32]),
            challenges: Challenges::default(),
            scratch: std::env::temp_dir(),
            sharing: self.sharing.clone(),
            quarantine: self.quarantine.clone(),
            own: self.own.clone(),
            sessions: self.sessions.clone(),
        };
        let edge = Edge::start(config, deps)?;
        Ok(Front { edge, events, sightings, authority, _folder: folder })
    }
}

/// An authority for the names of these tests.
pub(crate) fn authority(folder: &TempDir) -> Authority {
    let all = names(&["shop.example", "127.0.0.1"]);
    Authority::open_or_create(&folder.path().join("ca"), &all, &SystemClock).unwrap()
}

/// Certificate names.
pub(crate) fn names(texts: &[&str]) -> Vec<gabion_edge::tls::Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A running edge.
pub(crate) struct Front {
    pub(crate) edge: Edge,
    pub(crate) events: Arc<Events>,
    pub(crate) sightings: Arc<Sightings>,
    pub(crate) authority: Authority,
    _folder: TempDir,
}

impl Front {
    pub(crate) fn address(&self, plane: Plane) -> SocketAddr {
        self.edge.addresses().into_iter().find(|(found, _)| *found == plane).unwrap().1
    }

    /// An HTTP/1.1 connection over TLS.
    pub(crate) async fn tls(&self) -> Wire {
        Wire::tls(self.address(Plane::Https), "shop.example", self.authority.root_der()).await
    }

    /// An HTTP/1.1 connection without TLS. `plain.example` is served there.
    pub(crate) async fn plain(&self) -> Wire {
        Wire::plain(self.address(Plane::Http)).await
    }

    /// An HTTP/2 connection.
    pub(crate) async fn http2(&self) -> SendRequest<TestBody> {
        client::http2(self.address(Plane::Https), "shop.example", self.authority.root_der()).await
    }

    /// Asks for a path over TLS.
    pub(crate) async fn get(&self, path: &str) -> client::Whole {
        soon(async { self.tls().await.ask(get(path, "")).await }).await
    }
}

/// A GET request of an HTTPS customer with more header lines.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n{headers}\r\n")
}

/// A GET request over HTTP/2.
pub(crate) fn get2(path: &str) -> Request<TestBody> {
    Request::get(format!("https://shop.example{path}")).body(body::empty()).unwrap()
}

/// A shop that answers everything with the same text.
pub(crate) async fn shop(text: &'static str) -> Shop {
    Shop::start(move |_: Request<Incoming>| async move { Ok(Response::new(body::whole(text))) }).await
}
