//! A request body that Gabion reads itself, under the same clock as one that the shop reads.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use super::{Pace, Wait, fault};
use crate::metrics::Metrics;
use crate::{Body, Refusal};

/// Reads a request body frame by frame: at most so many bytes, and never slower than its pace.
pub(crate) struct Intake {
    body: Body,
    wait: Wait,
    bytes_max: u64,
    left: u64,
    metrics: Arc<Metrics>,
}

impl Intake {
    /// Begins with a body of at most `bytes_max`, of which `already` were read before.
    ///
    /// # Errors
    /// When the body says that it is longer.
    pub(crate) fn new(
        body: Body,
        bytes_max: u64,
        already: u64,
        pace: Pace,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, Refusal> {
        let left = bytes_max.checked_sub(already).ok_or(Refusal::BodyTooLarge { bytes_max })?;
        if body.size_hint().lower() > left {
            return Err(Refusal::BodyTooLarge { bytes_max });
        }
        Ok(Self { body, wait: Wait::new(pace), bytes_max, left, metrics: Arc::clone(metrics) })
    }

    /// The next frame; none at the end.
    ///
    /// # Errors
    /// When the body is too long, too slow, or breaks off.
    pub(crate) async fn frame(&mut self) -> Result<Option<Frame<Bytes>>, Refusal> {
        let Self { body, wait, metrics, .. } = self;
        let next = poll_fn(|cx| {
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                return Poll::Ready(Ok(frame));
            }
            wait.poll_over(cx).map(Err)
        });
        let frame = next.await.map_err(|silence| {
            metrics.bodies_slow.fetch_add(1, Ordering::Relaxed);
            let Pace { idle, rate_min, .. } = wait.pace;
            if silence { Refusal::BodyStalled { idle } } else { Refusal::BodySlow { rate_min } }
        })?;
        let frame = frame
            .transpose()
            .map_err(|error| fault(error.as_ref()).map_or(Refusal::BodyBroken, Refusal::Malformed))?;
        let bytes = frame.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        self.wait.brought(bytes);
        let bytes_max = self.bytes_max;
        self.left = self.left.checked_sub(bytes).ok_or(Refusal::BodyTooLarge { bytes_max })?;
        Ok(frame)
    }

    /// What was not read.
    pub(crate) fn rest(self) -> Body {
        self.body
    }
}
