//! The files of a SQLite database: who holds them, and whether they are still the ones that were opened.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// The exclusive right to a database file, until dropped. Kept by an advisory lock on a file beside it, so that
/// it ends with the process however that ends.
pub(crate) struct Lock {
    file: File,
}

/// Unlocks by hand: a child process that is being started at this moment has the file open too, and would keep
/// the lock until it has become another program.
impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "The lock ends with its last open file");
        }
    }
}

impl Lock {
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                Err(OpenError::InUse { holder: format!("{} is locked", path.display()) })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Makes an empty file that only its owner can read, unless there is one: SQLite gives its log the same rights.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    File::options().append(true).create(true).mode(0o600).open(path).map(drop)
}

/// Device and inode of the database file at the time it was opened. SQLite would go on writing to a file that
/// was removed or replaced, and acknowledge what nobody will ever read.
pub(crate) struct Identity {
    path: PathBuf,
    opened: (u64, u64),
}

impl Identity {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), opened: device_and_inode(path)? })
    }

    pub(crate) fn still_holds(&self) -> bool {
        device_and_inode(&self.path).is_ok_and(|now| now == self.opened)
    }
}

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
