//! What is noted of one request on its way in, for metrics, the access log and traces.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::transfer::Upload;
use crate::upload::Uploaded;
use crate::upstream::Upstream;
use crate::upstream::endpoint::Endpoint;
use crate::waf::Findings;

/// Where a request went, and how long each part of its way took. Phases it did not have stay empty.
#[derive(Default)]
pub(crate) struct Notes {
    /// Whether there will be a record of the request: where not, nobody asks where it went.
    recorded: bool,
    own: AtomicBool,
    upstream: OnceLock<Arc<Upstream>>,
    endpoint: OnceLock<Arc<Endpoint>>,
    upload: OnceLock<Arc<Upload>>,
    findings: OnceLock<Box<Findings>>,
    uploaded: OnceLock<Box<Uploaded>>,
    queue: Phase,
    connect: Phase,
    shop: Phase,
}

/// Microseconds; 0 when there was no such phase.
#[derive(Default)]
struct Phase(AtomicU64);

impl Phase {
    fn add(&self, duration: Duration) {
        if !duration.is_zero() {
            self.0.fetch_add(micros(duration).max(1), Ordering::Relaxed);
        }
    }

    fn us(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|us| *us > 0)
    }
}

impl Notes {
    /// Nothing yet.
    pub(crate) fn new(recorded: bool) -> Self {
        Self { recorded, ..Self::default() }
    }

    /// One of Gabion's own pages answers it.
    pub(crate) fn is_own(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// The same.
    pub(crate) fn own(&self) -> bool {
        self.own.load(Ordering::Relaxed)
    }

    /// The request goes to this upstream.
    pub(crate) fn chosen(&self, upstream: &Arc<Upstream>) {
        if self.recorded {
            self.upstream.get_or_init(|| Arc::clone(upstream));
        }
    }

    /// Its body, where it has one.
    pub(crate) fn uploads(&self, upload: &Arc<Upload>) {
        if !upload.is_done() {
            self.upload.get_or_init(|| Arc::clone(upload));
        }
    }

    /// What the WAF found in it.
    pub(crate) fn found(&self, findings: Findings) {
        if self.recorded {
            self.findings.get_or_init(|| Box::new(findings));
        }
    }

    /// The same; kept for records only.
    pub(crate) fn findings(&self) -> Option<&Findings> {
        self.findings.get().map(Box::as_ref)
    }

    /// What was found among the files that it brought; the first word counts.
    pub(crate) fn uploaded(&self, uploaded: Uploaded) {
        if self.recorded {
            self.uploaded.get_or_init(|| Box::new(uploaded));
        }
    }

    /// The same; kept for records only.
    pub(crate) fn uploads_found(&self) -> Option<&Uploaded> {
        self.uploaded.get().map(Box::as_ref)
    }

    /// The request waited for a place.
    pub(crate) fn queued(&self, duration: Duration) {
        self.queue.add(duration);
    }

    /// A connection to the shop was opened, or tried.
    pub(crate) fn connected(&self, duration: Duration) {
        self.connect.add(duration);
    }

    /// This endpoint of the shop answered, after all tries.
    pub(crate) fn answered(&self, endpoint: &Arc<Endpoint>, duration: Duration) {
        self.took(duration);
        if self.recorded {
            self.endpoint.get_or_init(|| Arc::clone(endpoint));
        }
    }

    fn took(&self, duration: Duration) {
        self.shop.add(duration.max(Duration::from_micros(1)));
    }

    /// The upstream it went to; kept for records only.
    pub(crate) fn upstream(&self) -> Option<&Upstream> {
        self.upstream.get().map(Arc::as_ref)
    }

    /// The endpoint that answered; kept for records only.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.get().map(Arc::as_ref)
    }

    /// Bytes of the request body that were taken.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.upload.get().map_or(0, |upload| upload.bytes())
    }

    /// Waiting for a place at the upstream.
    pub(crate) fn queue_us(&self) -> Option<u64> {
        self.queue.us()
    }

    /// Opening connections; none when one was at hand.
    pub(crate) fn connect_us(&self) -> Option<u64> {
        self.connect.us()
    }

    /// From the place to the head of the shop's answer, connecting and sending included; none without an answer.
    pub(crate) fn shop_us(&self) -> Option<u64> {
        self.shop.us()
    }

    /// Until the shop had taken the request body, connecting included; none without a body. To the millisecond.
    pub(crate) fn send_us(&self) -> Option<u64> {
        self.upload.get().filter(|upload| upload.bytes() > 0).map(|upload| micros(upload.took()))
    }

    /// What was left then until the head of the shop's answer.
    pub(crate) fn first_byte_us(&self) -> Option<u64> {
        let before = self.send_us().or(self.connect_us()).unwrap_or(0);
        self.shop_us().map(|shop| shop.saturating_sub(before))
    }

    /// Adds the phases that this request had to the histograms.
    pub(crate) fn count(&self, metrics: &Metrics) {
        for (histogram, us) in [
            (&metrics.queue, self.queue_us()),
            (&metrics.connect, self.connect_us()),
            (&metrics.send, self.send_us()),
            (&metrics.first_byte, self.first_byte_us()),
        ] {
            if let Some(us) = us {
                histogram.record_us(us);
            }
        }
    }
}

/// Whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Runs a future and says how long it kept us waiting: zero, and no look at the clock, when it was ready at once. It
/// comes by reference: by value it would be in here twice, once as it came and once where it is polled.
pub(crate) async fn waited<F: Future>(mut future: Pin<&mut F>) -> (F::Output, Duration) {
    let mut since: Option<Instant> = None;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready((output, since.map_or(Duration::ZERO, |since| since.elapsed()))),
        Poll::Pending => {
            since.get_or_insert_with(Instant::now);
            Poll::Pending
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn waiting_is_measured_and_readiness_is_free() {
        assert_eq!(waited(pin!(async { 1 })).await, (1, Duration::ZERO));
        let pause = Duration::from_millis(5);
        let ((), took) = waited(pin!(tokio::time::sleep(pause))).await;
        assert!(took >= pause, "{took:?}");
    }

    #[test]
    fn phases_that_did_not_happen_are_not_counted() {
        let (notes, metrics) = (Notes::default(), Metrics::default());
        notes.took(Duration::from_millis(3));
        notes.connected(Duration::from_millis(1));
        notes.count(&metrics);
        assert_eq!((notes.queue_us(), notes.connect_us(), notes.send_us()), (None, Some(1000), None));
        assert_eq!(notes.first_byte_us(), Some(2000));
        let counts = [&metrics.queue, &metrics.connect, &metrics.send, &metrics.first_byte];
        assert_eq!(counts.map(|histogram| histogram.snapshot().count()), [0, 1, 0, 1]);
    }
}
