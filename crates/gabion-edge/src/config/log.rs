//! Where lines of a log go.

use std::path::PathBuf;

/// The path that means standard output.
const STDOUT: &str = "stdout";
/// The smallest file that is put aside: below it a busy shop would rename files all the time.
const ROTATE_BYTES_MIN: u64 = 1 << 20;
/// Files put aside at most.
const KEEP_MAX: u32 = 1000;
/// Bytes after which a file is put aside, unless the operator says otherwise.
pub(super) const ROTATE_BYTES: u64 = 100 << 20;
/// Files put aside that are kept, unless the operator says otherwise.
pub(super) const KEEP: u32 = 7;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// A file, put aside by size.
    File {
        /// Its path.
        path: PathBuf,
        /// Bytes after which it is put aside; 0 never.
        rotate_bytes: u64,
        /// Files put aside that are kept, at least 1.
        keep: u32,
    },
}

impl LogTarget {
    pub(super) fn new(path: PathBuf, rotate_bytes: u64, keep: u32) -> Self {
        if path.as_os_str() == STDOUT {
            return Self::Stdout;
        }
        let rotate_bytes = if rotate_bytes == 0 { 0 } else { rotate_bytes.max(ROTATE_BYTES_MIN) };
        Self::File { path, rotate_bytes, keep: keep.clamp(1, KEEP_MAX) }
    }
}
