//! Reads and writes files of keys and certificates so that a crash leaves either the old or the new one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gabion_core::Secret;
use tracing::warn;

/// A folder or a file in it that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be read or written", path.display())]
pub struct FolderError {
    /// The folder or file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// A folder of keys and certificates, locked against other processes until dropped.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder where it is missing, for its owner only, and waits for the lock.
    pub(super) fn locked(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError { path: path.to_owned(), source };
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

    fn failed(&self, name: &str) -> impl Fn(io::Error) -> FolderError {
        let path = self.path(name);
        move |source| FolderError { path: path.clone(), source }
    }

    /// The names of its files.
    pub(super) fn names(&self) -> Result<Vec<String>, FolderError> {
        let failed = |source| FolderError { path: self.path.clone(), source };
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(&self.path).and_then(|entries| entries.map(name).collect()).map_err(failed)
    }

    /// The file's text, none when there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, FolderError> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name)(error)),
        }
    }

    /// Like [`read`](Self::read) for a private key. One that others could read is closed to them again.
    pub(super) fn read_key(&self, name: &str) -> Result<Option<Secret<String>>, FolderError> {
        let Some(key) = self.read(name)?.map(Secret::new) else { return Ok(None) };
        let path = self.path(name);
        let mode = fs::metadata(&path).map_err(self.failed(name))?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(self.failed(name))?;
            let path = path.display();
            warn!(%path, "{path} had mode {mode:04o}, now 0600; if others read the key, replace it");
        }
        Ok(Some(key))
    }

    /// Writes the whole file or nothing; it is on disk when this returns.
    pub(super) fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), FolderError> {
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
    pub(super) fn set_aside(&self, name: &str) -> Result<(), FolderError> {
        match fs::rename(self.path(name), self.path(&format!("{name}.old"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(name)(error)),
            _ => Ok(()),
        }
    }
}
