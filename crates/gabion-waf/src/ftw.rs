//! Runs the regression cases of the OWASP Core Rule Set against the engine, without a socket.
//!
//! A case is built into the bytes that go-ftw would send, divided as leniently as rules need it, and given to a
//! transaction; a reflecting backend answers. Statuses that the reference gets from its web server come from the
//! strict reading of the head in [`crate::wire`]. Source: ftw-tests-schema and go-ftw.

mod backend;
mod case;
mod request;
mod run;

use std::io;
use std::path::{Path, PathBuf};

pub use case::{Case, Expectation, Generation, Input, Overrides, Stage};
pub use run::{Failure, Observed, Summary, run, run_by};

use crate::source::Source;

/// What every run needs before the rules of CRS: bodies are read, nothing is stopped, limits are those of the cases.
const SETTINGS: &str = include_str!("ftw/settings.conf");

/// A case file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FtwError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not YAML.
    #[error("{}: {message}", .path.display())]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        message: String,
    },
    /// A case in it is not of the schema.
    #[error("{}: {what}", .path.display())]
    Schema {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// The sources of a run: the settings of the cases, then the set-up and the rules of CRS.
pub fn sources(crs: &[PathBuf]) -> Vec<Source> {
    let settings = Source::text("ftw-settings.conf", SETTINGS);
    std::iter::once(settings).chain(crs.iter().cloned().map(Source::File)).collect()
}

/// All cases below a folder, by the names of their files; those of disabled files, too.
///
/// # Errors
/// The first file that cannot be read.
pub fn cases(folder: &Path) -> Result<Vec<Case>, FtwError> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let text =
            std::fs::read_to_string(&path).map_err(|source| FtwError::Read { path: path.clone(), source })?;
        cases.extend(Case::read(&path, &text)?);
    }
    Ok(cases)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FtwError> {
    let error = |source| FtwError::Read { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml") {
            files.push(path);
        }
    }
    Ok(())
}
