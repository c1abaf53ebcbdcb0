//! What the console, the API and the metrics page read of the edge.

use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::metrics::prometheus::{Exposition, Type};
use crate::state::State;
use crate::{Edge, Metrics};

/// An upstream as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// Whether customers see the maintenance page.
    pub maintenance: bool,
    /// Requests in flight, all endpoints.
    pub in_flight: usize,
    /// The most there may be.
    pub requests_max: usize,
    /// Requests waiting for a place.
    pub waiting: usize,
    /// The most there may be.
    pub queue_max: usize,
    /// Its endpoints.
    pub endpoints: Vec<EndpointStatus>,
}

/// An endpoint as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointStatus {
    /// Where it is.
    pub url: String,
    /// Whether its health checks pass.
    pub up: bool,
    /// Whether it gets no new requests.
    pub drained: bool,
    /// Requests it is answering.
    pub in_flight: usize,
    /// Idle connections kept to it.
    pub idle_connections: usize,
    /// Requests ever sent to it.
    pub requests: u64,
    /// Requests and checks it failed.
    pub failures: u64,
    /// The last failure.
    pub last_error: Option<String>,
}

/// A site as configured.
#[derive(Clone, Debug, Serialize)]
pub struct SiteStatus {
    /// Stable id.
    pub id: String,
    /// The name customers know.
    pub name: String,
    /// Its addresses, the main one first.
    pub origins: Vec<String>,
}

impl Edge {
    /// The upstreams as they are now.
    pub fn upstreams(&self) -> Vec<UpstreamStatus> {
        upstreams(&self.state())
    }

    /// The sites as configured.
    pub fn sites(&self) -> Vec<SiteStatus> {
        let status = |site: &std::sync::Arc<crate::config::Site>| SiteStatus {
            id: site.id.to_string(),
            name: site.name.clone(),
            origins: site.origins.iter().map(ToString::to_string).collect(),
        };
        self.state().sites.iter().map(status).collect()
    }

    /// Writes the edge's part of the metrics page.
    pub fn expose(&self, page: &mut Exposition) {
        expose_traffic(self.metrics(), page);
        expose_upstreams(&self.upstreams(), page);
    }
}

fn upstreams(state: &State) -> Vec<UpstreamStatus> {
    state
        .upstreams
        .iter()
        .map(|upstream| UpstreamStatus {
            name: upstream.config.name.clone(),
            maintenance: upstream.config.maintenance,
            in_flight: upstream.endpoints.iter().map(|endpoint| endpoint.in_flight()).sum(),
            requests_max: upstream.config.requests_max,
            waiting: upstream.waiting(),
            queue_max: upstream.config.queue_max,
            endpoints: upstream
                .endpoints
                .iter()
                .zip(&upstream.config.endpoints)
                .map(|(endpoint, config)| EndpointStatus {
                    url: endpoint.url.to_string(),
                    up: endpoint.is_up(),
                    drained: config.drained,
                    in_flight: endpoint.in_flight(),
                    idle_connections: endpoint.pool.len(),
                    requests: endpoint.requests.load(Ordering::Relaxed),
                    failures: endpoint.failures.load(Ordering::Relaxed),
                    last_error: endpoint.last_error(),
                })
                .collect(),
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn expose_traffic(metrics: &Metrics, page: &mut Exposition) {
    const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
    let gauge = |gauge: &std::sync::atomic::AtomicI64| gauge.load(Ordering::Relaxed) as f64;
    let responses =
        CLASSES.iter().zip(&metrics.responses).map(|(class, n)| (vec![("class", *class)], count(n)));
    page.metric("gabion_responses_total", Type::Counter, "Responses by status class.", responses);
    for (name, help, value) in [
        ("gabion_refused_total", "Requests answered by Gabion's own error pages.", count(&metrics.refused)),
        ("gabion_request_bytes_total", "Bytes of request bodies.", count(&metrics.bytes_in)),
        ("gabion_response_bytes_total", "Bytes of response bodies.", count(&metrics.bytes_out)),
        ("gabion_connections_accepted_total", "Connections accepted.", count(&metrics.connections_accepted)),
        ("gabion_handshakes_failed_total", "TLS handshakes failed.", count(&metrics.handshakes_failed)),
        ("gabion_retries_total", "Requests sent again to another endpoint.", count(&metrics.retries)),
    ] {
        page.metric(name, Type::Counter, help, [(vec![], value)]);
    }
    for (name, help, value) in [
        ("gabion_requests_in_flight", "Requests being answered.", gauge(&metrics.in_flight)),
        ("gabion_connections", "Open connections.", gauge(&metrics.connections)),
        ("gabion_tunnels", "Open WebSocket connections.", gauge(&metrics.tunnels)),
    ] {
        page.metric(name, Type::Gauge, help, [(vec![], value)]);
    }
    page.histogram(
        "gabion_request_seconds",
        "From request head to response head.",
        &metrics.total.snapshot(),
    );
    page.histogram("gabion_shop_seconds", "The part of it that the shop took.", &metrics.shop.snapshot());
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn expose_upstreams(upstreams: &[UpstreamStatus], page: &mut Exposition) {
    let labels = |upstream: &'_ UpstreamStatus, endpoint: &'_ EndpointStatus| {
        (upstream.name.clone(), endpoint.url.clone())
    };
    let all: Vec<_> = upstreams
        .iter()
        .flat_map(|upstream| {
            upstream.endpoints.iter().map(move |endpoint| (labels(upstream, endpoint), endpoint))
        })
        .collect();
    let mut metric = |name: &str, kind: Type, help: &str, value: fn(&EndpointStatus) -> f64| {
        let samples = all.iter().map(|((upstream, url), endpoint)| {
            (vec![("upstream", upstream.as_str()), ("endpoint", url.as_str())], value(endpoint))
        });
        page.metric(name, kind, help, samples);
    };
    metric("gabion_endpoint_up", Type::Gauge, "Whether health checks pass.", |e| f64::from(u8::from(e.up)));
    metric("gabion_endpoint_in_flight", Type::Gauge, "Requests it is answering.", |e| e.in_flight as f64);
    metric("gabion_endpoint_requests_total", Type::Counter, "Requests sent to it.", |e| e.requests as f64);
    metric("gabion_endpoint_failures_total", Type::Counter, "Requests and checks it failed.", |e| {
        e.failures as f64
    });
    let waiting = upstreams.iter().map(|u| (vec![("upstream", u.name.as_str())], u.waiting as f64));
    page.metric("gabion_upstream_waiting", Type::Gauge, "Requests waiting for a place.", waiting);
}
