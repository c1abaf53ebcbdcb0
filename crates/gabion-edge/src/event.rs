//! What the edge records. Every request is counted; only what was refused or failed becomes an event.

use std::sync::Arc;

use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, Severity};

/// A request was answered by Gabion itself because it could not be forwarded.
pub const REQUEST_REFUSED: EventKind = EventKind::new("edge.request_refused", 1, Severity::Info);
/// A client was above a rate limit for the first time in a minute.
pub const REQUEST_LIMITED: EventKind = EventKind::new("edge.request_limited", 1, Severity::Info);
/// Somebody was refused at a gate, and not led to where they can sign in. Once in a minute for each address and route.
pub const GATE_REFUSED: EventKind = EventKind::new("edge.gate_refused", 1, Severity::Info);
/// The database did not answer in time: this node counts exact limits alone. At most once a minute.
pub const COUNTED_ALONE: EventKind = EventKind::new("edge.counted_alone", 1, Severity::Warning);
/// Gabion cannot keep up: requests are refused, the cheapest first.
pub const OVERLOAD_STARTED: EventKind = EventKind::new("edge.overload_started", 1, Severity::Critical);
/// Gabion keeps up again; everybody is served.
pub const OVERLOAD_ENDED: EventKind = EventKind::new("edge.overload_ended", 1, Severity::Info);
/// The shop could not be reached, broke off, or did not answer in time.
pub const SHOP_FAILED: EventKind = EventKind::new("edge.shop_failed", 1, Severity::Warning);
/// All places of an upstream were taken and its queue was full or too slow.
pub const SHOP_BUSY: EventKind = EventKind::new("edge.shop_busy", 1, Severity::Warning);
/// A connection was refused or ended because of a limit.
pub const CONNECTION_CUT: EventKind = EventKind::new("edge.connection_cut", 1, Severity::Info);
/// An endpoint failed its health checks.
pub const ENDPOINT_DOWN: EventKind = EventKind::new("edge.endpoint_down", 1, Severity::Critical);
/// An endpoint passed its health checks again.
pub const ENDPOINT_UP: EventKind = EventKind::new("edge.endpoint_up", 1, Severity::Info);
/// Requests failed at an endpoint too often: it gets none for a while.
pub const ENDPOINT_EJECTED: EventKind = EventKind::new("edge.endpoint_ejected", 1, Severity::Warning);
/// An ejected endpoint gets requests again, few at first.
pub const ENDPOINT_RETURNED: EventKind = EventKind::new("edge.endpoint_returned", 1, Severity::Info);
/// Most requests to an upstream failed: further ones are answered 503 until a trial succeeds.
pub const BREAKER_OPENED: EventKind = EventKind::new("edge.breaker_opened", 1, Severity::Critical);
/// A trial succeeded: the upstream gets requests again.
pub const BREAKER_CLOSED: EventKind = EventKind::new("edge.breaker_closed", 1, Severity::Info);
/// The name of an endpoint could not be resolved; its known addresses stay in use.
pub const NAME_UNRESOLVED: EventKind = EventKind::new("edge.name_unresolved", 1, Severity::Warning);
/// A certificate was loaded in place of another.
pub const CERTIFICATE_CHANGED: EventKind = EventKind::new("edge.certificate_changed", 1, Severity::Info);
/// A new certificate could not be loaded; the old one goes on serving.
pub const CERTIFICATE_REFUSED: EventKind = EventKind::new("edge.certificate_refused", 1, Severity::Critical);
/// A served certificate has come near its end, or is over, and was not renewed. Critical from the last week on.
pub const CERTIFICATE_EXPIRING: EventKind = EventKind::new("edge.certificate_expiring", 1, Severity::Warning);

/// The rules of the WAF stopped a request, or the shop's answer to one.
pub const WAF_BLOCKED: EventKind = EventKind::new("waf.blocked", 1, Severity::Info);
/// The rules would have stopped it, but the mode of the route let it pass.
pub const WAF_FLAGGED: EventKind = EventKind::new("waf.flagged", 1, Severity::Info);
/// A visitor whose request was flagged then reached a page that thanks for a purchase: probably a false alarm. Once for
/// each place in which something was found.
pub const WAF_FLAGGED_VISITOR_BOUGHT: EventKind =
    EventKind::new("waf.flagged_visitor_bought", 1, Severity::Info);
/// A request or an answer was not inspected as a whole.
pub const WAF_PARTIAL: EventKind = EventKind::new("waf.partial", 1, Severity::Info);
/// The WAF broke down over a request, because of a mistake in Gabion.
pub const WAF_FAILED: EventKind = EventKind::new("waf.failed", 1, Severity::Critical);

/// A customer was led to another address, because nobody decided about a script on the page.
pub const PAGE_DIVERTED: EventKind = EventKind::new("pages.diverted", 1, Severity::Warning);
/// What a class of pages may do does not fit into a header: browsers only report. Once for each change of it.
pub const PAGE_POLICY_TOO_LONG: EventKind = EventKind::new("pages.policy_too_long", 1, Severity::Critical);
/// An uploaded file was stopped.
pub const UPLOAD_REFUSED: EventKind = EventKind::new("upload.refused", 1, Severity::Warning);
/// An uploaded file would have been stopped, but the mode of the route let it pass.
pub const UPLOAD_FLAGGED: EventKind = EventKind::new("upload.flagged", 1, Severity::Info);
/// Uploaded files were not looked at as a whole, or not by ClamAV.
pub const UPLOAD_PARTIAL: EventKind = EventKind::new("upload.partial", 1, Severity::Info);
/// The look at uploads broke down over a request, because of a mistake in Gabion.
pub const UPLOAD_FAILED: EventKind = EventKind::new("upload.failed", 1, Severity::Critical);
/// A request would have run something in a folder of uploads.
pub const UPLOAD_RUN: EventKind = EventKind::new("upload.run", 1, Severity::Warning);
/// ClamAV does not answer: files are refused or pass unscanned, as the routes say.
pub const UPLOAD_SCANNER_DOWN: EventKind = EventKind::new("upload.scanner_down", 1, Severity::Critical);
/// ClamAV answers again.
pub const UPLOAD_SCANNER_UP: EventKind = EventKind::new("upload.scanner_up", 1, Severity::Info);

/// Requests seem to come through a CDN whose addresses are not believed. Anybody can pretend that.
pub const CDN_NOTICED: EventKind = EventKind::new("edge.cdn_noticed", 1, Severity::Warning);

/// Where the edge's events go. The edge has no database: the binary hands in the store's lane.
pub trait EventSink: Send + Sync {
    /// Takes the event or drops it, counted. Never blocks, never fails: a flood must not slow a request.
    fn offer(&self, event: Event);
}

/// Makes events and hands them to the sink.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Recorder {
    /// Records an event that `fill` completes.
    pub(crate) fn record(&self, kind: &EventKind, actor: Actor, fill: impl FnOnce(Event) -> Event) {
        let now = self.clock.now();
        let id = EventId::new(now, self.entropy.as_ref());
        self.sink.offer(fill(Event::new(kind, id, now, actor)));
    }
}
