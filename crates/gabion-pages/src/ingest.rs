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
            let batch = EventId::new(self.now(), self.entropy());
            let effects = self.write_chunk(batch, chunk).await?;
            taken.changes += effects.changes;
            taken.renewed.extend(effects.renewed);
        }
        for site in &taken.renewed {
            self.refresh_site(site).await?;
        }
        Ok(taken)
    }

    /// Writes facts once: the same batch again changes nothing.
    async fn write_chunk(&self, batch: EventId, chunk: Vec<Fact>) -> Result<apply::Effects, PagesError> {
        let (now, batch) = (self.now(), batch.to_string());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gabion_core::Timestamp;
    use gabion_markup::PageClass;
    use gabion_store::{Db, StorageConfig, StoreDeps};
    use gabion_test::{SeededEntropy, TestClock};

    use super::*;
    use crate::{Deps, MIGRATIONS, PagesConfig};
    use fact::What;

    #[tokio::test]
    async fn a_batch_that_is_sent_again_is_not_counted_again() {
        let (clock, entropy) = (Arc::new(TestClock::new()), Arc::new(SeededEntropy::new(1)));
        let deps = StoreDeps { clock: clock.clone(), entropy: entropy.clone() };
        let db = Db::open(StorageConfig::new("sqlite::memory:"), deps).await.expect("opens");
        db.migrate(&[MIGRATIONS]).await.expect("migrates");
        let pages = Pages::new(PagesConfig::default(), Deps { db, clock, entropy });
        let site: SiteId = "tea".parse().expect("a site");
        let what = What::Class {
            class: PageClass::Payment,
            servings: 3,
            reports: 0,
            address: "https://shop.example/".to_owned(),
        };
        let fact = Fact { site: site.clone(), at: Timestamp::from_seconds(1), what };
        for _ in 0..2 {
            let batch = EventId::from_bits(1);
            pages.write_chunk(batch, vec![fact.clone()]).await.expect("is written");
        }
        assert_eq!(pages.overview(&site).await.expect("is read").classes[0].page_views, 3);
        pages.write_chunk(EventId::from_bits(2), vec![fact]).await.expect("is written");
        assert_eq!(pages.overview(&site).await.expect("is read").classes[0].page_views, 6);
    }
}
