//! Counters for every request, cheap enough for the hot path, and their history for the console's charts.

pub mod histogram;
pub mod history;
pub mod prometheus;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::cut::Cuts;

pub use histogram::{Histogram, Snapshot};
pub use history::{History, Point};

/// Counters since the start of the process. Relaxed atomics: exact in sum, never a lock.
#[derive(Default)]
pub struct Metrics {
    /// Responses by the first digit of their status: 1xx to 5xx.
    pub responses: [AtomicU64; 5],
    /// Requests that Gabion answered itself with an error page.
    pub refused: AtomicU64,
    /// Requests that Gabion's own pages answered.
    pub own_pages: AtomicU64,
    /// Requests that a gate let in.
    pub gate_passed: AtomicU64,
    /// Requests that were led to where somebody can sign in.
    pub gate_led: AtomicU64,
    /// Requests that a gate refused.
    pub gate_refused: AtomicU64,
    /// Requests that a gate refused because nobody could say who it was.
    pub gate_unavailable: AtomicU64,
    /// Requests refused for their head or the framing of their body.
    pub malformed: AtomicU64,
    /// Requests being answered now.
    pub in_flight: AtomicI64,
    /// From request head to response head.
    pub total: Histogram,
    /// The part of it that the shop took.
    pub shop: Histogram,
    /// TLS handshakes, from the accepted connection on.
    pub handshake: Histogram,
    /// Waiting for a place at an upstream, of requests that had to.
    pub queue: Histogram,
    /// Opening connections to the shop, of requests that had to.
    pub connect: Histogram,
    /// Sending the request body to the shop, connecting included.
    pub send: Histogram,
    /// From there to the head of the shop's answer.
    pub first_byte: Histogram,
    /// From the head of an answer to its end.
    pub transfer: Histogram,
    /// What the WAF took for one request and its answer.
    pub waf: Histogram,
    /// Requests that the WAF inspected.
    pub waf_inspected: AtomicU64,
    /// Requests that it stopped, or whose answers it did.
    pub waf_blocked: AtomicU64,
    /// Requests that it would have stopped.
    pub waf_flagged: AtomicU64,
    /// Answers with success from pages that thank for a purchase.
    pub waf_purchases: AtomicU64,
    /// Visitors that came to one after a request of theirs would have been stopped.
    pub waf_flagged_bought: AtomicU64,
    /// Requests that it did not inspect as a whole, or whose answers it did not.
    pub waf_partial: AtomicU64,
    /// Requests over which it broke down.
    pub waf_failed: AtomicU64,
    /// Pages that were looked at while they passed.
    pub pages_seen: AtomicU64,
    /// Pages that were changed on their way: nonces, `integrity`, denied scripts.
    pub pages_changed: AtomicU64,
    /// Customers who were led elsewhere, because a script on a page was not decided about.
    pub pages_diverted: AtomicU64,
    /// Scripts in pages that were judged.
    pub scripts_judged: AtomicU64,
    /// Sightings of pages, scripts, leaks and reports that were told.
    pub sightings: AtomicU64,
    /// Sightings that were not: the sink was full, or too many were new at a time.
    pub sightings_dropped: AtomicU64,
    /// Reports of browsers that were counted.
    pub reports: AtomicU64,
    /// Reports that were about extensions of the browser.
    pub reports_noise: AtomicU64,
    /// Reports that were not taken: unreadable, of foreign pages, or too many.
    pub reports_dropped: AtomicU64,
    /// What looking at the files of one request took, without ClamAV.
    pub upload: Histogram,
    /// Requests whose files were looked at.
    pub upload_inspected: AtomicU64,
    /// Files that were looked at.
    pub upload_files: AtomicU64,
    /// Requests that were stopped for a file.
    pub upload_refused: AtomicU64,
    /// Requests that would have been.
    pub upload_flagged: AtomicU64,
    /// Requests whose files were not looked at as a whole, or not by ClamAV.
    pub upload_partial: AtomicU64,
    /// Requests over which the look at files broke down.
    pub upload_failed: AtomicU64,
    /// Requests that would have run something in a folder of uploads.
    pub upload_scripts: AtomicU64,
    /// 1 while ClamAV does not answer.
    pub upload_scanner_down: AtomicI64,
    /// Bytes of request bodies.
    pub bytes_in: AtomicU64,
    /// Bytes of response bodies.
    pub bytes_out: AtomicU64,
    /// Open downstream connections.
    pub connections: AtomicI64,
    /// Downstream connections ever accepted.
    pub connections_accepted: AtomicU64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: AtomicU64,
    /// Request bodies given up because they came too slowly or not at all.
    pub bodies_slow: AtomicU64,
    /// Downstream connections refused or ended because of a limit.
    pub connections_cut: Cuts,
    /// WebSocket and other upgraded connections open now.
    pub tunnels: AtomicI64,
    /// Requests sent a second time because the first try had no effect or repeating it is safe.
    pub retries: AtomicU64,
    /// Requests that were not sent again because the budget was used up.
    pub retries_refused: AtomicU64,
    /// Copies of requests sent to a mirror.
    pub mirrored: AtomicU64,
    /// Copies that were not sent because too many were under way.
    pub mirrors_dropped: AtomicU64,
    /// Requests whose customer went before there was an answer.
    pub abandoned: AtomicU64,
    /// Lines of the access log that were written.
    pub access_lines: AtomicU64,
    /// Lines dropped because too many waited for the writer.
    pub access_lines_dropped: AtomicU64,
    /// Lines lost because they could not be written.
    pub access_lines_lost: AtomicU64,
    /// Records of the audit log that were written.
    pub audit_records: AtomicU64,
    /// Records dropped because too many waited for the writer.
    pub audit_records_dropped: AtomicU64,
    /// Records lost because they could not be written.
    pub audit_records_lost: AtomicU64,
    /// Spans that a collector took.
    pub spans_exported: AtomicU64,
    /// Spans dropped: too many waited, or the collector refused them.
    pub spans_dropped: AtomicU64,
    /// Exports that failed, tries included.
    pub exports_failed: AtomicU64,
}

impl Metrics {
    /// Counts one answered request.
    pub(crate) fn answered(&self, status: StatusCode, total: Duration, shop: Option<Duration>) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.responses[class].fetch_add(1, Ordering::Relaxed);
        self.total.record(total);
        if let Some(shop) = shop {
            self.shop.record(shop);
        }
    }

    /// All responses so far.
    pub fn requests(&self) -> u64 {
        self.responses.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Server errors so far.
    pub fn errors(&self) -> u64 {
        self.responses[4].load(Ordering::Relaxed)
    }
}

/// Raises a gauge and lowers it when dropped.
pub(crate) struct Gauge<F: Fn(&Metrics) -> &AtomicI64> {
    metrics: std::sync::Arc<Metrics>,
    gauge: F,
}

impl<F: Fn(&Metrics) -> &AtomicI64> Gauge<F> {
    pub(crate) fn raise(metrics: &std::sync::Arc<Metrics>, gauge: F) -> Self {
        gauge(metrics).fetch_add(1, Ordering::Relaxed);
        Self { metrics: std::sync::Arc::clone(metrics), gauge }
    }
}

impl<F: Fn(&Metrics) -> &AtomicI64> Drop for Gauge<F> {
    fn drop(&mut self) {
        (self.gauge)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}
