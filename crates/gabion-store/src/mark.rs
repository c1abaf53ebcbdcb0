//! The high-water mark beside the database: how far it had come. A database that is behind its mark was put back
//! to an older state by someone who did not use `restore`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::durable;

/// How far a database had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The lease epoch: raised by every start.
    pub epoch: i64,
    /// The newest journal position.
    pub position: i64,
}

impl Mark {
    /// Says whether a database at `self` lost something that one at `seen` had.
    pub(crate) const fn is_behind(self, seen: Self) -> bool {
        self.epoch < seen.epoch || self.position < seen.position
    }
}

/// Bytes of a mark file that is read. Ours has fewer than 100.
const MARK_BYTES_MAX: u64 = 4096;

/// The file, written only when the mark moved.
pub(crate) struct MarkFile {
    path: PathBuf,
    written: Mutex<Option<Mark>>,
}

impl MarkFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, written: Mutex::new(None) }
    }

    /// Writes the mark when it moved since the last call.
    pub(crate) fn write(&self, mark: Mark) -> io::Result<()> {
        let mut written = self.written.lock().expect("no thread panics while it holds the mark");
        if *written == Some(mark) {
            return Ok(());
        }
        durable::replace(&self.path, &serde_json::to_vec(&mark).expect("two numbers serialize"))?;
        *written = Some(mark);
        Ok(())
    }
}

/// Reads the mark; none when there is no file yet. A file cut short by a crash counts as none, with a warning.
pub(crate) fn read(path: &Path) -> io::Result<Option<Mark>> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MARK_BYTES_MAX), &mut text)?;
    match serde_json::from_slice(&text) {
        Ok(mark) => Ok(Some(mark)),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "The high-water mark is unreadable and starts anew");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: (i64, i64), seen: (i64, i64), behind: bool) {
        let mark = |(epoch, position)| Mark { epoch, position };
        assert_eq!(mark(now).is_behind(mark(seen)), behind, "{now:?} after {seen:?}");
    }

    #[test]
    fn fewer_events_or_an_older_epoch_is_behind() {
        check((3, 10), (3, 10), false);
        check((3, 12), (3, 10), false);
        check((3, 9), (3, 10), true);
        check((2, 10), (3, 10), true);
        check((4, 0), (3, 10), true);
    }
}
