//! A drill: something planted in one answer, for whoever shows its ticket. No customer ever gets it.
//!
//! It stands between the shop and everything that looks at its pages, so that what is planted is seen as if the shop had
//! served it.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use gabion_core::entropy;
use gabion_crypto::constant_time_eq;
use gabion_markup::rewrite::Tag;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use tokio::time::Instant;

use crate::body::BoxError;
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::{Body, Edge};

/// The header that shows a ticket. The shop never gets it.
pub const DRILL_HEADER: HeaderName = HeaderName::from_static("gabion-drill");
/// How long a ticket holds.
const TICKET_VALID: Duration = Duration::from_secs(30);
/// Bytes of a ticket.
const TICKET_BYTES: usize = 16;
/// What is served where the shop has no page to show, such as a checkout without a cart.
const STAND_IN: &str =
    "<!doctype html><html lang=\"en\"><title>Drill</title><p>This page stands in for one of the shop.</p>";

/// The drill that waits for its request, if any.
#[derive(Default)]
pub(crate) struct Drills(Mutex<Option<Armed>>);

struct Armed {
    ticket: String,
    until: Instant,
    planted: Tag,
}

impl Drills {
    fn arm(&self, armed: Armed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(armed);
    }

    /// What the ticket is for. It holds once.
    fn take(&self, ticket: &[u8]) -> Option<Tag> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = waiting.take_if(|armed| constant_time_eq(armed.ticket.as_bytes(), ticket))?;
        (Instant::now() < armed.until).then_some(armed.planted)
    }
}

impl Edge {
    /// Plants `tag` at the end of the next page that is asked for with the returned ticket in [`DRILL_HEADER`]. It holds
    /// for one request within 30 seconds, or until the next drill. What the shop answers that is no page is replaced by
    /// one that stands in for it.
    pub fn arm_drill(&self, tag: Tag) -> String {
        let bytes: [u8; TICKET_BYTES] = entropy::draw(self.entropy());
        let ticket = BASE64URL_NOPAD.encode(&bytes);
        self.drills().arm(Armed {
            ticket: ticket.clone(),
            until: Instant::now() + TICKET_VALID,
            planted: tag,
        });
        ticket
    }
}

/// Plants what a drill wants planted.
#[derive(Clone)]
pub(crate) struct Drill;

impl Layer for Drill {
    async fn call(self, mut visit: Box<Visit>, next: impl Next) -> Outcome {
        let Some(ticket) = visit.request.headers_mut().remove(DRILL_HEADER) else {
            return next.call(visit).await;
        };
        let planted = visit.edge.drills().take(ticket.as_bytes());
        let response = next.call(visit).await?;
        Ok(match planted {
            Some(planted) => plant(response, &planted),
            None => response,
        })
    }
}

fn plant(response: Response<Body>, planted: &Tag) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let is_page =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_plain = !parts.headers.contains_key(CONTENT_ENCODING);
    let body = if parts.status == StatusCode::OK && is_page && is_plain {
        body
    } else {
        parts.status = StatusCode::OK;
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        parts.headers.remove(CONTENT_ENCODING);
        parts.headers.remove(LOCATION);
        Body::from(STAND_IN.to_owned())
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(ETAG);
    let rest = Some(Bytes::copy_from_slice(planted.as_str().as_bytes()));
    Response::from_parts(parts, Body::wrap(Planted { body, rest }))
}

/// A page, and what is planted after it.
struct Planted {
    body: Body,
    rest: Option<Bytes>,
}

impl HttpBody for Planted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_trailers() => self.poll_frame(cx),
            None => Poll::Ready(self.rest.take().map(|rest| Ok(Frame::data(rest)))),
            frame => Poll::Ready(frame),
        }
    }
}
