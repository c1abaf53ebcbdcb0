//! Where the edge's events go: the store's lane, which needs no database to be alive.

use gabion_core::Event;
use gabion_edge::EventSink;
use gabion_store::lane::Lane;

/// The lane as the edge sees it.
pub(crate) struct EdgeLane(pub Lane);

impl EventSink for EdgeLane {
    fn offer(&self, event: Event) {
        self.0.offer(event);
    }
}
