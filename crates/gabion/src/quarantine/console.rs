//! The quarantine as the console asks for it.

use gabion_console::control::BoxFuture;
use gabion_console::uploads::{Kept, Room, UploadId, Uploads, UploadsError};
use gabion_core::Actor;

use super::desk::{Desk, DeskError};

impl Uploads for Desk {
    fn room(&self) -> Room {
        self.store.room()
    }

    fn list(&self, before: Option<UploadId>, limit: usize) -> BoxFuture<'_, Result<Vec<Kept>, UploadsError>> {
        Box::pin(async move { Ok(self.page(before, limit).await?) })
    }

    fn get(&self, id: UploadId) -> BoxFuture<'_, Result<Option<Kept>, UploadsError>> {
        Box::pin(async move { Ok(self.find(id).await?) })
    }

    fn delete(&self, by: Actor, id: UploadId) -> BoxFuture<'_, Result<bool, UploadsError>> {
        Box::pin(async move {
            match self.remove(by, id).await {
                Ok(_) => Ok(true),
                Err(DeskError::NotThere(_)) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
    }
}

impl From<DeskError> for UploadsError {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Store(error) => Self::Store(error),
            error => Self::Failed { reason: error.to_string() },
        }
    }
}
