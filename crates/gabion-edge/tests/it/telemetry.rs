//! What a collector gets, in the field names of the OTLP specification.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gabion_test::{Shop, body};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Notify;

use crate::front::{Setup, get, shop, soon};

/// A collector that keeps what it takes, and is busy for the first `busy` exports.
struct Collector {
    shop: Shop,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken {
    all: Mutex<Vec<(String, Value)>>,
    more: Notify,
}

impl Collector {
    async fn start(busy: usize) -> Self {
        let (taken, asked) = (Arc::new(Taken::default()), Arc::new(AtomicUsize::new(0)));
        let kept = Arc::clone(&taken);
        let shop = Shop::start(move |request: Request<Incoming>| {
            let (kept, asked) = (Arc::clone(&kept), Arc::clone(&asked));
            async move {
                let path = request.uri().path().to_owned();
                let whole = request.into_body().collect().await.unwrap().to_bytes();
                if asked.fetch_add(1, Ordering::Relaxed) < busy {
                    return Ok(Response::builder().status(503).body(body::empty()).unwrap());
                }
                kept.all.lock().unwrap().push((path, serde_json::from_slice(&whole).unwrap()));
                kept.more.notify_waiters();
                Ok(Response::new(body::whole("{}")))
            }
        })
        .await;
        Self { shop, taken }
    }

    /// The first export to a path.
    async fn first(&self, path: &str) -> Value {
        loop {
            let more = self.taken.more.notified();
            let found = self.taken.all.lock().unwrap().iter().find(|(at, _)| at == path).cloned();
            if let Some((_, export)) = found {
                return export;
            }
            soon(more).await;
        }
    }

    fn section(&self, more: &str) -> String {
        format!("[telemetry]\notlp = \"{}/base/\"\nsample_percent = 100\n{more}\n", self.shop.url())
    }
}

/// The value of an attribute.
fn attribute<'a>(item: &'a Value, key: &str) -> &'a Value {
    let attributes = item["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    &found.unwrap_or_else(|| panic!("no {key} in {item}"))["value"]
}

fn nanos(span: &Value, name: &str) -> u64 {
    span[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_request_is_a_span_and_asking_the_shop_its_child() {
    let (shop, collector) = (shop("tea").await, Collector::start(0).await);
    let folder = tempfile::tempdir().unwrap();
    let headers = folder.path().join("headers");
    std::fs::write(&headers, "authorization: Bearer hush\n").unwrap();
    let section = collector.section(&format!("headers = {headers:?}"));
    let front = Setup::of(&[&shop]).more(&section).start();
    let answer = soon(front.tls().await.ask(get("/cart?token=x", "User-Agent: kettle/1\r\n"))).await;

    let export = collector.first("/base/v1/traces").await;
    let resource = &export["resourceSpans"][0];
    assert_eq!(attribute(&resource["resource"], "service.name")["stringValue"], "gabion");
    let scope = &resource["scopeSpans"][0];
    assert_eq!(scope["scope"]["name"], "gabion");
    let spans = scope["spans"].as_array().unwrap();
    let (server, client) = (&spans[0], &spans[1]);
    assert_eq!((server["kind"].as_u64(), client["kind"].as_u64(), spans.len()), (Some(2), Some(3), 2));
    assert_eq!(server.get("parentSpanId"), None, "nobody believed began it");
    assert_eq!(client["parentSpanId"], server["spanId"]);
    assert_eq!(client["traceId"], server["traceId"]);
    let at_shop = shop.only().header("traceparent").to_owned();
    let (trace, span) = (server["traceId"].as_str().unwrap(), client["spanId"].as_str().unwrap());
    assert_eq!(at_shop, format!("00-{trace}-{span}-03"), "the shop hangs below the span that asks it");
    assert_eq!(attribute(server, "url.path")["stringValue"], "/cart");
    assert_eq!(attribute(server, "http.response.status_code")["intValue"], "200");
    assert_eq!(attribute(server, "user_agent.original")["stringValue"], "kettle/1");
    assert_eq!(attribute(server, "gabion.request_id")["stringValue"], answer.header("x-request-id"));
    assert!(nanos(server, "startTimeUnixNano") <= nanos(client, "startTimeUnixNano"), "{spans:?}");
    assert!(nanos(client, "endTimeUnixNano") <= nanos(server, "endTimeUnixNano"), "{spans:?}");
    assert!(!export.to_string().contains("token"), "queries are left out");

    let seen = collector.shop.seen().remove(0);
    assert_eq!(
        (seen.header("content-type"), seen.header("authorization")),
        ("application/json", "Bearer hush")
    );
}

#[tokio::test]
async fn metrics_are_sent_as_sums_gauges_and_histograms() {
    let (shop, collector) = (shop("tea").await, Collector::start(0).await);
    let front = Setup::of(&[&shop]).more(&collector.section("metrics_seconds = 1")).start();
    front.get("/").await;
    let export = collector.first("/base/v1/metrics").await;
    let metrics = export["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let metric = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap();
    let responses = &metric("gabion_responses_total")["sum"];
    assert_eq!((&responses["aggregationTemporality"], &responses["isMonotonic"]), (&2.into(), &true.into()));
    let ok = responses["dataPoints"].as_array().unwrap().iter();
    let ok = ok.into_iter().find(|point| attribute(point, "class")["stringValue"] == "2xx").unwrap();
    assert_eq!(ok["asDouble"], 1.0);
    assert!(nanos(ok, "startTimeUnixNano") < nanos(ok, "timeUnixNano"));
    assert_eq!(metric("gabion_endpoint_up")["gauge"]["dataPoints"][0]["asDouble"], 1.0);
    let seconds = &metric("gabion_request_seconds")["histogram"];
    let point = &seconds["dataPoints"][0];
    let (bounds, counts) =
        (point["explicitBounds"].as_array().unwrap(), point["bucketCounts"].as_array().unwrap());
    assert_eq!((&seconds["aggregationTemporality"], &point["count"]), (&2.into(), &"1".into()));
    assert_eq!(bounds.len() + 1, counts.len());
    assert!(counts.iter().all(Value::is_string), "64-bit integers are texts");
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again_and_no_request_waits() {
    let (shop, collector) = (shop("tea").await, Collector::start(2).await);
    let front = Setup::of(&[&shop]).more(&collector.section("metrics_seconds = 0")).start();
    assert_eq!(front.get("/").await.status, 200);
    collector.first("/base/v1/traces").await;
    assert_eq!(collector.shop.requests(), 3);
    let metrics = front.edge.metrics();
    assert_eq!(metrics.exports_failed.load(Ordering::Relaxed), 2);
    assert_eq!(metrics.spans_dropped.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_is_passed_on_and_not_sent() {
    let (shop, collector) = (shop("tea").await, Collector::start(0).await);
    let section = collector.section("metrics_seconds = 1");
    let front = Setup::of(&[&shop]).listen("trusted_proxies = [\"127.0.0.1\"]").more(&section).start();
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n";
    soon(front.tls().await.ask(get("/", parent))).await;
    assert!(shop.only().header("traceparent").ends_with("-00"));
    collector.first("/base/v1/metrics").await;
    let sent = collector.taken.all.lock().unwrap();
    assert!(sent.iter().all(|(path, _)| path != "/base/v1/traces"), "spans go before metrics");
}

#[tokio::test]
async fn files_that_cannot_be_read_and_wrong_addresses_are_told_at_once() {
    let shop = shop("tea").await;
    let with = |section: &str| Setup::of(&[&shop]).more(&format!("[telemetry]\n{section}"));
    for wrong in ["otlp = \"collector:4318\"", "otlp = \"ftp://a\"", "otlp = \"http://a/?b\""] {
        assert!(with(wrong).check().is_err(), "{wrong}");
    }
    let setup = with("otlp = \"http://127.0.0.1:1\"\nheaders = \"/nowhere\"");
    assert!(setup.try_start(setup.config()).is_err());
}
