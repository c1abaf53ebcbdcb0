//! What staff may do with stopped files. Each act is told in the journal before it is done.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gabion_core::{Actor, Clock, Entropy, Event, EventId, EventKind, Severity};
use gabion_store::{Db, StoreError};
use gabion_web::page::LIMIT_MAX;

use super::{Kept, OpenError, Store, UploadId};

/// A stopped file was taken out of quarantine, decrypted.
pub(crate) const UPLOAD_RELEASED: EventKind =
    EventKind::new("upload.released", 1, Severity::Warning).sealed();
/// A stopped file was deleted by hand.
pub(crate) const UPLOAD_DELETED: EventKind = EventKind::new("upload.deleted", 1, Severity::Info).sealed();

/// Files of one page of a list at most: as many as the API gives at a time, and the one that tells that more follow.
const PAGE_MAX: usize = LIMIT_MAX + 1;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    /// There is no such file in quarantine.
    #[error("no stopped file has the id {0}; gabion upload list names those that are kept")]
    NotThere(UploadId),
    /// It cannot be read, or what it is written to cannot be.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be removed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The database takes no writes, so that nobody could be told.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread that worked on it is gone.
    #[error("the work on it broke off: {0}")]
    BrokenOff(#[from] tokio::task::JoinError),
}

/// The quarantine, for people. Clones are the same.
#[derive(Clone)]
pub(crate) struct Desk {
    /// The files.
    pub(crate) store: Store,
    /// Where it is told.
    pub(crate) db: Db,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Ids.
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Desk {
    /// The facts of the newest files before an id, or of all: a page of at most 201. The last id of a page is where the
    /// next one begins.
    ///
    /// # Errors
    /// Only when the thread that read them is gone.
    pub(crate) async fn page(&self, before: Option<UploadId>, limit: usize) -> Result<Vec<Kept>, DeskError> {
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.list(before, limit.min(PAGE_MAX))).await?)
    }

    /// The facts of one file; none where there is none.
    ///
    /// # Errors
    /// Only when the thread that read them is gone.
    pub(crate) async fn find(&self, id: UploadId) -> Result<Option<Kept>, DeskError> {
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.get(id)).await?)
    }

    /// Deletes a file for good.
    ///
    /// # Errors
    /// When there is none, it cannot be removed, or the database takes no writes.
    pub(crate) async fn remove(&self, by: Actor, id: UploadId) -> Result<Kept, DeskError> {
        let kept = self.tell(&UPLOAD_DELETED, by, id).await?;
        let store = self.store.clone();
        let removed = tokio::task::spawn_blocking(move || store.delete(id)).await??;
        if removed { Ok(kept) } else { Err(DeskError::NotThere(id)) }
    }

    /// Decrypts a file into a new one, readable by the user that Gabion runs as. It stays in quarantine.
    ///
    /// # Errors
    /// When there is none, it was changed, the new file cannot be written, or the database takes no writes.
    pub(crate) async fn release(&self, by: Actor, id: UploadId, to: PathBuf) -> Result<Kept, DeskError> {
        self.tell(&UPLOAD_RELEASED, by, id).await?;
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.release(id, &to)).await??)
    }

    /// Tells of an act on a file that is there.
    async fn tell(&self, kind: &EventKind, by: Actor, id: UploadId) -> Result<Kept, DeskError> {
        let kept = self.find(id).await?.ok_or(DeskError::NotThere(id))?;
        let now = self.clock.now();
        let event = Event::new(kind, EventId::new(now, self.entropy.as_ref()), now, by)
            .entity("upload", id)
            .entity("request", kept.facts.request.as_str())
            .field("sha256", kept.facts.sha256.as_str())
            .personal("name", kept.facts.name.as_str());
        self.db.write(move |tx| tx.record(&event)).await?;
        Ok(kept)
    }
}
