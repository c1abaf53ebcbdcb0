//! Reads and writes the authority's files so that a crash leaves either the old or the new one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gabion_core::Secret;
use tracing::warn;

use super::LocalError;

/// The authority's folder, locked against other processes until dropped.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder where it is missing, for its owner only, and waits for the lock.
    pub(super) fn locked(path: &Path) -> Result<Self, LocalError> {
        let failed = |source| LocalError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(".lock"))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn failed(&self, name: &str) -> impl Fn(io::Error) -> LocalError {
        let path = self.path(name);
        move |source| LocalError::Io { path: path.clone(), source }
    }

    /// The file's text, none when there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, LocalError> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name)(error)),
        }
    }

    /// Like [`read`](Self::read) for a private key. One that others could read is closed to them again.
    pub(super) fn read_key(&self, name: &str) -> Result<Option<Secret<String>>, LocalError> {
        let Some(key) = self.read(name)?.map(Secret::new) else { return Ok(None) };
        let path = self.path(name);
        let mode = fs::metadata(&path).map_err(self.failed(name))?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(self.failed(name))?;
            let path = path.display();
            warn!(%path, "{path} had mode {mode:04o}, now 0600; if others read the key, re-create the root");
        }
        Ok(Some(key))
    }

    /// Writes the whole file or nothing; it is on disk when this returns.
    pub(super) fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), LocalError> {
        self.write_and_rename(name, bytes, mode).map_err(self.failed(name))
    }

    fn write_and_rename(&self, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        let new = self.path(&format!("{name}.new"));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {} // What an interrupted write left behind is gone.
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.path(name))?;
        File::open(&self.path)?.sync_all()
    }

    /// Renames a file to `NAME.old`, over an older one; nothing happens when it is missing.
    pub(super) fn set_aside(&self, name: &str) -> Result<(), LocalError> {
        match fs::rename(self.path(name), self.path(&format!("{name}.old"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(name)(error)),
            _ => Ok(()),
        }
    }
}
