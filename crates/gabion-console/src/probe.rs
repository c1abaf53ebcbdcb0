//! What machines ask: is the process alive, can it do its work, how much of it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use gabion_edge::status::WafStatus;
use gabion_web::{By, ClientAddr, Problem, Read};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::Console;

/// Media type of the Prometheus text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
}

/// Whether this process can do its work, and why not.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    pub(crate) ready: bool,
    pub(crate) reasons: Vec<String>,
    /// The rules that requests are held against; none where nothing is inspected.
    pub(crate) waf: Option<WafStatus>,
}

/// Customers are served without a database too, but not for long what operators expect; so both count.
pub(crate) fn ready(console: &Console) -> Ready {
    let mut reasons = Vec::new();
    if console.0.edge.addresses().is_empty() {
        reasons.push("no public listener is open".to_owned());
    }
    if let Some(reason) = console.0.db.health().reason {
        reasons.push(format!("the database takes no writes: {reason}"));
    }
    Ready { ready: reasons.is_empty(), reasons, waf: console.0.edge.waf() }
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn readiness(State(console): State<Console>) -> Response {
    let ready = ready(&console);
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

/// Scrapers beside the process need no key: whoever is on the machine sees as much already.
async fn metrics(
    State(console): State<Console>,
    by: Result<By<Read>, Problem>,
    client: Option<ClientAddr>,
) -> Result<Response, Problem> {
    let local = client.is_some_and(|ClientAddr(address)| address.to_canonical().is_loopback());
    if !local {
        by?;
    }
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], console.metrics_page()).into_response())
}
