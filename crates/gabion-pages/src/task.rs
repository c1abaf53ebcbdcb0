//! What has to be done by itself: taking sightings, looking from outside, deleting what is over.

mod looking;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use gabion_core::{Actor, Event, EventId, Severity, Timestamp};
use gabion_markup::sighting::Sighting;
use gabion_store::StoreError;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::change::ChangeKind;
use crate::evidence::EVIDENCE_DAYS_MAX;
use crate::ingest::Found;
use crate::look::Outside;
use crate::sink::PagesReceiver;
use crate::store::sweep::Ages;
use crate::{Pages, PagesError, event, ingest, store};

pub use reading::AlreadyRead;

/// Time between two sweeps.
pub const SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);
/// Time between two rounds of looks; each looks only at what is due.
pub const ROUND_EVERY: Duration = Duration::from_secs(5 * 60);
/// Least time between two readings of scripts of others; each reads only what is not known.
const READ_EVERY: Duration = Duration::from_secs(1);
/// Time between two tries to write sightings that the database did not take.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Tries to write sightings before they are dropped and counted.
const TRIES_MAX: u32 = 5;
/// A batch is not sent again after so long.
const BATCH_KEPT: Duration = Duration::from_secs(3600);
/// Undecided things of pages that nobody watches are forgotten after so long without being seen.
const UNWATCHED_KEPT: Duration = Duration::from_secs(60 * 24 * 3600);
/// An authorized script that was not seen for so long is told of, once.
const GONE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// Scripts that one sweep tells of as gone.
const GONE_PER_SWEEP_MAX: usize = 50;
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Pages {
    /// Takes sightings, looks from outside and sweeps until there will be no more sightings. What the database refuses is
    /// told and tried again.
    pub async fn run(self, receiver: PagesReceiver, outside: Arc<dyn Outside>) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(%error, "What pages are held to was not read: {error}");
        }
        tokio::select! {
            () = self.ingest(receiver) => {}
            () = self.look_and_sweep(&*outside) => {}
        }
    }

    async fn ingest(&self, mut receiver: PagesReceiver) {
        let mut sightings = Vec::new();
        while receiver.some(&mut sightings).await > 0 {
            let batch = std::mem::take(&mut sightings);
            let count = batch.len() as u64;
            if let Err(error) = self.take_patiently(batch).await {
                tracing::warn!(%error, count, "{count} sightings of pages were not kept: {error}");
                receiver.give_back_dropped(count);
            }
            self.0.seen.notify_one();
            let dropped = receiver.take_dropped();
            if dropped > 0 && self.tell_dropped(dropped).await.is_err() {
                receiver.give_back_dropped(dropped);
            }
        }
    }

    async fn take_patiently(&self, batch: Vec<Sighting>) -> Result<(), PagesError> {
        let mut tries = 1;
        loop {
            match self.take(batch.clone()).await {
                Ok(_) => return Ok(()),
                Err(PagesError::Store(StoreError::Busy { .. } | StoreError::Unavailable { .. }))
                    if tries < TRIES_MAX =>
                {
                    tries += 1;
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn tell_dropped(&self, dropped: u64) -> Result<(), PagesError> {
        let now = self.now();
        let event =
            Event::new(&event::SIGHTINGS_DROPPED, EventId::new(now, self.entropy()), now, Actor::System)
                .field("sightings", i64::try_from(dropped).unwrap_or(i64::MAX));
        Ok(self.db().write(move |tx| tx.record(&event)).await?)
    }

    async fn look_and_sweep(&self, outside: &dyn Outside) {
        let (mut rounds, mut sweeps) = (every(ROUND_EVERY), every(SWEEP_EVERY));
        let (mut readings, mut read) = (every(READ_EVERY), AlreadyRead::default());
        loop {
            tokio::select! {
                () = async { readings.tick().await; self.0.seen.notified().await } => {
                    if let Err(error) = self.read_scripts(outside, &mut read).await {
                        tracing::warn!(%error, "Scripts of others were not read: {error}");
                    }
                }
                _ = rounds.tick() => {
                    if let Err(error) = self.look_round(outside).await {
                        tracing::warn!(%error, "Payment pages were not looked at from outside: {error}");
                    }
                }
                _ = sweeps.tick() => {
                    if let Err(error) = self.sweep().await {
                        tracing::warn!(%error, "What is over was not deleted: {error}");
                    }
                }
            }
        }
    }

    /// Deletes what is over, at most some hundreds of each kind at once, and tells of authorized scripts that were not seen
    /// for a week. Says how many rows are gone.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn sweep(&self) -> Result<u64, PagesError> {
        let now = self.now();
        let ages = Ages {
            batches: now.before(BATCH_KEPT),
            evidence: now.before(DAY * u32::try_from(EVIDENCE_DAYS_MAX).expect("a year has few days")),
            unwatched: now.before(UNWATCHED_KEPT),
        };
        self.db()
            .write(move |tx| {
                tell_gone(tx, now)?;
                Ok::<_, PagesError>(store::sweep::sweep(tx, &ages)?)
            })
            .await
    }
}

/// Tells of authorized scripts that pages do not have any more, while the pages are still served.
fn tell_gone(tx: &mut gabion_store::Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    let before = now.before(GONE_AFTER);
    // Those that are gone for longer were told of.
    let rows = store::script::gone(tx, before.before(GONE_AFTER), before, GONE_PER_SWEEP_MAX)?;
    for row in rows {
        let script = row.view;
        let found = Found {
            kind: ChangeKind::ScriptGone,
            class: script.class,
            page: &script.page,
            subject: &script.key,
            sentence: format!("An authorized script was not seen for a week: {}.", script.label),
            script: Some(script.id),
            hash_before: script.hash.clone(),
            hash_after: None,
            assessment: None,
            by: script.seen_by,
            severity: Severity::Info,
            once: script.last_seen.micros().to_string(),
        };
        ingest::raise(tx, &row.site, now, found)?;
    }
    Ok(())
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
