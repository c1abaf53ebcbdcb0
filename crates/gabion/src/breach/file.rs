//! A filter's file on disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use gabion_password::breach::ReadAt;

/// An open filter. One that is built again gets a new file: this one stays as it is.
#[derive(Debug)]
pub(super) struct FilterFile {
    file: File,
    bytes: u64,
}

impl FilterFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

impl ReadAt for FilterFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }
}
