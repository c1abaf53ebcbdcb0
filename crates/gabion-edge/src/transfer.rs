//! Bodies on their way through: counted, limited, and never waited for forever.

mod intake;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::access_log::End;
use crate::body::BoxError;
use crate::config::Limits;
use crate::guard::Fault;
use crate::metrics::Metrics;
use crate::passage::Passage;
use crate::upstream::endpoint::{Endpoint, InFlight};
use crate::upstream::places::Place;
use crate::upstream::pool::Carrier;
use crate::upstream::shop_body::ShopBody;
use crate::{Body, Refusal, forward};

pub(crate) use intake::Intake;

/// How slow a request body may be.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Silence at a time.
    idle: Duration,
    /// Bytes a second while we wait; 0 for any.
    rate_min: u64,
    /// Waiting that is free at the beginning.
    grace: Duration,
}

impl Pace {
    pub(crate) const fn of(limits: &Limits, unlimited: bool) -> Self {
        let rate_min = if unlimited { 0 } else { limits.body_rate_min };
        Self { idle: limits.body_idle, rate_min, grace: limits.body_rate_grace }
    }
}

/// Waiting for a client's body: for so long at a time, and in all for what the bytes it brought are worth. Only the
/// time counts in which we would read and nothing is there, never the time the shop takes.
struct Wait {
    pace: Pace,
    credit: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    const fn new(pace: Pace) -> Self {
        Self { pace, credit: pace.grace, since: None, timer: None }
    }

    /// The wait is over, and brought so many bytes. What was brought quickly is worth at most `idle` of waiting.
    fn brought(&mut self, bytes: u64) {
        if let Some(since) = self.since.take() {
            self.credit = self.credit.saturating_sub(since.elapsed());
        }
        if let Some(worth) = bytes.saturating_mul(1000).checked_div(self.pace.rate_min) {
            let most = self.pace.idle.max(self.pace.grace);
            self.credit = self.credit.saturating_add(Duration::from_millis(worth)).min(most);
        }
    }

    /// Ready when we have waited too long, with whether that was silence.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let silence = self.pace.rate_min == 0 || self.pace.idle <= self.credit;
        let deadline = since + if silence { self.pace.idle } else { self.credit };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(silence);
            }
            timer.as_mut().reset(deadline);
        }
    }
}

/// A wait that starts over with every sign of life, armed only while something is waited for.
struct Patience {
    most: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    const fn new(most: Duration) -> Self {
        Self { most, sleep: None }
    }

    fn alive(&mut self) {
        self.sleep = None;
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let most = self.most;
        self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(most))).as_mut().poll(cx)
    }
}

/// What the proxy can see of a request body while the shop reads it.
pub(crate) struct Upload {
    metrics: Arc<Metrics>,
    started: Instant,
    /// Milliseconds after `started` of the last frame.
    last_ms: AtomicU64,
    bytes: AtomicU64,
    too_large: AtomicBool,
    stalled: AtomicBool,
    slow: AtomicBool,
    broken: AtomicBool,
    /// What is wrong with the framing of a broken body, where it was not the client who ended it.
    fault: OnceLock<Fault>,
    done: AtomicBool,
}

/// Why a request body ended early, as hyper sees it; the proxy reads the reason from [`Upload`].
#[derive(Debug, thiserror::Error)]
#[error("request body cut off")]
struct CutOff;

impl Upload {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            metrics: Arc::clone(metrics),
            started: Instant::now(),
            last_ms: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            too_large: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            fault: OnceLock::new(),
            done: AtomicBool::new(false),
        })
    }

    /// Watches a request body: at most `bytes_max`, and never slower than `pace`.
    pub(crate) fn watch(self: &Arc<Self>, body: Body, bytes_max: u64, pace: Pace) -> Body {
        if body.is_end_stream() {
            self.done.store(true, Ordering::Relaxed);
            return body;
        }
        Body::wrap(Watched { body, upload: Arc::clone(self), left: bytes_max, wait: Wait::new(pace) })
    }

    /// When the last frame passed.
    pub(crate) fn last(&self) -> Instant {
        self.started + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// When the watch began.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// How long the body took so far, to the millisecond.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// Bytes that have passed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the whole body has passed.
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }

    /// Why the body ended early, if it did.
    pub(crate) fn refusal(&self, bytes_max: u64, pace: Pace) -> Option<Refusal> {
        if self.too_large.load(Ordering::Relaxed) {
            Some(Refusal::BodyTooLarge { bytes_max })
        } else if self.stalled.load(Ordering::Relaxed) {
            Some(Refusal::BodyStalled { idle: pace.idle })
        } else if self.slow.load(Ordering::Relaxed) {
            Some(Refusal::BodySlow { rate_min: pace.rate_min })
        } else if let Some(fault) = self.fault.get() {
            Some(Refusal::Malformed(*fault))
        } else {
            self.broken.load(Ordering::Relaxed).then_some(Refusal::BodyBroken)
        }
    }
}

struct Watched {
    body: Body,
    upload: Arc<Upload>,
    left: u64,
    wait: Wait,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            let silence = ready!(this.wait.poll_over(cx));
            let why = if silence { &this.upload.stalled } else { &this.upload.slow };
            why.store(true, Ordering::Relaxed);
            this.upload.metrics.bodies_slow.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Some(Err(CutOff.into())));
        };
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        this.wait.brought(data.map_or(0, |data| data.len() as u64));
        let since = u64::try_from(this.upload.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        this.upload.last_ms.store(since, Ordering::Relaxed);
        match &frame {
            None => this.upload.done.store(true, Ordering::Relaxed),
            Some(Err(error)) => {
                if let Some(fault) = fault(error.as_ref()) {
                    this.upload.fault.get_or_init(|| fault);
                }
                this.upload.broken.store(true, Ordering::Relaxed);
            }
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                this.upload.metrics.bytes_in.fetch_add(len, Ordering::Relaxed);
                this.upload.bytes.fetch_add(len, Ordering::Relaxed);
                let Some(left) = this.left.checked_sub(len) else {
                    this.upload.too_large.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(CutOff.into())));
                };
                this.left = left;
                if this.body.is_end_stream() {
                    this.upload.done.store(true, Ordering::Relaxed);
                }
            }
        }
        Poll::Ready(frame.map(|frame| frame.map(without_claims)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Trailers say no more than headers may: some servers join them. RFC 9110 section 6.5.1.
fn without_claims(frame: Frame<Bytes>) -> Frame<Bytes> {
    let mut trailers = match frame.into_trailers() {
        Ok(trailers) => trailers,
        Err(frame) => return frame,
    };
    let going: Vec<_> = trailers.keys().filter(|name| forward::claims(name.as_str())).cloned().collect();
    for name in going {
        trailers.remove(name);
    }
    Frame::trailers(trailers)
}

/// The guard's word about a broken body, as hyper passes it on: the cause of an error of reading.
fn fault(error: &(dyn std::error::Error + 'static)) -> Option<Fault> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .filter_map(|error| error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref().copied())
        .next()
}

/// What a response body holds until it was read to the end: the connection and the places it takes.
pub(crate) struct Lease {
    pub(crate) carrier: Carrier,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) upload: Arc<Upload>,
    /// Counts the request at its endpoint and among the upstream's places until the lease ends.
    pub(crate) _places: (InFlight, Option<Place>),
}

impl Lease {
    /// The response was read to the end: the connection can carry the next request, unless the shop answered
    /// before it had read all of this one.
    fn end(self, body: &mut ShopBody) {
        if self.upload.is_done() {
            self.carrier.give_back(&self.endpoint, body);
        }
    }
}

/// The body of the shop's response: never silent for longer than `idle` where that is given. Dropping it before
/// its end closes the connection, which tells the shop to stop working.
pub(crate) fn download(mut incoming: ShopBody, lease: Lease, idle: Option<Duration>) -> Body {
    // A small answer gives its connection back before the customer has it.
    let whole = incoming.take_whole();
    if whole.is_some() || incoming.is_end_stream() {
        lease.end(&mut incoming);
        return whole.filter(|data| !data.is_empty()).map_or_else(Body::empty, Body::from);
    }
    Body::wrap(Download { incoming, lease: Some(lease), patience: idle.map(Patience::new) })
}

/// Why a response body was cut.
#[derive(Debug, thiserror::Error)]
#[error("the shop sent no byte of its response for {}s", .0.as_secs())]
struct Silent(Duration);

struct Download {
    incoming: ShopBody,
    lease: Option<Lease>,
    patience: Option<Patience>,
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            let Some(patience) = &mut this.patience else { return Poll::Pending };
            ready!(patience.poll_over(cx));
            let silent = Silent(patience.most);
            if let Some(lease) = this.lease.take() {
                lease.endpoint.failed(silent.to_string());
            }
            return Poll::Ready(Some(Err(silent.into())));
        };
        if let Some(patience) = &mut this.patience {
            patience.alive();
        }
        if let Some(Err(error)) = &frame
            && let Some(lease) = this.lease.take()
        {
            lease.endpoint.failed(format!("response broke off: {error}"));
        }
        let ended = frame.is_none() || this.incoming.is_end_stream();
        if let Some(lease) = this.lease.take_if(|_| ended) {
            lease.end(&mut this.incoming);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Counts the bytes of a response for `passage`, which lives until its body ends or is dropped.
pub(crate) fn counted(body: Body, mut passage: Passage) -> Body {
    if body.is_end_stream() {
        passage.ended(End::Whole);
        return body;
    }
    Body::wrap(Counted { body, passage })
}

struct Counted {
    body: Body,
    passage: Passage,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.passage.sent(data.len() as u64);
        }
        match &frame {
            Some(Err(_)) => self.passage.ended(End::Broken),
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            _ => self.passage.ended(End::Whole),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
