//! Taking sightings: what was seen becomes facts, facts become rows, and what is new becomes a change with its event.
//!
//! Facts are written in transactions of at most [`FACTS_PER_WRITE_MAX`]. Every batch has an id that is written with it,
//! so that one whose outcome was unknown can be sent again; and a fact that is known already changes nothing but when it
//! was last seen.

mod apply;
mod assess;
mod fact;
mod raise;

use std::collections::BTreeSet;

use gabion_core::{EventId, SiteId};
use gabion_markup::sighting::Sighting;
use gabion_store::StoreError;

use crate::{Pages, PagesError, store};

use fact::Fact;

pub(crate) use raise::{Found, raise};

/// Facts of one transaction: the writer is free again after some milliseconds.
pub const FACTS_PER_WRITE_MAX: usize = 500;

/// What became of sightings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Facts that were in them.
    pub facts: usize,
    /// Changes that were found.
    pub changes: usize,
    /// Sites where something is new, so that what their pages are held to was read again.
    pub renewed: BTreeSet<SiteId>,
}

impl Pages {
    /// Keeps account of what was seen: writes what is new, with a change and its event, and says when the rest was seen
    /// last.
    ///
    /// # Errors
    /// [`PagesError::Store`]; what was written before stays, and the same sightings can be taken again.
    pub async fn take(&self, sightings: Vec<Sighting>) -> Result<Taken, PagesError> {
        let facts: Vec<Fact> = sightings.into_iter().flat_map(fact::of).collect();
        let mut taken = Taken { facts: facts.len(), ..Taken::default() };
        for chunk in facts.chunks(FACTS_PER_WRITE_MAX) {
            let chunk = self.assess(chunk.to_vec()).await?;
            let effects = self.write_chunk(chunk).await?;
            taken.changes += effects.changes;
            taken.renewed.extend(effects.renewed);
        }
        for site in &taken.renewed {
            self.refresh_site(site).await?;
        }
        Ok(taken)
    }

    async fn write_chunk(&self, chunk: Vec<Fact>) -> Result<apply::Effects, PagesError> {
        let now = self.now();
        let batch = EventId::new(now, self.entropy()).to_string();
        let write = || {
            let (chunk, batch) = (chunk.clone(), batch.clone());
            self.db().write(move |tx| {
                if !store::sweep::take_batch(tx, &batch, now)? {
                    return Ok(apply::Effects::default());
                }
                apply::all(tx, &chunk)
            })
        };
        match write().await {
            // The batch's id says whether it is there already.
            Err(PagesError::Store(StoreError::OutcomeUnknown { .. })) => write().await,
            outcome => outcome,
        }
    }
}
