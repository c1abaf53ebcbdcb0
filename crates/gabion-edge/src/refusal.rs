//! Why a request got no answer from the shop, and what the customer is told.

use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Blame, EventKind};
use gabion_page::error_page::ErrorKind;
use http::StatusCode;

use crate::event;
use crate::guard::Fault;
use crate::rate_limit::{Decision, Limit, retry_after_seconds};
use crate::shed;

/// Why a request got no answer from the shop.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The head, or the framing of the body, is not as it must be.
    #[error("bad request: {0}")]
    Malformed(Fault),
    /// The `Host` is missing or malformed.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// A body with a `Content-Encoding` where the route takes none.
    #[error("encoded request body")]
    EncodedBody,
    /// No site has this host.
    #[error("no site is configured for host {host}")]
    UnknownHost {
        /// The host as the client wrote it, cut.
        host: String,
    },
    /// A path that Gabion keeps for itself and does not answer.
    #[error("nothing at this reserved path")]
    Reserved,
    /// A method that has no meaning here, such as CONNECT.
    #[error("method is not forwarded")]
    Method,
    /// The request body is longer than the route allows.
    #[error("request body above {bytes_max} bytes")]
    BodyTooLarge {
        /// The route's limit.
        bytes_max: u64,
    },
    /// The client stopped sending its request body.
    #[error("client sent no byte of its body for {}s", idle.as_secs())]
    BodyStalled {
        /// How long we waited.
        idle: Duration,
    },
    /// The client sent its request body too slowly.
    #[error("client sent its body at less than {rate_min} bytes a second")]
    BodySlow {
        /// What it has to bring.
        rate_min: u64,
    },
    /// The client broke off its own request body.
    #[error("client broke off its request body")]
    BodyBroken,
    /// The upstream is in maintenance mode.
    #[error("upstream {upstream} is in maintenance")]
    Maintenance {
        /// Its name.
        upstream: String,
    },
    /// All places of the upstream are taken and its queue is full or too slow.
    #[error("upstream {upstream} is busy")]
    Busy {
        /// Its name.
        upstream: String,
    },
    /// Most requests to the upstream failed, so that it gets none for a moment.
    #[error("circuit breaker of upstream {upstream} is open")]
    Tripped {
        /// Its name.
        upstream: String,
        /// When one request may try again.
        seconds: u32,
    },
    /// No endpoint could be reached, or the one asked broke off before answering.
    #[error("upstream {upstream} is unreachable: {reason}")]
    Unreachable {
        /// Its name.
        upstream: String,
        /// The last endpoint's error.
        reason: String,
    },
    /// More requests came than a rate limit allows.
    #[error("above rate limit {}", limit.config.name)]
    Limited {
        /// The limit.
        limit: Arc<Limit>,
        /// What it found.
        decision: Decision,
    },
    /// The operator takes no requests from this client.
    #[error("blocked by the operator")]
    Blocked,
    /// The rules stop the request.
    #[error("stopped by the WAF{}", by(rule))]
    Stopped {
        /// The rule that decided it.
        rule: Option<u64>,
        /// What the client gets.
        status: StatusCode,
    },
    /// The rules stop the shop's answer.
    #[error("answer stopped by the WAF{}", by(rule))]
    Withheld {
        /// The rule that decided it.
        rule: Option<u64>,
    },
    /// The request is too large or too manifold to be inspected as a whole.
    #[error("not inspected as a whole: {what}")]
    Uninspectable {
        /// What was not.
        what: &'static str,
    },
    /// The request could not be inspected for a reason of ours.
    #[error("the request could not be inspected")]
    Uninspected,
    /// It brought a file that is refused.
    #[error("uploaded file refused: {reason}")]
    Upload {
        /// The code of the first reason.
        reason: String,
    },
    /// ClamAV did not look at a file, and nothing passes without.
    #[error("ClamAV did not scan an uploaded file")]
    Unscanned,
    /// It would run something in a folder of uploads.
    #[error("a script in a folder of uploads: .{extension}")]
    Script {
        /// The extension for which a server would run it.
        extension: String,
    },
    /// Nobody is signed in, and a gate lets in only who is.
    #[error("{} not signed in", if *staff { "staff" } else { "customer" })]
    SignIn {
        /// Whether it lets in staff only.
        staff: bool,
    },
    /// A customer is signed in with one factor where two are needed, or for too long.
    #[error("customer has to confirm the sign-in")]
    StepUp,
    /// The path could be read as anything, or as one for customers and one for staff.
    #[error("path can be read in several ways")]
    UnclearPath,
    /// Something of Gabion's own that the request needs does not answer.
    #[error("{what} does not answer")]
    Unavailable {
        /// What does not.
        what: &'static str,
    },
    /// Gabion cannot keep up.
    #[error("overloaded")]
    Overloaded,
    /// The endpoint did not answer in time.
    #[error("upstream {upstream} did not answer in {}s", waited.as_secs())]
    Timeout {
        /// Its name.
        upstream: String,
        /// How long we waited.
        waited: Duration,
    },
}

impl Refusal {
    /// The status the client gets. RFC 9110 section 15.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(fault) => fault.status(),
            Self::BadRequest(_) | Self::BodyBroken | Self::UnclearPath => StatusCode::BAD_REQUEST,
            Self::SignIn { .. } => StatusCode::UNAUTHORIZED,
            Self::EncodedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::Reserved => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } | Self::Uninspectable { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyStalled { .. } | Self::BodySlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Blocked | Self::Upload { .. } | Self::Script { .. } | Self::StepUp => StatusCode::FORBIDDEN,
            Self::Stopped { status, .. } => *status,
            Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Maintenance { .. }
            | Self::Busy { .. }
            | Self::Tripped { .. }
            | Self::Overloaded
            | Self::Unavailable { .. }
            | Self::Uninspected
            | Self::Unscanned => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable { .. } | Self::Withheld { .. } => StatusCode::BAD_GATEWAY,
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Which page the customer sees.
    pub(crate) const fn page(&self) -> ErrorKind {
        match self {
            Self::Malformed(_)
            | Self::BadRequest(_)
            | Self::EncodedBody
            | Self::BodyBroken
            | Self::BodyStalled { .. }
            | Self::BodySlow { .. }
            | Self::UnclearPath
            | Self::Method => ErrorKind::BadRequest,
            Self::SignIn { staff: false } => ErrorKind::SignIn,
            Self::SignIn { staff: true } => ErrorKind::StaffSignIn,
            Self::StepUp => ErrorKind::StepUp,
            Self::UnknownHost { .. } => ErrorKind::NotFoundSite,
            Self::Reserved => ErrorKind::NotFoundPage,
            Self::BodyTooLarge { .. } | Self::Uninspectable { .. } => ErrorKind::TooLarge,
            Self::Maintenance { .. } => ErrorKind::Maintenance,
            Self::Busy { .. }
            | Self::Tripped { .. }
            | Self::Overloaded
            | Self::Unavailable { .. }
            | Self::Uninspected
            | Self::Unscanned => ErrorKind::Busy,
            Self::Blocked => ErrorKind::Blocked,
            Self::Stopped { .. } | Self::Script { .. } => ErrorKind::Stopped,
            Self::Upload { .. } => ErrorKind::File,
            Self::Withheld { .. } => ErrorKind::Withheld,
            Self::Limited { .. } => ErrorKind::TooMany,
            Self::Unreachable { .. } => ErrorKind::ShopUnreachable,
            Self::Timeout { .. } => ErrorKind::ShopTimeout,
        }
    }

    /// When trying again makes sense, in seconds.
    pub(crate) fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Maintenance { .. } => Some(300),
            Self::Busy { .. } | Self::Uninspected | Self::Unavailable { .. } => Some(5),
            Self::Unscanned => Some(60),
            Self::Overloaded => Some(shed::RETRY_AFTER_SECONDS),
            Self::Limited { decision, .. } => Some(retry_after_seconds(*decision)),
            Self::Tripped { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }

    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Maintenance { .. }
            | Self::Busy { .. }
            | Self::Overloaded
            | Self::Unavailable { .. }
            | Self::Unscanned => Blame::Operator,
            Self::Uninspected => Blame::Bug,
            Self::Withheld { .. }
            | Self::Tripped { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. } => Blame::Upstream,
            _ => Blame::Client,
        }
    }

    /// The kind of event it is recorded as; a maintenance page is no event, it was asked for. Rate limits, gates,
    /// shedding, the WAF and the look at uploads record their own, and who is blocked was blocked by an event.
    pub(crate) const fn event(&self) -> Option<&'static EventKind> {
        match self {
            Self::Maintenance { .. }
            | Self::Reserved
            | Self::Limited { .. }
            | Self::SignIn { .. }
            | Self::StepUp
            | Self::Blocked
            | Self::Stopped { .. }
            | Self::Withheld { .. }
            | Self::Uninspectable { .. }
            | Self::Uninspected
            | Self::Upload { .. }
            | Self::Unscanned
            | Self::Script { .. }
            | Self::Overloaded => None,
            Self::Unreachable { .. } | Self::Timeout { .. } => Some(&event::SHOP_FAILED),
            Self::Busy { .. } | Self::Tripped { .. } => Some(&event::SHOP_BUSY),
            _ => Some(&event::REQUEST_REFUSED),
        }
    }

    /// Where somebody can do something about it: one of Gabion's own pages.
    pub(crate) const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::SignIn { .. } | Self::StepUp => self.page().remedy(),
            _ => None,
        }
    }

    /// What `WWW-Authenticate` says. RFC 9110 section 11.6.1 asks for it with 401. No browser knows the scheme, so that none
    /// shows a window of its own for a password.
    pub(crate) const fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::SignIn { staff: false } => Some("Gabion realm=\"customer\""),
            Self::SignIn { staff: true } => Some("Gabion realm=\"staff\""),
            _ => None,
        }
    }

    /// The upstream it is about.
    pub(crate) fn upstream(&self) -> Option<&str> {
        match self {
            Self::Maintenance { upstream }
            | Self::Busy { upstream }
            | Self::Tripped { upstream, .. }
            | Self::Unreachable { upstream, .. }
            | Self::Timeout { upstream, .. } => Some(upstream),
            _ => None,
        }
    }
}

fn by(rule: &Option<u64>) -> String {
    rule.map(|rule| format!(", rule {rule}")).unwrap_or_default()
}
