//! When a connection should end because Gabion stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Edge;

/// Time a connection without any request has left for its first one when Gabion stops.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(500);

/// Whether a connection has asked for anything yet.
#[derive(Default)]
pub(super) struct FirstRequest(AtomicBool);

impl FirstRequest {
    /// Notes a request.
    pub(super) fn came(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Ends when Gabion stops and the customer had time for a first request: a connection that was accepted just before
    /// would otherwise be closed without an answer.
    pub(super) async fn time_to_go(&self, edge: &Edge) {
        edge.stop().cancelled().await;
        if !self.0.load(Ordering::Relaxed) {
            tokio::time::sleep(FIRST_REQUEST_GRACE).await;
        }
    }
}
