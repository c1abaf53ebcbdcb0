//! What the console, the API and the metrics page read of the edge.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gabion_core::Timestamp;
use gabion_upload::Inspector;
use serde::Serialize;

use crate::access::{AccessEntry, Subject};
use crate::config::{Machine, WafMode};
use crate::metrics::prometheus::{Exposition, Type};
use crate::rate_limit::{Limit, lately::Limited};
use crate::shed::ShedStatus;
use crate::state::State;
pub use crate::upstream::breaker::BreakerState;
use crate::upstream::moment::now_ms;
use crate::waf::{MachineSeen, ProvenRules};
use crate::{Cut, Edge, Metrics, Module, saturation};

/// An upstream as it is now.
#[derive(Clone, Debug, Default, Serialize)]
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
    /// What its circuit breaker does with requests.
    pub breaker: BreakerState,
    /// Its endpoints, backups last.
    pub endpoints: Vec<EndpointStatus>,
}

/// An endpoint as it is now.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EndpointStatus {
    /// Where it is.
    pub url: String,
    /// Whether its health checks pass.
    pub up: bool,
    /// Whether it gets no new requests.
    pub drained: bool,
    /// Whether it is used only while no other endpoint can be.
    pub backup: bool,
    /// Whether it gets no requests for a while because too many failed.
    pub ejected: bool,
    /// The share of its requests it gets, in percent: below 100 only after it came back.
    pub weight_percent: u64,
    /// What is spoken to it: `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'static str,
    /// Where its name leads.
    pub addresses: Vec<String>,
    /// What it takes to answer, in microseconds; an average that follows slow answers at once.
    pub response_us: u64,
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

/// The WAF as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct WafStatus {
    /// The modes of routes, each once, the mildest first.
    pub modes: Vec<WafMode>,
    /// Whether it is turned off for a while.
    pub bypassed: bool,
    /// How many rules there are.
    pub rules: usize,
    /// Where they come from.
    pub sources: Vec<String>,
    /// When they were loaded.
    pub loaded_at: Timestamp,
    /// What became of the attacks that were sent to try them: `stopped`, or they would not be in force.
    pub canary: &'static str,
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

    /// The rules in force.
    pub fn rules(&self) -> Option<Arc<ProvenRules>> {
        self.state().rules.clone()
    }

    /// Who looks at uploaded files, where somebody does.
    pub fn inspector(&self) -> Option<Arc<Inspector>> {
        self.state().scan.as_ref().map(|scan| Arc::clone(scan.inspector()))
    }

    /// The WAF as it is now; none where nothing is inspected.
    pub fn waf(&self) -> Option<WafStatus> {
        let state = self.state();
        let modes: BTreeSet<_> = state.routes().map(|route| route.waf.mode).collect();
        let rules = state.rules.as_ref()?;
        Some(WafStatus {
            modes: modes.into_iter().collect(),
            bypassed: state.bypass.contains(&Module::Waf),
            rules: rules.rules().len(),
            sources: rules.sources().to_vec(),
            loaded_at: rules.loaded_at(),
            canary: "stopped",
        })
    }

    /// Programs that call the shop again and again and are not confirmed as machines: first those that rules found
    /// something in, then those that call most. At most 1,024.
    pub fn machines_seen(&self) -> Vec<MachineSeen> {
        let state = self.state();
        let confirmed = |seen: &MachineSeen| {
            let sends = |machine: &Machine| machine.sends(seen.from.address(), &seen.product, &seen.path);
            state.machines.iter().any(sends)
        };
        let mut seen = self.machines().list(self.now());
        seen.retain(|seen| !confirmed(seen));
        seen
    }

    /// The rate limits in force, the built-in one first.
    pub fn rate_limits(&self) -> Vec<Arc<Limit>> {
        self.state().rate_limits.clone()
    }

    /// Who was above a rate limit in the last ten minutes, most often first. At most 1,024.
    pub fn limited(&self) -> Vec<Limited> {
        self.state().admission.limiter.lately()
    }

    /// Whether Gabion is overloaded, and what it does about it.
    pub fn shed(&self) -> ShedStatus {
        self.state().admission.shed.status()
    }

    /// Uses another list of clients that are let in or kept out. At once, for requests to come.
    pub fn set_access(&self, entries: Vec<AccessEntry>) {
        self.state().admission.set_access(entries);
    }

    /// Requests that an entry of the list was about since it was made.
    pub fn access_requests(&self, subject: &Subject) -> u64 {
        self.state().admission.access.load().requests(subject)
    }

    /// Writes the edge's part of the metrics page.
    pub fn expose(&self, page: &mut Exposition) {
        expose_traffic(self.metrics(), page);
        expose_upstreams(&self.upstreams(), page);
        saturation::expose(page);
        expose_limits(&self.state(), page);
    }
}

fn upstreams(state: &State) -> Vec<UpstreamStatus> {
    let now = now_ms();
    state
        .upstreams
        .iter()
        .map(|upstream| UpstreamStatus {
            name: upstream.config.name.clone(),
            maintenance: upstream.config.maintenance,
            in_flight: upstream.endpoints.iter().map(|endpoint| endpoint.in_flight()).sum(),
            requests_max: upstream.config.requests_max,
            waiting: upstream.live.places.waiting(),
            queue_max: upstream.config.queue_max,
            breaker: upstream.live.breaker.state(now),
            endpoints: upstream
                .endpoints
                .iter()
                .zip(&upstream.config.endpoints)
                .enumerate()
                .map(|(index, (endpoint, config))| EndpointStatus {
                    url: endpoint.url.to_string(),
                    up: endpoint.is_up(),
                    drained: config.drained,
                    backup: config.backup,
                    ejected: endpoint.ejection.is_out(now),
                    weight_percent: upstream.weight(index, now),
                    protocol: endpoint.speaks(),
                    addresses: endpoint.addresses.all().iter().map(ToString::to_string).collect(),
                    response_us: endpoint.load.average_us(now),
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
        ("gabion_own_pages_total", "Requests that Gabion's own pages answered.", count(&metrics.own_pages)),
        ("gabion_gate_passed_total", "Requests that a gate let in.", count(&metrics.gate_passed)),
        ("gabion_gate_led_total", "Requests led to where to sign in.", count(&metrics.gate_led)),
        ("gabion_gate_refused_total", "Requests that a gate refused.", count(&metrics.gate_refused)),
        (
            "gabion_gate_unavailable_total",
            "Requests refused because nobody could say whose they were.",
            count(&metrics.gate_unavailable),
        ),
        (
            "gabion_malformed_total",
            "Requests refused for their head or the framing of their body.",
            count(&metrics.malformed),
        ),
        ("gabion_request_bytes_total", "Bytes of request bodies.", count(&metrics.bytes_in)),
        ("gabion_response_bytes_total", "Bytes of response bodies.", count(&metrics.bytes_out)),
        ("gabion_bodies_slow_total", "Request bodies that came too slowly.", count(&metrics.bodies_slow)),
        ("gabion_connections_accepted_total", "Connections accepted.", count(&metrics.connections_accepted)),
        ("gabion_handshakes_failed_total", "TLS handshakes failed.", count(&metrics.handshakes_failed)),
        ("gabion_retries_total", "Requests sent again to another endpoint.", count(&metrics.retries)),
        ("gabion_retries_refused_total", "Requests not sent again.", count(&metrics.retries_refused)),
        ("gabion_mirrored_total", "Copies of requests sent to a mirror.", count(&metrics.mirrored)),
        ("gabion_mirrors_dropped_total", "Copies not sent: too many.", count(&metrics.mirrors_dropped)),
        ("gabion_abandoned_total", "Requests given up before an answer.", count(&metrics.abandoned)),
        ("gabion_access_lines_total", "Lines of the access log written.", count(&metrics.access_lines)),
        (
            "gabion_access_lines_dropped_total",
            "Lines dropped because too many waited.",
            count(&metrics.access_lines_dropped),
        ),
        (
            "gabion_access_lines_lost_total",
            "Lines that could not be written.",
            count(&metrics.access_lines_lost),
        ),
        ("gabion_audit_records_total", "Records of the audit log written.", count(&metrics.audit_records)),
        (
            "gabion_audit_records_dropped_total",
            "Records dropped because too many waited.",
            count(&metrics.audit_records_dropped),
        ),
        (
            "gabion_audit_records_lost_total",
            "Records that could not be written.",
            count(&metrics.audit_records_lost),
        ),
        ("gabion_spans_exported_total", "Spans that a collector took.", count(&metrics.spans_exported)),
        ("gabion_spans_dropped_total", "Spans dropped.", count(&metrics.spans_dropped)),
        ("gabion_waf_inspected_total", "Requests that the WAF inspected.", count(&metrics.waf_inspected)),
        ("gabion_waf_blocked_total", "Requests that the WAF stopped.", count(&metrics.waf_blocked)),
        ("gabion_waf_flagged_total", "Requests it would have stopped.", count(&metrics.waf_flagged)),
        (
            "gabion_waf_purchases_total",
            "Pages seen that thank for a purchase.",
            count(&metrics.waf_purchases),
        ),
        (
            "gabion_waf_flagged_visitors_bought_total",
            "Visitors that bought after a request of theirs would have been stopped.",
            count(&metrics.waf_flagged_bought),
        ),
        ("gabion_waf_partial_total", "Requests it inspected in part.", count(&metrics.waf_partial)),
        ("gabion_waf_failed_total", "Requests over which it broke down.", count(&metrics.waf_failed)),
        ("gabion_pages_seen_total", "Pages that were looked at.", count(&metrics.pages_seen)),
        ("gabion_pages_changed_total", "Pages changed on their way.", count(&metrics.pages_changed)),
        ("gabion_pages_diverted_total", "Customers who were led elsewhere.", count(&metrics.pages_diverted)),
        ("gabion_page_scripts_judged_total", "Scripts in pages judged.", count(&metrics.scripts_judged)),
        ("gabion_page_sightings_total", "Sightings that were told.", count(&metrics.sightings)),
        (
            "gabion_page_sightings_dropped_total",
            "Sightings that were not told.",
            count(&metrics.sightings_dropped),
        ),
        ("gabion_page_reports_total", "Reports of browsers counted.", count(&metrics.reports)),
        ("gabion_page_reports_noise_total", "Reports about extensions.", count(&metrics.reports_noise)),
        ("gabion_page_reports_dropped_total", "Reports not taken.", count(&metrics.reports_dropped)),
        (
            "gabion_uploads_inspected_total",
            "Requests with files looked at.",
            count(&metrics.upload_inspected),
        ),
        ("gabion_upload_files_total", "Files that were looked at.", count(&metrics.upload_files)),
        ("gabion_uploads_refused_total", "Requests stopped for a file.", count(&metrics.upload_refused)),
        ("gabion_uploads_flagged_total", "Requests that would have been.", count(&metrics.upload_flagged)),
        ("gabion_uploads_partial_total", "Files not looked at as a whole.", count(&metrics.upload_partial)),
        ("gabion_uploads_failed_total", "Requests over which it broke down.", count(&metrics.upload_failed)),
        (
            "gabion_upload_scripts_total",
            "Requests that would have run something in a folder of uploads.",
            count(&metrics.upload_scripts),
        ),
        ("gabion_exports_failed_total", "Exports of telemetry that failed.", count(&metrics.exports_failed)),
    ] {
        page.metric(name, Type::Counter, help, [(vec![], value)]);
    }
    let cuts =
        Cut::ALL.map(|cut| (vec![("reason", cut.as_str())], metrics.connections_cut.count(cut) as f64));
    page.metric(
        "gabion_connections_cut_total",
        Type::Counter,
        "Connections refused or ended because of a limit.",
        cuts,
    );
    for (name, help, value) in [
        ("gabion_requests_in_flight", "Requests being answered.", gauge(&metrics.in_flight)),
        ("gabion_connections", "Open connections.", gauge(&metrics.connections)),
        ("gabion_tunnels", "Open WebSocket connections.", gauge(&metrics.tunnels)),
        ("gabion_upload_scanner_down", "1 while ClamAV is silent.", gauge(&metrics.upload_scanner_down)),
    ] {
        page.metric(name, Type::Gauge, help, [(vec![], value)]);
    }
    page.histogram(
        "gabion_request_seconds",
        "From request head to response head.",
        &metrics.total.snapshot(),
    );
    page.histogram("gabion_shop_seconds", "The part of it that the shop took.", &metrics.shop.snapshot());
    for (name, help, phase) in [
        ("gabion_handshake_seconds", "TLS handshakes.", &metrics.handshake),
        ("gabion_queue_seconds", "Waiting for a place, where there was a wait.", &metrics.queue),
        ("gabion_connect_seconds", "Opening connections to the shop.", &metrics.connect),
        ("gabion_send_seconds", "Sending request bodies to the shop.", &metrics.send),
        ("gabion_first_byte_seconds", "From there to the head of the shop's answer.", &metrics.first_byte),
        ("gabion_waf_seconds", "Inspecting a request and its answer.", &metrics.waf),
        ("gabion_upload_seconds", "Looking at the files of a request.", &metrics.upload),
        ("gabion_transfer_seconds", "From the head of an answer to its end.", &metrics.transfer),
    ] {
        page.histogram(name, help, &phase.snapshot());
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn expose_limits(state: &State, page: &mut Exposition) {
    let over = state
        .rate_limits
        .iter()
        .map(|limit| (vec![("limit", limit.config.name.as_str())], limit.over() as f64));
    page.metric("gabion_rate_limited_total", Type::Counter, "Requests above a rate limit.", over);
    let shed = state.admission.shed.status();
    for (name, help, value) in [
        ("gabion_shed_total", "Requests refused because Gabion was overloaded.", shed.refused),
        (
            "gabion_blocked_total",
            "Requests refused because the operator blocked the client.",
            state.admission.blocked.load(Ordering::Relaxed),
        ),
    ] {
        page.metric(name, Type::Counter, help, [(vec![], value as f64)]);
    }
    for (name, help, value) in [
        ("gabion_overload_level", "0: everybody is served; 4: nobody.", f64::from(shed.level)),
        (
            "gabion_task_delay_seconds",
            "Smallest delay of a task in the last second.",
            shed.lag_us as f64 / 1e6,
        ),
    ] {
        page.metric(name, Type::Gauge, help, [(vec![], value)]);
    }
    let displaced = state.admission.limiter.displaced() as f64;
    let help = "Keys that rate limits forgot too early because too many came.";
    page.metric("gabion_rate_limit_displaced_total", Type::Counter, help, [(vec![], displaced)]);
    let alone = state.admission.limiter.alone() as f64;
    let help = "Requests of exact limits that this node counted alone.";
    page.metric("gabion_rate_limit_alone_total", Type::Counter, help, [(vec![], alone)]);
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
    metric("gabion_endpoint_ejected", Type::Gauge, "Whether it is ejected.", |e| {
        f64::from(u8::from(e.ejected))
    });
    metric("gabion_endpoint_weight", Type::Gauge, "The share of its requests it gets.", |e| {
        e.weight_percent as f64 / 100.0
    });
    metric("gabion_endpoint_response_seconds", Type::Gauge, "What it takes to answer.", |e| {
        e.response_us as f64 / 1e6
    });
    let open = upstreams.iter().map(|u| {
        (vec![("upstream", u.name.as_str())], f64::from(u8::from(u.breaker != BreakerState::Closed)))
    });
    page.metric("gabion_upstream_breaker_open", Type::Gauge, "Whether its breaker is open.", open);
    let waiting = upstreams.iter().map(|u| (vec![("upstream", u.name.as_str())], u.waiting as f64));
    page.metric("gabion_upstream_waiting", Type::Gauge, "Requests waiting for a place.", waiting);
    for (name, help, value) in [
        (
            "gabion_upstream_waiting_max",
            "The most there may be.",
            (|u| u.queue_max) as fn(&UpstreamStatus) -> usize,
        ),
        ("gabion_upstream_in_flight", "Requests in flight to all endpoints.", |u| u.in_flight),
        ("gabion_upstream_in_flight_max", "The most there may be.", |u| u.requests_max),
    ] {
        let samples = upstreams.iter().map(|u| (vec![("upstream", u.name.as_str())], value(u) as f64));
        page.metric(name, Type::Gauge, help, samples);
    }
}
