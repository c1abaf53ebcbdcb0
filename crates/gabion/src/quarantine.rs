//! Stopped uploads, locked away in the data folder: facts for whoever looks, content only for who takes it out.
//!
//! One file each, in `quarantine`: a line of JSON with the facts, then the content, encrypted under a key of its own
//! that is derived from the key ring and the file's id, and bound to that line. A file appears under its name when all of
//! it is on the disk: after a crash it is there as a whole or not at all. Who has the data folder without the key of the
//! database sees facts and never content.

pub(crate) mod command;
mod console;
pub(crate) mod desk;
mod entry;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gabion_core::{Clock, Entropy, Timestamp};
use gabion_crypto::KeyRing;
use gabion_edge::config::QuarantineLimits;
use gabion_edge::upload::{Quarantine, StoppedFile};

use entry::Entry;
pub(crate) use entry::OpenError;
pub(crate) use gabion_console::uploads::{Kept, Room, UploadId};

/// Files at most, whatever their sizes: each is an entry of one folder and is listed.
const FILES_MAX: usize = 10_000;
/// A file above so much of the whole quarantine is not kept: it would push out everything else.
const SHARE_MAX: u64 = 4;
/// How often files are looked for that are too old.
const AGE_PERIOD: Duration = Duration::from_secs(60 * 60);

/// The quarantine in a data folder. Clones are the same.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    keys: Box<dyn Fn() -> Arc<KeyRing> + Send + Sync>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Mutex<QuarantineLimits>,
    /// Bytes of each file on the disk. Held while files are removed, never while one is written.
    files: Mutex<BTreeMap<UploadId, u64>>,
}

impl Store {
    /// Opens the quarantine of a data folder, or makes it. What a crash left half written goes. It keeps nothing until
    /// it is told its limits.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub(crate) fn open(
        data_folder: &Path,
        keys: impl Fn() -> Arc<KeyRing> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> io::Result<Self> {
        let folder = data_folder.join("quarantine");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let mut files = BTreeMap::new();
        for found in fs::read_dir(&folder)? {
            let found = found?;
            match entry::id_of(&found.path()) {
                Some(id) => drop(files.insert(id, found.metadata()?.len())),
                None if entry::is_part(&found.path()) => fs::remove_file(found.path())?,
                None => {}
            }
        }
        Ok(Self(Arc::new(Inner {
            folder,
            keys: Box::new(keys),
            clock,
            entropy,
            limits: Mutex::new(QuarantineLimits { bytes_max: 0, age_max: Duration::ZERO }),
            files: Mutex::new(files),
        })))
    }

    /// The newest files before an id, or of all, at most `limit`; for pages of a list. Files whose facts cannot be read
    /// are left out and logged. Reads files: not for an asynchronous task.
    pub(crate) fn list(&self, before: Option<UploadId>, limit: usize) -> Vec<Kept> {
        let ids: Vec<_> = {
            let files = self.files();
            files.keys().rev().filter(|id| before.is_none_or(|before| **id < before)).copied().collect()
        };
        ids.into_iter().filter_map(|id| self.facts(id)).take(limit).collect()
    }

    /// How full it is.
    pub(crate) fn room(&self) -> Room {
        let QuarantineLimits { bytes_max, age_max } = *self.limits();
        let files = self.files();
        Room { files: files.len(), bytes: files.values().sum(), bytes_max, age_max }
    }

    /// What is known of one file. Reads it: not for an asynchronous task.
    pub(crate) fn get(&self, id: UploadId) -> Option<Kept> {
        let known = self.files().contains_key(&id);
        if known { self.facts(id) } else { None }
    }

    fn facts(&self, id: UploadId) -> Option<Kept> {
        let entry = Entry::open(&self.path(id), id);
        entry
            .inspect_err(|error| tracing::warn!(%error, %id, "A file in quarantine cannot be read"))
            .ok()
            .map(Entry::kept)
    }

    /// Removes a file for good. Says whether it was there. Not for an asynchronous task.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn delete(&self, id: UploadId) -> io::Result<bool> {
        let mut files = self.files();
        if !files.contains_key(&id) {
            return Ok(false);
        }
        remove(&self.path(id))?;
        files.remove(&id);
        Ok(true)
    }

    /// Decrypts a file into a new one that only the owner of this process can read, and says what is known of it. It
    /// stays in quarantine. Not for an asynchronous task.
    ///
    /// # Errors
    /// When it is not there, was changed, or the new file exists or cannot be written.
    pub(crate) fn release(&self, id: UploadId, to: &Path) -> Result<Kept, OpenError> {
        let mut entry = Entry::open(&self.path(id), id)?;
        let content = entry.content(&(self.0.keys)())?;
        entry::write_new(to, &[&content])?;
        Ok(entry.kept())
    }

    /// Removes files that are too old, until the task is dropped.
    pub(crate) async fn run(self) {
        let mut tick = tokio::time::interval(AGE_PERIOD);
        loop {
            tick.tick().await;
            let store = self.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || store.tidy()).await {
                tracing::error!(%error, "The quarantine was not tidied");
            }
        }
    }

    /// Removes what is above the limits, the oldest first.
    fn tidy(&self) {
        let QuarantineLimits { bytes_max, age_max } = *self.limits();
        let oldest = self.0.clock.now().before(age_max);
        let mut files = self.files();
        let mut bytes: u64 = files.values().sum();
        while let Some((id, length)) = files.first_key_value().map(|(id, length)| (*id, *length)) {
            if bytes <= bytes_max && files.len() <= FILES_MAX && made_at(id) >= oldest {
                return;
            }
            if let Err(error) = remove(&self.path(id)) {
                tracing::error!(%error, %id, "A file in quarantine could not be removed");
                return;
            }
            files.remove(&id);
            bytes -= length;
        }
    }

    fn path(&self, id: UploadId) -> PathBuf {
        entry::path(&self.0.folder, id)
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<UploadId, u64>> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> MutexGuard<'_, QuarantineLimits> {
        self.0.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quarantine for Store {
    fn keep(&self, facts: &StoppedFile, content: &[u8]) -> io::Result<bool> {
        let bytes_max = self.limits().bytes_max;
        if content.len() as u64 > bytes_max / SHARE_MAX || bytes_max == 0 {
            return Ok(false);
        }
        let id = UploadId::new(self.0.clock.now(), self.0.entropy.as_ref());
        let length = entry::write(&self.0.folder, id, facts, content, &(self.0.keys)())?;
        // The name is on the disk when its folder is.
        File::open(&self.0.folder)?.sync_all()?;
        self.files().insert(id, length);
        self.tidy();
        Ok(true)
    }

    fn limit(&self, limits: QuarantineLimits) {
        *self.limits() = limits;
    }
}

/// When an id was made: its milliseconds.
fn made_at(id: UploadId) -> Timestamp {
    let millis = i64::try_from(id.bits() >> 80).expect("48 bits are an i64");
    Timestamp::from_micros(millis * 1_000)
}

/// Removes a file that may be gone already: by a person, or by the other process of a restart.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
