//! The overview: are customers served, how fast, and who takes the time.

use askama::Template;
use axum::extract::{RawQuery, State};
use gabion_core::{Severity, Timestamp};
use gabion_edge::config::WafMode;
use gabion_edge::status::{SiteStatus, WafStatus};
use gabion_edge::tls::certificate::Source;
use gabion_edge::tls::{CertificateInfo, Validity};
use gabion_outbound::mail::Kind;
use gabion_page::chart::Svg;
use gabion_page::format;
use gabion_page::shell::{Shell, Status, Tab, Tone};
use gabion_store::journal::View;
use gabion_web::Viewer;

use super::event_row::EventRow;
use super::query;
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::standing::{Level, Standing, endpoint_state};
use crate::traffic::{Traffic, Window};
use crate::words::{Moment, plural};

/// Seconds between two looks of an open page; the history has a new step as often.
pub(super) const REFRESH_SECONDS: u32 = 10;
/// Events shown.
const EVENTS_SHOWN: usize = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    shell: &'a Shell,
    /// Not repeated when the page's notices say it already.
    standing: Option<(Tone, String)>,
    tabs: Vec<Tab>,
    window: &'static str,
    numbers: Vec<Number>,
    quiet: bool,
    origin: String,
    times: Svg,
    times_note: String,
    responses: Svg,
    responses_note: String,
    endpoints: Vec<Endpoint>,
    certificates: Vec<Certificate>,
    waf: Option<Rules>,
    database: Database,
    mail: Letters,
    events: Vec<EventRow>,
    events_missing: bool,
}

struct Number {
    label: &'static str,
    value: String,
    note: String,
}

struct Endpoint {
    upstream: String,
    url: String,
    status: Status,
    word: &'static str,
    in_flight: String,
}

struct Certificate {
    names: String,
    status: Status,
    word: &'static str,
    expires: Moment,
    source: String,
    issuer: String,
    serial: String,
    next_renewal: Option<Moment>,
    last_error: Option<String>,
}

struct Rules {
    status: Status,
    word: String,
    rules: String,
    sources: String,
    loaded: Moment,
}

struct Database {
    status: Status,
    word: &'static str,
    since: Moment,
    writes: String,
    waiting: String,
}

/// How mail stands.
struct Letters {
    status: Status,
    word: &'static str,
    waiting: String,
    oldest: Option<Moment>,
    last_error: Option<String>,
    sent: String,
    gave_up: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    RawQuery(query): RawQuery,
) -> Drawn {
    let now = console.now();
    let edge = &console.0.edge;
    let window = match query::value(query.as_deref().unwrap_or_default(), "window").as_deref() {
        Some("day") => Window::Day,
        _ => Window::Hour,
    };
    let points = if window == Window::Day { edge.day() } else { edge.hour() };
    let traffic = Traffic::new(window, &points, now);
    let standing = Standing::of(&edge.upstreams());
    let view = if staff.role.sees_personal() { View::Full } else { View::Masked };
    let events = console.0.feed.notable(Severity::Warning, EVENTS_SHOWN, view).await;
    let shell = Shell { refresh: Some(REFRESH_SECONDS), ..console.frame(&staff, "Overview", "/") };
    draw(&Page {
        shell: &shell,
        standing: tone(standing.level).map(|tone| (tone, standing.sentence)),
        tabs: tabs(window),
        window: window.words(),
        numbers: numbers(&traffic),
        quiet: traffic.sum.requests() == 0,
        origin: edge.sites().first().and_then(first_origin).unwrap_or_default(),
        times: traffic.times_chart(),
        times_note: format!("mean of a request, {}", traffic.shown()),
        responses: traffic.responses_chart(),
        responses_note: format!("by status, {}", traffic.shown()),
        endpoints: endpoints(&console),
        certificates: certificates(&console.0.control.certificates(), now),
        waf: edge.waf().map(|waf| rules(&waf, now)),
        database: database(&console, now),
        mail: letters(&console, now),
        events_missing: events.is_err(),
        events: events.unwrap_or_default().iter().map(|found| EventRow::new(found, now)).collect(),
    })
}

fn letters(console: &Console, now: Timestamp) -> Letters {
    let (queue, counts) = (console.0.mail.queue(), console.0.mail.counts());
    let (status, word) = match (console.0.mail.kind(), &queue.trouble) {
        (Kind::Off, _) => (Status::Drained, "not configured"),
        (_, Some(_)) => (Status::Down, "cannot be sent"),
        (Kind::Captured, None) => (Status::Ok, "kept in the mailbox"),
        (Kind::Smtp, None) => (Status::Ok, "is sent"),
    };
    Letters {
        status,
        word,
        waiting: format::count(queue.waiting),
        oldest: queue.oldest.map(|put_at| Moment::new(put_at, now)),
        last_error: queue.trouble.map(|(_, reason)| reason).or(queue.last_error),
        sent: format::count(counts.sent + counts.captured),
        gave_up: format::count(counts.gave_up + counts.expired),
    }
}

fn tone(level: Level) -> Option<Tone> {
    match level {
        Level::Good => Some(Tone::Ok),
        Level::Degraded | Level::Maintenance => Some(Tone::Warn),
        Level::Down => None,
    }
}

fn tabs(window: Window) -> Vec<Tab> {
    let tab = |label: &str, href: &str, shown| Tab {
        label: label.to_owned(),
        href: href.to_owned(),
        current: window == shown,
    };
    vec![tab("Last hour", "/", Window::Hour), tab("Last day", "/?window=day", Window::Day)]
}

fn first_origin(site: &SiteStatus) -> Option<String> {
    site.origins.first().cloned()
}

fn numbers(traffic: &Traffic) -> Vec<Number> {
    let nothing = || "–".to_owned();
    let quantile = |share| traffic.quantile(share).map_or_else(nothing, format::duration);
    let errors = traffic.sum.responses[4];
    let (shop, gabion) = traffic.means().map_or((None, None), |(shop, gabion)| (Some(shop), Some(gabion)));
    vec![
        Number {
            label: "Requests",
            value: format::count(traffic.sum.requests()),
            note: traffic.rate().map_or_else(String::new, |rate| format!("{} a second", format::short(rate))),
        },
        Number {
            label: "Errors",
            value: traffic.error_share().map_or_else(nothing, format::percent),
            note: format!(
                "{} failed, {} refused by Gabion",
                format::count(errors),
                format::count(traffic.sum.refused)
            ),
        },
        Number {
            label: "Half are faster than",
            value: quantile(0.5),
            note: format!("p95 {}, p99 {}", quantile(0.95), quantile(0.99)),
        },
        Number {
            label: "Gabion's share",
            value: gabion.map_or_else(nothing, format::milliseconds),
            note: shop.map_or_else(String::new, |shop| {
                format!("beside {} in the shop, mean", format::milliseconds(shop))
            }),
        },
    ]
}

fn endpoints(console: &Console) -> Vec<Endpoint> {
    let upstreams = console.0.edge.upstreams();
    let rows = upstreams.iter().flat_map(|upstream| {
        upstream.endpoints.iter().map(|endpoint| {
            let (status, word) = if upstream.maintenance {
                (Status::Maintenance, "maintenance")
            } else {
                endpoint_state(endpoint)
            };
            Endpoint {
                upstream: upstream.name.clone(),
                url: endpoint.url.clone(),
                status,
                word,
                in_flight: format::count(endpoint.in_flight as u64),
            }
        })
    });
    rows.collect()
}

fn certificates(certificates: &[CertificateInfo], now: Timestamp) -> Vec<Certificate> {
    let row = |certificate: &CertificateInfo| {
        let (status, word) = match certificate.validity {
            Validity::Valid if certificate.source == Source::SelfSigned => (Status::Degraded, "stand-in"),
            Validity::Valid if certificate.last_error.is_some() => (Status::Degraded, "valid, not renewed"),
            Validity::Valid => (Status::Ok, "valid"),
            Validity::NotYet => (Status::Down, "not yet valid"),
            Validity::Expired => (Status::Down, "expired"),
        };
        Certificate {
            names: certificate.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            status,
            word,
            expires: Moment::new(certificate.not_after, now),
            source: certificate.source.to_string(),
            issuer: certificate.issuer.clone(),
            serial: certificate.serial.clone(),
            next_renewal: certificate.next_renewal.map(|next| Moment::new(next, now)),
            last_error: certificate.last_error.clone(),
        }
    };
    certificates.iter().map(row).collect()
}

/// Whether attacks are stopped: everywhere, somewhere, nowhere.
fn rules(waf: &WafStatus, now: Timestamp) -> Rules {
    let modes: Vec<_> = waf.modes.iter().map(|mode| mode.as_str()).collect();
    let (status, word) = match waf.modes.as_slice() {
        _ if waf.bypassed => (Status::Down, "bypassed".to_owned()),
        [WafMode::Block] => (Status::Ok, "block".to_owned()),
        _ => (Status::Degraded, modes.join(", ")),
    };
    Rules {
        status,
        word,
        rules: format!("{}, and they stop the attacks that try them", plural(waf.rules, "rule", "rules")),
        sources: waf.sources.join(", "),
        loaded: Moment::new(waf.loaded_at, now),
    }
}

fn database(console: &Console, now: Timestamp) -> Database {
    let health = console.0.db.health();
    let metrics = console.0.db.metrics();
    let (status, word) =
        if health.writable { (Status::Ok, "takes writes") } else { (Status::Down, "takes no writes") };
    let waiting = match health.queue_depth {
        0 => "none".to_owned(),
        depth => {
            format!("{}, the oldest for {}", plural(depth, "write", "writes"), format::duration(health.lag))
        }
    };
    Database {
        status,
        word,
        since: Moment::new(health.since, now),
        writes: format::count(metrics.writes),
        waiting,
    }
}
