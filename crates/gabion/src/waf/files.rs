//! Rule files as they were read, to know later whether they changed.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gabion_crypto::digest::sha256;
use gabion_waf::{Disk, Files};

/// Bytes of one rule file. The longest list of CRS has 100 kB; whoever names a disk by mistake is told so.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Everything that loading rules asked the disk, and its answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    files: Vec<(PathBuf, Option<[u8; 32]>)>,
    folders: Vec<(PathBuf, Option<Vec<PathBuf>>)>,
}

impl Seen {
    /// Whether the disk would give the same answers now.
    pub(super) fn is_unchanged(&self) -> bool {
        self.files.iter().all(|(path, digest)| read(path).ok().map(|text| sha256(&text)) == *digest)
            && self.folders.iter().all(|(path, found)| list(path).ok() == *found)
    }
}

/// The disk, with a record of what it was asked.
#[derive(Default)]
pub(super) struct Recorder(RefCell<Seen>);

impl Recorder {
    /// The record.
    pub(super) fn seen(self) -> Seen {
        self.0.into_inner()
    }
}

impl Files for Recorder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = read(path);
        let digest = text.as_ref().ok().map(|text| sha256(text));
        self.0.borrow_mut().files.push((path.to_owned(), digest));
        text
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let found = list(folder);
        self.0.borrow_mut().folders.push((folder.to_owned(), found.as_ref().ok().cloned()));
        found
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Disk.list(folder)?;
    found.sort();
    Ok(found)
}
