//! An archive of rules, unpacked into a new folder that appears as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use tar::{Archive, Entry, EntryType};

/// Entries of an archive. A release of CRS with its tests has about 1,200.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of everything in it, unpacked. CRS with its tests has about 12 million.
const UNPACKED_BYTES_MAX: u64 = 128 << 20;
/// Bytes of one file that is kept. The longest list of CRS has 100 kB.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Why an archive was not unpacked. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    /// It is damaged, or not what its name says.
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
    /// More than a rule set has.
    #[error("the archive has more than {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// An entry that no rule set has, and that attacks on whoever unpacks it do.
    #[error("the archive has {what}: {path:?}")]
    Unsafe {
        /// What it is.
        what: &'static str,
        /// Its name.
        path: String,
    },
    /// The folder cannot be written.
    #[error("{}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A folder under a name that is not its last one; gone when dropped.
pub(super) struct Unpacked {
    path: PathBuf,
    kept: bool,
}

impl Unpacked {
    /// Where it is until it is kept.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When something else has that name by now.
    pub(super) fn keep(mut self, to: &Path) -> Result<(), UnpackError> {
        let write = |source| UnpackError::Write { path: to.to_owned(), source };
        if to.symlink_metadata().is_ok() {
            return Err(write(io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(&self.path, to).map_err(write)?;
        self.kept = true;
        sync_folder(parent(to)).map_err(write)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!("{}: what is left of the installation stays: {error}", self.path.display());
        }
    }
}

/// Unpacks what is wanted of an archive (`.tar.gz`) beside `to`: set-up, rules, lists and plugins, without the folder
/// that all of it is in.
///
/// # Errors
/// What is wrong with it. Nothing is left then.
pub(super) fn unpack(archive: &[u8], to: &Path) -> Result<Unpacked, UnpackError> {
    let mut name = std::ffi::OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(format!(".partial-{}", std::process::id()));
    let path = parent(to).join(name);
    fs::create_dir(&path).map_err(|source| UnpackError::Write { path: path.clone(), source })?;
    let unpacked = Unpacked { path, kept: false };
    read(archive, &unpacked.path)?;
    Ok(unpacked)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn read(archive: &[u8], into: &Path) -> Result<(), UnpackError> {
    // Also what is not kept has to be read, and costs time.
    let plain = Bounded { inner: GzDecoder::new(archive), left: UNPACKED_BYTES_MAX };
    let mut archive = Archive::new(plain);
    let mut folders = vec![into.to_owned()];
    for (number, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        if number == ENTRIES_MAX {
            return Err(UnpackError::Limit { what: "entries", limit: ENTRIES_MAX as u64 });
        }
        let mut entry = entry.map_err(unreadable)?;
        let Some(inside) = place(&entry)? else { continue };
        let path = into.join(inside);
        let folder = parent(&path);
        if !folders.iter().any(|known| known == folder) {
            fs::create_dir(folder)
                .map_err(|source| UnpackError::Write { path: folder.to_owned(), source })?;
            folders.push(folder.to_owned());
        }
        write(&mut entry, &path)?;
    }
    // What a folder holds is durable when the folder is.
    folders.iter().try_for_each(|folder| {
        sync_folder(folder).map_err(|source| UnpackError::Write { path: folder.clone(), source })
    })
}

/// Where in the folder an entry belongs; nowhere if it is not wanted.
fn place(entry: &Entry<'_, impl Read>) -> Result<Option<PathBuf>, UnpackError> {
    let kind = entry.header().entry_type();
    // Says something of the archive, such as the commit that it was made of.
    if kind == EntryType::XGlobalHeader {
        return Ok(None);
    }
    let bytes = entry.path_bytes();
    let shown = || String::from_utf8_lossy(&bytes).into_owned();
    let unsafe_entry = |what| Err(UnpackError::Unsafe { what, path: shown() });
    let text = shown();
    let path = Path::new(&text);
    if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return unsafe_entry("a path that leads out of the folder");
    }
    match kind {
        EntryType::Directory => Ok(None),
        EntryType::Regular | EntryType::Continuous => Ok(wanted(path)),
        EntryType::Symlink | EntryType::Link => unsafe_entry("a link"),
        _ => unsafe_entry("an entry that is neither a file nor a folder"),
    }
}

/// A file of a rule set, without the folder that all of the archive is in.
fn wanted(path: &Path) -> Option<PathBuf> {
    let parts: Vec<&str> = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_str())
        .collect::<Option<_>>()?;
    let ends = |name: &str, endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match parts[..] {
        [_, name @ ("crs-setup.conf.example" | "LICENSE" | "CHANGES.md" | "CHANGES")] => Some(name.into()),
        [_, folder @ ("rules" | "plugins"), name] if ends(name, &[".conf", ".conf.example", ".data"]) => {
            Some(Path::new(folder).join(name))
        }
        _ => None,
    }
}

fn write(entry: &mut Entry<'_, impl Read>, path: &Path) -> Result<(), UnpackError> {
    let cannot = |source| UnpackError::Write { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    entry.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(UnpackError::Limit { what: "bytes in one file", limit: FILE_BYTES_MAX });
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(cannot)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A reader that ends with an error where there is more than allowed.
struct Bounded<R> {
    inner: R,
    left: u64,
}

/// There is more than allowed.
#[derive(Debug, thiserror::Error)]
#[error("more than {UNPACKED_BYTES_MAX} bytes unpacked")]
struct TooLong;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(TooLong))?;
        Ok(read)
    }
}

fn unreadable(error: io::Error) -> UnpackError {
    let too_long = error.get_ref().is_some_and(|inner| inner.is::<TooLong>());
    if too_long {
        return UnpackError::Limit { what: "bytes, unpacked", limit: UNPACKED_BYTES_MAX };
    }
    UnpackError::Read(error)
}

#[cfg(test)]
mod tests;
