//! Measures what gates cost a request whose session is in memory, and requests that no gate asks for anything:
//! `what<TAB>microseconds a request<TAB>of which the gates`. Medians of rounds; each is taken with and without the layer of
//! the gates, in turn. Route lookup, the request's id and its counters are in all of them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to whoever started it")]

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use gabion_core::{Clock, Event, Secret, SiteId, SystemClock};
use gabion_crypto::SystemEntropy;
use gabion_crypto::digest::sha256;
use gabion_edge::config::{
    AccessLogSection, EdgeSections, LimitsSection, ListenSection, PagesSection, RouteSection, SiteSection,
    TelemetrySection, UploadSection, UpstreamSection, WafSection,
};
use gabion_edge::measure::Walk;
use gabion_edge::sessions::{Customer, Level, Lookup, Sessions, StaffMember};
use gabion_edge::tls::local::Authority;
use gabion_edge::tls::{CertificateStore, Challenges, TlsSettings, server_config};
use gabion_edge::{Body, Edge, EdgeConfig, EdgeDeps, EventSink, Unheard};
use http::{HeaderValue, Request, StatusCode};
use serde::Deserialize;

/// Sessions in memory.
const SESSIONS: u32 = 100_000;
/// Requests of a round, and rounds of each kind.
const REQUESTS: u32 = 1_000;
const ROUNDS: usize = 101;

const FILE: &str = r#"
    [listen]
    https = ["127.0.0.1:0"]
    http = ["127.0.0.1:0"]
    [waf]
    mode = "off"
    [pages]
    mode = "off"
    [upload]
    mode = "off"
    [[site]]
    name = "Shop"
    origins = ["https://shop.example"]
    [[upstream]]
    name = "shop"
    endpoints = ["http://127.0.0.1:9"]
    [[route]]
    path = "/"
    upstream = "shop"
"#;
const GATES: &str = r#"
    [[route]]
    path = "/account"
    upstream = "shop"
    requires = "customer"
    requires_within_minutes = 60
    forward_identity = true
    [[route]]
    path = "/admin"
    upstream = "shop"
    requires = "staff"
"#;

#[derive(Deserialize)]
struct File {
    listen: ListenSection,
    waf: WafSection,
    pages: PagesSection,
    upload: UploadSection,
    site: Vec<SiteSection>,
    upstream: Vec<UpstreamSection>,
    route: Vec<RouteSection>,
}

struct Nowhere;

impl EventSink for Nowhere {
    fn offer(&self, _: Event) {}
}

/// Customers by the digests of their cookies, as they would be kept.
struct Memory(RwLock<HashMap<[u8; 32], Arc<Customer>>>);

impl Memory {
    fn new() -> Self {
        let customer = |number: u32| Customer {
            account: format!("acc_{number}"),
            level: Level::SecondFactor,
            authenticated_at: SystemClock.now(),
            statement: Some(HeaderValue::from_static("a.signed.statement")),
        };
        let all = (0..SESSIONS).map(|number| (sha256(cookie(number).as_bytes()), Arc::new(customer(number))));
        Self(RwLock::new(all.collect()))
    }
}

/// 26 characters, as an id of 128 bits has.
fn cookie(number: u32) -> String {
    format!("{number:026}")
}

impl Sessions for Memory {
    fn customer(&self, _: &SiteId, cookie: &str) -> Lookup<Customer> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Lookup::Known(all.get(&sha256(cookie.as_bytes())).cloned())
    }

    fn staff(&self, _: &SiteId, _: &str) -> Lookup<StaffMember> {
        Lookup::Known(None)
    }
}

fn config(text: &str) -> Result<EdgeConfig, Box<dyn Error>> {
    let file: File = toml::from_str(text)?;
    let accounts: BTreeSet<_> = file.site.iter().filter_map(SiteSection::known_as).collect();
    let sections = EdgeSections {
        listen: &file.listen,
        limits: &LimitsSection::default(),
        access_log: &AccessLogSection::default(),
        telemetry: &TelemetrySection::default(),
        waf: &file.waf,
        pages: &file.pages,
        upload: &file.upload,
        sites: &file.site,
        upstreams: &file.upstream,
        routes: &file.route,
        rate_limits: &[],
        accounts: &accounts,
    };
    EdgeConfig::check(sections).map_err(|invalid| invalid.message.into())
}

fn start(text: &str) -> Result<Edge, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let names = ["shop.example".parse()?];
    let authority = Authority::open_or_create(&folder.path().join("ca"), &names, &SystemClock)?;
    let store = CertificateStore::new(vec![authority.issue(&names, SystemClock.now())?])?;
    let deps = EdgeDeps {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::default()),
        events: Arc::new(Nowhere),
        pages: Arc::new(Unheard),
        tls: server_config(&store, &TlsSettings::default())?,
        sockets: Arc::default(),
        sticky_key: Secret::new([5; 32]),
        challenges: Challenges::default(),
        scratch: std::env::temp_dir(),
        sharing: None,
        quarantine: None,
        own: None,
        sessions: Some(Arc::new(Memory::new())),
    };
    Ok(Edge::start(config(text)?, deps)?)
}

fn request(path: &str, cookie: Option<String>) -> Result<Request<Body>, http::Error> {
    let builder = Request::get(path)
        .header("host", "shop.example")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let cookies = cookie.map(|cookie| format!("cart=7f3a; __Host-gabion-customer={cookie}; seen=1"));
    let builder = cookies.into_iter().fold(builder, |builder, cookies| builder.header("cookie", cookies));
    builder.body(Body::empty())
}

/// Microseconds of one request.
async fn round(walk: &Walk, path: &str, signed_in: bool, gates: bool) -> Result<f64, Box<dyn Error>> {
    let cookie = |number: u32| signed_in.then(|| cookie(number.wrapping_mul(7_919) % SESSIONS));
    let requests: Vec<_> =
        (0..REQUESTS).map(|number| request(path, cookie(number))).collect::<Result<_, _>>()?;
    let began = Instant::now();
    for request in requests {
        if walk.walk(request, gates).await != StatusCode::OK {
            return Err(format!("{path} is not let in").into());
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS))
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

async fn measure() -> Result<(), Box<dyn Error>> {
    let (without, with) = (start(FILE)?, start(&format!("{FILE}{GATES}"))?);
    for (what, edge, path, signed_in) in [
        ("open route, a shop without gates", &without, "/tea/oolong", false),
        ("open route beside gates", &with, "/tea/oolong", false),
        ("open route beside gates, an odd path", &with, "/Tea/Caf%C3%A9;v=1", false),
        ("gate, session in memory, identity forwarded", &with, "/account/orders", true),
    ] {
        let walk = Walk::new(edge);
        let (mut gated, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            gated.push(round(&walk, path, signed_in, true).await?);
            bare.push(round(&walk, path, signed_in, false).await?);
        }
        let (gated, bare) = (median(gated), median(bare));
        println!("{what}\t{gated:.2}\t{:.2}", gated - bare);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gates: {error}");
            ExitCode::FAILURE
        }
    }
}
