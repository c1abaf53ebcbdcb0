//! OTLP: spans of sampled requests, and all metrics, sent to a collector.
//!
//! OTLP/HTTP in its JSON form: no code generated from schemas, readable on the wire, built by one task beside the
//! requests. A request offers its span to a bounded queue and goes on; what does not fit is dropped and counted. A
//! collector that does not answer is asked again after longer and longer pauses.

mod encode;
mod export;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Edge;
use crate::access_log::Line;
use crate::config::TelemetryConfig;
use crate::metrics::Metrics;

pub use export::TelemetryError;
use export::{Collector, Exporter};

/// Spans that may wait for the next export; one more is dropped and counted.
pub(crate) const SPANS_WAITING_MAX: usize = 4096;

/// The way to a collector. Its exporter ends when this is dropped.
pub(crate) struct Telemetry {
    pub(crate) sample_percent: u8,
    spans: SyncSender<Line>,
    metrics: Arc<Metrics>,
    exporter: Mutex<Option<Exporter>>,
}

impl Telemetry {
    /// Reads the files that the configuration names. Blocks on that.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(crate) fn new(config: &TelemetryConfig, metrics: &Arc<Metrics>) -> Result<Self, TelemetryError> {
        let (spans, waiting): (_, Receiver<Line>) = sync_channel(SPANS_WAITING_MAX);
        let exporter = Exporter::new(Collector::new(config)?, waiting, config.metrics_period, metrics);
        Ok(Self {
            sample_percent: config.sample_percent,
            spans,
            metrics: Arc::clone(metrics),
            exporter: Mutex::new(Some(exporter)),
        })
    }

    /// Starts exporting, once.
    pub(crate) fn start(&self, edge: &Edge) {
        if let Some(exporter) = self.exporter.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tokio::spawn(exporter.run(edge.clone()));
        }
    }

    /// Takes a sampled request, or drops and counts it. Never waits.
    pub(crate) fn offer(&self, line: Line) {
        if self.spans.try_send(line).is_err() {
            self.metrics.spans_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
