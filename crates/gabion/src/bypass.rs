//! Turning protections off for a time, through a file that works with everything else dead.
//!
//! The running product looks at the file once a second. Whoever may write to the data folder may bypass: the command
//! line, the console, or an editor.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gabion_console::control::Bypass;
use gabion_core::{EventKind, Severity, Timestamp};
use gabion_edge::Module;
use serde::{Deserialize, Serialize};

/// Protections were turned off.
pub(crate) const BYPASS_STARTED: EventKind = EventKind::new("bypass.started", 1, Severity::Critical).sealed();
/// Protections are on again.
pub(crate) const BYPASS_ENDED: EventKind = EventKind::new("bypass.ended", 1, Severity::Info).sealed();

/// The longest a bypass lasts. Who needs longer changes the configuration.
pub(crate) const BYPASS_MAX: Duration = Duration::from_secs(24 * 3600);
/// Bytes of the flag file; a larger one is not ours.
const FILE_BYTES_MAX: usize = 4096;

/// The flag file of an installation.
#[derive(Clone, Debug)]
pub(crate) struct BypassFile(PathBuf);

/// Why the flag file does not count. Protections stay on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BypassFileError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It does not say what a flag file says.
    #[error("{}: not a bypass file, so nothing is bypassed: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flag {
    modules: BTreeSet<Module>,
    until: Timestamp,
    by: String,
}

impl BypassFile {
    /// The flag file in a data folder.
    pub(crate) fn of(data_folder: &Path) -> Self {
        Self(data_folder.join("bypass.json"))
    }

    /// What is bypassed at `now`. An expired file counts for nothing, and none lasts longer than [`BYPASS_MAX`].
    ///
    /// # Errors
    /// When there is a file that cannot be read or understood.
    pub(crate) fn read(&self, now: Timestamp) -> Result<Option<Bypass>, BypassFileError> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(BypassFileError::Io { path: self.0.clone(), source }),
        };
        let malformed = |reason: String| BypassFileError::Malformed { path: self.0.clone(), reason };
        if text.len() > FILE_BYTES_MAX {
            return Err(malformed(format!("longer than {FILE_BYTES_MAX} bytes")));
        }
        let flag: Flag = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if flag.until > now.after(BYPASS_MAX) {
            return Err(malformed(format!("until {} is more than 24 hours away", flag.until)));
        }
        let active = flag.until > now && !flag.modules.is_empty();
        Ok(active.then_some(Bypass { modules: flag.modules, until: flag.until, by: flag.by }))
    }

    /// Writes the flag atomically. It needs no fsync: a bypass that a crash forgets is over, which is the safe side.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub(crate) fn write(&self, bypass: &Bypass) -> Result<(), BypassFileError> {
        let flag = Flag { modules: bypass.modules.clone(), until: bypass.until, by: bypass.by.clone() };
        let text = serde_json::to_string_pretty(&flag).expect("a flag is JSON");
        let new = self.0.with_extension("json.new");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &self.0))
            .map_err(|source| BypassFileError::Io { path: self.0.clone(), source })
    }

    /// Removes the flag: everything is on again.
    ///
    /// # Errors
    /// When the file is there and cannot be removed.
    pub(crate) fn remove(&self) -> Result<(), BypassFileError> {
        match std::fs::remove_file(&self.0) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(BypassFileError::Io { path: self.0.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bypass(until: i64) -> Bypass {
        Bypass {
            modules: BTreeSet::from([Module::Headers]),
            until: Timestamp::from_seconds(until),
            by: "shell".into(),
        }
    }

    #[test]
    fn a_flag_counts_until_it_expires() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = BypassFile::of(folder.path());
        file.write(&bypass(100)).expect("written");
        assert_eq!(file.read(Timestamp::from_seconds(99)).expect("readable"), Some(bypass(100)));
        assert_eq!(file.read(Timestamp::from_seconds(100)).expect("readable"), None);
        file.remove().expect("removed");
        file.remove().expect("removing twice is fine");
        assert_eq!(file.read(Timestamp::from_seconds(0)).expect("readable"), None);
    }

    #[test]
    fn a_broken_or_endless_flag_counts_for_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = BypassFile::of(folder.path());
        file.write(&bypass(1_000_000)).expect("written");
        assert!(matches!(file.read(Timestamp::from_seconds(0)), Err(BypassFileError::Malformed { .. })));
        std::fs::write(folder.path().join("bypass.json"), "{").expect("written");
        assert!(matches!(file.read(Timestamp::from_seconds(0)), Err(BypassFileError::Malformed { .. })));
    }
}
