//! What is left of a drill is taken away again.

use gabion_core::Actor;

use crate::change::ChangeState;
use crate::{ChangeId, Pages, PagesError, Status, store};

impl Pages {
    /// Settles the change that a drill made, with a note that says so, and takes what it planted out of the inventory,
    /// unless somebody decided about it meanwhile.
    ///
    /// # Errors
    /// [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn end_drill(&self, change: ChangeId, by: Actor) -> Result<(), PagesError> {
        self.settle_change(change, ChangeState::Accepted, Some("Planted by a drill."), by).await?;
        self.db()
            .write(move |tx| {
                let Some((_, change)) = store::change::by_id(tx, change)? else { return Ok(()) };
                let Some(id) = change.script else { return Ok(()) };
                let script = store::script::by_id(tx, id)?;
                if script.is_some_and(|script| script.view.status == Status::New) {
                    store::script::delete(tx, id)?;
                }
                Ok(())
            })
            .await
    }
}
