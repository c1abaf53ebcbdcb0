//! What the console may ask of the quarantine of uploads: facts, and to delete. Never content. The binary implements it.

use std::time::Duration;

use gabion_core::{Actor, Blame, Timestamp};
use gabion_edge::upload::StoppedFile;
use gabion_store::StoreError;
use gabion_web::problem::Place;
use gabion_web::{Cursor, Listing, Page, Problem};

use crate::Console;
use crate::control::BoxFuture;

gabion_core::id!(
    /// One stopped file. Made when it was stopped.
    pub UploadId, "upl"
);

/// A stopped file in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is taken out or deleted by.
    pub id: UploadId,
    /// When it was stopped.
    pub at: Timestamp,
    /// What is known of it.
    pub facts: StoppedFile,
}

/// How full the quarantine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Files in it.
    pub files: usize,
    /// Their bytes on the disk.
    pub bytes: u64,
    /// The most of them; 0 keeps nothing.
    pub bytes_max: u64,
    /// How long each is kept.
    pub age_max: Duration,
}

/// Why the quarantine could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum UploadsError {
    /// The database takes no writes, so that nobody could be told. Nothing was deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be removed, or the work broke off.
    #[error("the quarantine: {reason}")]
    Failed {
        /// What the system said.
        reason: String,
    },
}

impl From<UploadsError> for Problem {
    fn from(error: UploadsError) -> Self {
        match error {
            UploadsError::Store(error) => error.into(),
            UploadsError::Failed { .. } => Self::of(Blame::Operator, "quarantine", &error),
        }
    }
}

/// The quarantine of uploads, as the console sees it.
pub trait Uploads: Send + Sync + 'static {
    /// How full it is. From memory.
    fn room(&self) -> Room;

    /// The newest files before an id, or of all, at most `limit`. Fewer are all that there are.
    fn list(&self, before: Option<UploadId>, limit: usize) -> BoxFuture<'_, Result<Vec<Kept>, UploadsError>>;

    /// One file; none where it was deleted, by hand or for its age.
    fn get(&self, id: UploadId) -> BoxFuture<'_, Result<Option<Kept>, UploadsError>>;

    /// Tells the journal, then deletes a file for good. Says whether it was there.
    fn delete(&self, by: Actor, id: UploadId) -> BoxFuture<'_, Result<bool, UploadsError>>;
}

/// There is no such file.
pub(crate) fn gone() -> Problem {
    Problem::not_found("there is no such file in quarantine, or it was deleted meanwhile")
}

impl Console {
    /// A page of stopped files, newest first.
    ///
    /// # Errors
    /// 400 for a cursor that is none, 500 when the files cannot be read.
    pub(crate) async fn kept(&self, page: &Page) -> Result<Listing<Kept>, Problem> {
        let unknown = |_| {
            let detail = "cursor is not one this API gave out";
            Problem::invalid(detail).fault(Place::Parameter("cursor"), detail)
        };
        let before = page.cursor.as_ref().map(|cursor| cursor.position().parse());
        let before = before.transpose().map_err(unknown)?;
        let kept = self.0.uploads.list(before, page.limit + 1).await?;
        Ok(page.listing(kept, |kept| Cursor::after(kept.id)))
    }
}
