//! Why rules could not be loaded.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file, as it was named when it was loaded.
    pub file: Arc<Path>,
    /// The line on which the directive begins, from 1.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A rule file that cannot be used. Nothing of the set is loaded then: half a rule set protects nobody.
#[derive(Debug, thiserror::Error)]
#[error("{location}: {directive}: {fault}")]
pub struct LoadError {
    /// Where the directive stands.
    pub location: Location,
    /// Its name, as written.
    pub directive: String,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a directive.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file that cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name that this engine does not know.
    #[error("unknown {kind} {name:?}")]
    Unknown {
        /// What it should name: a directive, an operator, an action.
        kind: &'static str,
        /// The name, as written.
        name: String,
    },
    /// A part of the language that exists elsewhere and is refused here, with the reason.
    #[error("{name} is not supported: {why}")]
    Refused {
        /// The name, as written.
        name: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// A value that is none of those allowed.
    #[error("{value:?} is not {expected}")]
    Value {
        /// The value, as written.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A directive or list that is malformed.
    #[error("{0}")]
    Syntax(&'static str),
    /// A pattern that is no regular expression of the supported kinds.
    #[error("bad pattern: {0}")]
    Pattern(String),
    /// The same id on two rules.
    #[error("rule {id} is also at {first}")]
    Duplicate {
        /// The id.
        id: u64,
        /// Where the other rule stands.
        first: Location,
    },
    /// More of something than a rule set may have.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

impl Fault {
    pub(crate) fn unknown(kind: &'static str, name: impl Into<String>) -> Self {
        Self::Unknown { kind, name: name.into() }
    }

    pub(crate) fn value(value: impl Into<String>, expected: &'static str) -> Self {
        Self::Value { value: value.into(), expected }
    }

    pub(crate) fn refused(name: impl Into<String>, why: &'static str) -> Self {
        Self::Refused { name: name.into(), why }
    }
}
