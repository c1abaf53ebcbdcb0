//! A console around a real edge, a real database and a fake product.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use gabion_console::{Console, Deps};
use gabion_core::{Actor, Clock, Event, EventId, EventKind};
use gabion_edge::config::{
    AccessLogSection, EdgeSections, LimitsSection, ListenSection, PagesSection, RateLimitSection,
    RouteSection, SiteSection, TelemetrySection, UploadSection, UpstreamSection, WafSection,
};
use gabion_edge::waf::ProvenRules;
use gabion_edge::{Edge, EdgeConfig, EdgeDeps, EventSink};
use gabion_outbound::mail::{Letter, Mail, MailConfig, Transport};
use gabion_pages::{LooksSection, Pages};
use gabion_store::lane::{Lane, LaneConfig};
use gabion_store::outbox::MessageId;
use gabion_store::{Db, StorageConfig, StoreDeps, StoreError};
use gabion_test::{SeededEntropy, TestClock};
use gabion_upload::{Inspector, Rules};
use gabion_waf::{Disk, RuleSet, Services, Source};
use gabion_web::auth::{self, Authenticate, Authentication};
use gabion_web::{
    AllowedHosts, ApiKey, ApiKeyId, ClientAddr, Csrf, Plane, Principal, SessionId, Staff, StaffId,
};
use http::header::HOST;
use http::request::{Builder, Parts};
use http::{HeaderValue, Method, Request};
use serde::Deserialize;
use tower::ServiceExt;

use crate::fake::FakeControl;
use crate::quarantine::FakeUploads;

/// The part of the operator's file that the edge reads.
#[derive(Deserialize)]
struct File {
    listen: ListenSection,
    #[serde(default)]
    limits: LimitsSection,
    site: Vec<SiteSection>,
    upstream: Vec<UpstreamSection>,
    route: Vec<RouteSection>,
    #[serde(default)]
    rate_limit: Vec<RateLimitSection>,
}

const FILE: &str = r#"
    [listen]
    https = []
    http = ["127.0.0.1:0"]
    [[site]]
    name = "Tidewater Tea"
    origins = ["http://shop.example"]
    [[upstream]]
    name = "shop"
    endpoints = ["http://127.0.0.1:8081", "http://127.0.0.1:8082"]
    [upstream.health]
    interval_seconds = 3600
    [[route]]
    path = "/"
    upstream = "shop"
"#;

/// Drops what the edge tells: tests offer their own events.
struct Nowhere;

impl EventSink for Nowhere {
    fn offer(&self, _: Event) {}
}

/// Takes `x-role: owner` for a session of that role and `authorization: scope scope` for an API key.
struct ByHeader;

impl Authenticate for ByHeader {
    fn authenticate<'a>(
        &'a self,
        parts: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Authentication> + Send + 'a>> {
        let header = |name| parts.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap());
        let principal = match (header("x-role"), header("authorization")) {
            (_, Some(scopes)) => Some(Principal::ApiKey(ApiKey {
                id: ApiKeyId::from_bits(1),
                name: "monitor".into(),
                scopes: scopes.parse().unwrap(),
            })),
            (Some(role), None) => Some(Principal::Staff(Staff {
                id: StaffId::from_bits(1),
                name: "Mara Lindqvist".into(),
                role: role.parse().unwrap(),
                session: session(),
            })),
            (None, None) => None,
        };
        Box::pin(std::future::ready(Ok(principal)))
    }
}

fn session() -> SessionId {
    SessionId::from_bits(1)
}

pub(crate) struct Harness {
    pub(crate) router: Router,
    pub(crate) console: Console,
    pub(crate) control: Arc<FakeControl>,
    pub(crate) uploads: Arc<FakeUploads>,
    pub(crate) db: Db,
    pub(crate) lane: Lane,
    pub(crate) pages: Pages,
    pub(crate) mail: Mail,
    pub(crate) edge: Edge,
    pub(crate) clock: TestClock,
    pub(crate) csrf: Csrf,
    entropy: Arc<SeededEntropy>,
    folder: tempfile::TempDir,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with_mail(Some(Transport::Captured)).await
    }

    /// A console where letters go the given way, or nowhere.
    pub(crate) async fn with_mail(transport: Option<Transport>) -> Self {
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(1));
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("gabion.db").display());
        let deps = StoreDeps { clock: Arc::new(clock.clone()), entropy: entropy.clone() };
        let db = Db::open(StorageConfig::new(url), deps).await.unwrap();
        db.migrate(&[gabion_pages::MIGRATIONS, gabion_outbound::MIGRATIONS]).await.unwrap();
        let path = folder.path().join("edge.db");
        let lane = Lane::open(path, LaneConfig::default(), Arc::new(clock.clone()), entropy.clone());
        let lane = lane.await.unwrap();
        let edge = edge(&clock, entropy.clone());
        let control = Arc::new(FakeControl::new(clock.clone()));
        let uploads = Arc::new(FakeUploads::new(clock.clone()));
        let pages_deps =
            gabion_pages::Deps { db: db.clone(), clock: Arc::new(clock.clone()), entropy: entropy.clone() };
        let pages = Pages::new(LooksSection::default(), pages_deps);
        let from = "Tidewater Tea <tea@shop.example>".parse().unwrap();
        let mail_deps = gabion_outbound::mail::Deps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
            tls: gabion_edge::tls::upstream::client_config(None, &[]).unwrap(),
        };
        let mail = Mail::new(transport.map(|transport| MailConfig { from, transport }), mail_deps).unwrap();
        let keys = db.clone();
        let csrf = Csrf::new(move || keys.keys());
        let console = Console::new(Deps {
            edge: edge.clone(),
            control: control.clone(),
            db: db.clone(),
            lane: lane.clone(),
            pages: pages.clone(),
            uploads: uploads.clone(),
            mail: mail.clone(),
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
            csrf: csrf.clone(),
        });
        let plane = Plane {
            hosts: AllowedHosts::new(["console.test"]),
            csp: HeaderValue::from_static(gabion_page::CONSOLE_CSP),
            error_page: console.error_page(),
            clock: Arc::new(clock.clone()),
            entropy: entropy.clone(),
        };
        let router = console.pages().merge(console.api()).merge(console.probes());
        let router = plane.finish(auth::layer(router, Arc::new(ByHeader), csrf.clone()));
        Self { router, console, control, uploads, db, lane, pages, mail, edge, clock, csrf, entropy, folder }
    }

    /// A page as somebody of a role sees it.
    pub(crate) async fn page(&self, role: &str, path: &str) -> Answer {
        self.send(Request::get(path).header("x-role", role).header("accept", "text/html"), "").await
    }

    /// A form posted from a page of ours.
    pub(crate) async fn post(&self, role: &str, path: &str, form: &str) -> Answer {
        let token = self.csrf.token(session());
        let request = Request::post(path)
            .header("x-role", role)
            .header("accept", "text/html")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, format!("csrf={token}&{form}")).await
    }

    /// A request of a program.
    pub(crate) async fn api(&self, scopes: &str, method: Method, path: &str, body: &str) -> Answer {
        self.api_once(scopes, method, path, body, "key-1").await
    }

    pub(crate) async fn api_once(
        &self,
        scopes: &str,
        method: Method,
        path: &str,
        body: &str,
        key: &str,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", scopes)
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        self.send(request, body.to_owned()).await
    }

    pub(crate) async fn send(&self, request: Builder, body: impl Into<Body>) -> Answer {
        let response = self.open(request, body).await;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { response: Response::from_parts(parts, ()), text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// The answer with its body still open: streams.
    pub(crate) async fn open(&self, request: Builder, body: impl Into<Body>) -> Response {
        let mut request = request.header(HOST, "console.test").body(body.into()).unwrap();
        if request.extensions().get::<ClientAddr>().is_none() {
            request.extensions_mut().insert(ClientAddr("192.0.2.9".parse().unwrap()));
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Puts a letter and has it delivered.
    pub(crate) async fn write_to(&self, to: &str, subject: &str, text: &str) -> MessageId {
        let letter = Letter::new("sign_in.code", to.parse().unwrap(), subject, text).unwrap();
        let letter = letter.html("<p>Hello <b>Ann</b></p>").unwrap();
        self.clock.advance(std::time::Duration::from_millis(1));
        let (mail, now) = (self.mail.clone(), self.clock.now());
        let id = MessageId::new(now, &*self.entropy);
        self.db.write(move |tx| mail.put(tx, id, &letter, now)).await.unwrap();
        self.mail.deliver_due().await;
        id
    }

    /// Takes the database file away, so that writing ends for good.
    pub(crate) async fn kill_database(&self) {
        let file = self.folder.path().join("gabion.db");
        std::fs::rename(&file, file.with_extension("gone")).unwrap();
        let event = self.event(&EventKind::new("test.lost", 1, gabion_core::Severity::Info));
        let lost: Result<(), StoreError> = self.db.write(move |tx| tx.record(&event)).await;
        assert!(lost.is_err() && !self.db.health().writable, "the store notices");
    }

    /// Lets every client send one request an hour, except this machine, which is believed who its clients are.
    pub(crate) fn limit_to_one_request(&self) {
        let strict = FILE.replace("[listen]", "[listen]\ntrusted_proxies = [\"127.0.0.1\"]");
        let limit = "[[rate_limit]]\nname = \"strict\"\nby = [\"address\"]\nrequests = 1\nper_seconds = 3600";
        self.edge
            .reload(self.ruled(&format!("{strict}\n{limit}\nexempt = [\"127.0.0.1\"]\neverywhere = true")))
            .unwrap();
    }

    /// Leaves the edge without public listeners.
    pub(crate) fn close_listeners(&self) {
        self.edge.reload(self.ruled(&FILE.replace("[\"127.0.0.1:0\"]", "[]"))).unwrap();
    }

    /// Has the one route look at uploads in a mode.
    pub(crate) fn set_upload_mode(&self, mode: &str) {
        self.edge.reload(self.ruled(&format!("{FILE}\nupload = \"{mode}\""))).unwrap();
    }

    /// A configuration with the rules that there are.
    fn ruled(&self, file: &str) -> EdgeConfig {
        EdgeConfig { rules: self.edge.rules(), inspector: self.edge.inspector(), ..config(file) }
    }

    /// A new event of a kind.
    pub(crate) fn event(&self, kind: &EventKind) -> Event {
        let now = self.clock.now();
        Event::new(kind, EventId::new(now, &*self.entropy), now, Actor::System)
    }

    /// Records an event in the journal.
    pub(crate) async fn record(&self, event: Event) {
        let recorded: Result<(), StoreError> = self.db.write(move |tx| tx.record(&event)).await;
        recorded.unwrap();
    }

    /// Offers an event to the edge's lane and waits until it can be read.
    pub(crate) async fn offer(&self, event: Event) {
        let mut newest = self.lane.watch();
        self.lane.offer(event);
        newest.changed().await.unwrap();
    }
}

fn config(file: &str) -> EdgeConfig {
    let file: File = toml::from_str(file).unwrap();
    EdgeConfig::check(EdgeSections {
        listen: &file.listen,
        limits: &file.limits,
        access_log: &AccessLogSection::default(),
        telemetry: &TelemetrySection::default(),
        waf: &WafSection::default(),
        pages: &PagesSection::default(),
        upload: &UploadSection::default(),
        sites: &file.site,
        upstreams: &file.upstream,
        routes: &file.route,
        rate_limits: &file.rate_limit,
        accounts: &std::collections::BTreeSet::new(),
    })
    .unwrap()
}

fn edge(clock: &TestClock, entropy: Arc<SeededEntropy>) -> Edge {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let sticky_key = gabion_core::Secret::new([5; 32]);
    let deps = EdgeDeps {
        clock,
        entropy,
        events: Arc::new(Nowhere),
        pages: Arc::new(gabion_edge::Unheard),
        tls: Arc::new(tls),
        sockets: Arc::default(),
        sticky_key,
        challenges: gabion_edge::tls::Challenges::default(),
        scratch: std::env::temp_dir(),
        sharing: None,
        quarantine: None,
        own: None,
        sessions: None,
    };
    let rules = Some(Arc::new(rules(&deps)));
    let inspector = Some(Arc::new(Inspector::new(Rules::none())));
    Edge::start(EdgeConfig { rules, inspector, ..config(FILE) }, deps).unwrap()
}

/// Rules that stop what they are tried with.
fn rules(deps: &EdgeDeps) -> ProvenRules {
    let text = "SecRule ARGS \"@detectSQLi\" \"id:1,phase:2,deny\"\nSecRule ARGS \"@detectXSS\" \"id:2,phase:2,deny\"";
    let rules = RuleSet::load(&[Source::text("rules.conf", text)], &Disk).unwrap();
    ProvenRules::prove(rules, vec!["rules.conf".into()], Services::default(), deps.clock.now()).unwrap()
}

pub(crate) struct Answer {
    pub(crate) response: Response<()>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        assert!(self.text.contains(text), "no {text:?} in {}", self.text);
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        assert!(!self.text.contains(text), "{text:?} in {}", self.text);
    }
}
