//! State that is read from memory.

use axum::Json;
use axum::extract::{Query, State};
use gabion_core::Timestamp;
use gabion_edge::metrics::Point;
use gabion_edge::status::SiteStatus;
use gabion_edge::tls::CertificateInfo;
use gabion_web::{By, Listing, Problem, Read};
use serde::{Deserialize, Serialize};

use crate::Console;
use crate::probe::{self, Ready};
use crate::standing::Standing;
use crate::traffic::{self, Quantiles, Traffic, Window};

/// Answers by status class.
#[derive(Debug, Serialize)]
struct Responses {
    #[serde(rename = "1xx")]
    informational: u64,
    #[serde(rename = "2xx")]
    success: u64,
    #[serde(rename = "3xx")]
    redirection: u64,
    #[serde(rename = "4xx")]
    client_error: u64,
    #[serde(rename = "5xx")]
    server_error: u64,
}

impl From<[u64; 5]> for Responses {
    fn from(counts: [u64; 5]) -> Self {
        let [informational, success, redirection, client_error, server_error] = counts;
        Self { informational, success, redirection, client_error, server_error }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Overview {
    standing: Standing,
    window: Window,
    requests: u64,
    refused: u64,
    responses: Responses,
    latency_ms: Quantiles,
    shop_ms_mean: Option<f64>,
    gabion_ms_mean: Option<f64>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    at: Timestamp,
    seconds: u32,
    responses: Responses,
    refused: u64,
    shop_ms_mean: Option<f64>,
    gabion_ms_mean: Option<f64>,
}

impl Step {
    fn new(point: &Point) -> Self {
        let (shop_ms_mean, gabion_ms_mean) = traffic::means(point).unzip();
        Self {
            at: point.at,
            seconds: point.seconds,
            responses: point.responses.into(),
            refused: point.refused,
            shop_ms_mean,
            gabion_ms_mean,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    window: Option<String>,
}

pub(super) async fn overview(
    State(console): State<Console>,
    _: By<Read>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Overview>, Problem> {
    let edge = &console.0.edge;
    let (window, points) = match wanted.window.as_deref() {
        None | Some("hour") => (Window::Hour, edge.hour()),
        Some("day") => (Window::Day, edge.day()),
        Some(_) => {
            let detail = "window is hour or day";
            return Err(
                Problem::invalid(detail).fault(gabion_web::problem::Place::Parameter("window"), detail)
            );
        }
    };
    let traffic = Traffic::new(window, &points, console.now());
    let (shop_ms_mean, gabion_ms_mean) = traffic.means().unzip();
    Ok(Json(Overview {
        standing: Standing::of(&edge.upstreams()),
        window,
        requests: traffic.sum.requests(),
        refused: traffic.sum.refused,
        responses: traffic.sum.responses.into(),
        latency_ms: Quantiles::of(&traffic.sum.total),
        shop_ms_mean,
        gabion_ms_mean,
        steps: traffic.steps.iter().map(Step::new).collect(),
    }))
}

#[derive(Debug, Serialize)]
pub(super) struct Health {
    #[serde(flatten)]
    ready: Ready,
    store: Store,
    events_dropped: u64,
    started_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Store {
    writable: bool,
    reason: Option<String>,
    since: Timestamp,
    queue_depth: usize,
    lag_ms: f64,
    rolled_back: bool,
}

pub(super) async fn health(State(console): State<Console>, _: By<Read>) -> Json<Health> {
    let health = console.0.db.health();
    Json(Health {
        ready: probe::ready(&console),
        store: Store {
            writable: health.writable,
            reason: health.reason,
            since: health.since,
            queue_depth: health.queue_depth,
            lag_ms: traffic::millis(health.lag),
            rolled_back: console.0.db.rolled_back().is_some(),
        },
        events_dropped: console.0.feed.lane_stats().dropped,
        started_at: console.0.started_at,
    })
}

pub(super) async fn sites(State(console): State<Console>, _: By<Read>) -> Json<Listing<SiteStatus>> {
    Json(Listing { items: console.0.edge.sites(), next_cursor: None })
}

pub(super) async fn certificates(
    State(console): State<Console>,
    _: By<Read>,
) -> Json<Listing<CertificateInfo>> {
    Json(Listing { items: console.0.control.certificates(), next_cursor: None })
}
