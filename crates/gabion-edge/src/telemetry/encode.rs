//! OTLP in JSON: the Protobuf messages of `opentelemetry-proto` in their JSON mapping. 64-bit integers are texts, ids
//! are hexadecimal, enumerations are numbers (OTLP specification, "JSON Protobuf Encoding").

use gabion_core::Timestamp;
use serde_json::{Value, json};

use crate::access_log::{Line, masked};
use crate::metrics::Snapshot;
use crate::metrics::histogram::{BUCKETS, upper_bound_us};
use crate::metrics::prometheus::{Exposition, Family, Samples, Type};
use crate::trace_context::TraceContext;

/// `Span.SpanKind`.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
/// `Status.StatusCode`.
const ERROR: u8 = 2;
/// `AggregationTemporality`: since the start of the process.
const CUMULATIVE: u8 = 2;

/// An `ExportTraceServiceRequest`.
pub(super) fn traces(lines: &[Line]) -> Value {
    let spans: Vec<Value> = lines.iter().flat_map(spans).collect();
    json!({ "resourceSpans": [{ "resource": resource(), "scopeSpans": [{ "scope": scope(), "spans": spans }] }] })
}

/// An `ExportMetricsServiceRequest`.
pub(super) fn metrics(page: &Exposition, started: Timestamp, now: Timestamp) -> Value {
    let metrics: Vec<Value> = page.families().iter().map(|family| metric(family, started, now)).collect();
    json!({
        "resourceMetrics": [{ "resource": resource(), "scopeMetrics": [{ "scope": scope(), "metrics": metrics }] }]
    })
}

fn resource() -> Value {
    json!({ "attributes": [text("service.name", "gabion"), text("service.version", env!("CARGO_PKG_VERSION"))] })
}

fn scope() -> Value {
    json!({ "name": "gabion", "version": env!("CARGO_PKG_VERSION") })
}

/// The span of a request, and that of asking the shop where it answered.
fn spans(line: &Line) -> Vec<Value> {
    let Some(trace) = &line.trace else { return Vec::new() };
    let start = line.at.micros();
    let head = start.saturating_add_unsigned(line.head_us);
    let mut attributes = vec![
        text("http.request.method", line.method.as_str()),
        text("url.scheme", if line.facts.connection.https { "https" } else { "http" }),
        text("url.path", &masked(line.texts.path())),
        text("server.address", &masked(line.texts.host())),
        text("client.address", &line.facts.client.address.to_string()),
        number("http.response.status_code", line.status.into()),
        number("http.request.body.size", line.facts.notes.bytes_in()),
        number("http.response.body.size", line.bytes_out),
        text("gabion.request_id", line.facts.id.text().as_str()),
        text("gabion.end", line.end.as_str()),
    ];
    if !line.texts.agent().is_empty() {
        attributes.push(text("user_agent.original", &masked(line.texts.agent())));
    }
    if line.facts.notes.own() {
        attributes.push(json!({ "key": "gabion.own_page", "value": { "boolValue": true } }));
    }
    if let Some(refused) = &line.refused {
        attributes.push(text("gabion.refused", &masked(refused.as_bytes())));
    }
    let server = Span {
        trace,
        id: trace.span_id,
        parent: trace.parent_id,
        kind: SERVER,
        from: start,
        to: start.saturating_add_unsigned(line.total_us),
    };
    let mut spans = vec![server.value(line, attributes)];
    if let (Some(us), Some(endpoint)) = (line.facts.notes.shop_us(), line.facts.notes.endpoint()) {
        let shop = Span {
            trace,
            id: trace.shop_span_id,
            parent: Some(trace.span_id),
            kind: CLIENT,
            from: head.saturating_sub_unsigned(us).max(start),
            to: head,
        };
        let attributes = vec![
            text("http.request.method", line.method.as_str()),
            text("server.address", endpoint.url.host()),
            number("server.port", endpoint.url.port().into()),
            number("http.response.status_code", line.status.into()),
        ];
        spans.push(shop.value(line, attributes));
    }
    spans
}

/// What both spans of a request have. Times are microseconds since 1970.
struct Span<'a> {
    trace: &'a TraceContext,
    id: u64,
    parent: Option<u64>,
    kind: u8,
    from: i64,
    to: i64,
}

impl Span<'_> {
    fn value(&self, line: &Line, attributes: Vec<Value>) -> Value {
        let mut span = json!({
            "traceId": format!("{:032x}", self.trace.trace_id),
            "spanId": format!("{:016x}", self.id),
            "name": line.method.as_str(),
            "kind": self.kind,
            "startTimeUnixNano": nanos(self.from),
            "endTimeUnixNano": nanos(self.to),
            "attributes": attributes,
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = format!("{parent:016x}").into();
        }
        // Semantic conventions for HTTP: a server's span is an error from 500 on, a client's from 400 on.
        if line.status >= if self.kind == SERVER { 500 } else { 400 } {
            span["status"] = json!({ "code": ERROR });
        }
        span
    }
}

fn metric(family: &Family, started: Timestamp, now: Timestamp) -> Value {
    let times = |mut point: Value| {
        point["startTimeUnixNano"] = nanos(started.micros()).into();
        point["timeUnixNano"] = nanos(now.micros()).into();
        point
    };
    let mut metric = json!({ "name": family.name, "description": family.help });
    match &family.samples {
        Samples::Numbers(kind, samples) => {
            let finite = samples.iter().filter(|(_, value)| value.is_finite());
            let points: Vec<Value> = finite
                .map(|(labels, value)| {
                    let labels: Vec<Value> = labels.iter().map(|(name, value)| text(name, value)).collect();
                    times(json!({ "attributes": labels, "asDouble": value }))
                })
                .collect();
            match kind {
                Type::Gauge => metric["gauge"] = json!({ "dataPoints": points }),
                Type::Counter => {
                    metric["sum"] = json!({
                        "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true
                    });
                }
            }
        }
        Samples::Histogram(snapshot) => {
            metric["unit"] = "s".into();
            metric["histogram"] =
                json!({ "dataPoints": [times(histogram(snapshot))], "aggregationTemporality": CUMULATIVE });
        }
    }
    metric
}

#[expect(clippy::cast_precision_loss, reason = "microseconds stay far below 2^52")]
fn histogram(snapshot: &Snapshot) -> Value {
    let counts: Vec<String> = snapshot.buckets.iter().map(u64::to_string).collect();
    let bounds: Vec<f64> = (0..BUCKETS).filter_map(upper_bound_us).map(|us| us as f64 / 1e6).collect();
    json!({
        "count": snapshot.count().to_string(), "sum": snapshot.sum_us as f64 / 1e6,
        "bucketCounts": counts, "explicitBounds": bounds,
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanos(micros: i64) -> String {
    (i128::from(micros) * 1000).to_string()
}
