//! Between the edge, which sees pages and holds them, and the account of what they run.

use gabion_edge::{Edge, PageSink};
use gabion_markup::sighting::Sighting;
use gabion_pages::{Holdings, PagesSink};
use tokio::sync::watch;

/// The queue of sightings as the edge sees it.
pub(crate) struct EdgePages(pub PagesSink);

impl PageSink for EdgePages {
    fn offer(&self, sighting: Sighting) -> bool {
        self.0.offer(sighting)
    }
}

/// Has the edge hold pages to what people decided, whenever that changes.
pub(crate) async fn hold(edge: Edge, mut holdings: watch::Receiver<Holdings>) {
    loop {
        let held = holdings.borrow_and_update().as_ref().clone();
        edge.hold_pages(held);
        if holdings.changed().await.is_err() {
            return;
        }
    }
}
