//! Exit codes and how errors are told. After sysexits.h.

use std::fmt;
use std::process::ExitCode;

/// What was asked is answered with no: a request would be blocked, a case fails.
pub(crate) const NO: u8 = 1;
/// The configuration or the command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// Something we depend on is not there: an address in use, a database, a running Gabion.
pub(crate) const UNAVAILABLE: u8 = 69;
/// A file cannot be made.
pub(crate) const CANNOT_CREATE: u8 = 73;

/// Why a command ended early: what to say, and with which code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A failure with a code of this module.
    pub(crate) fn new(code: u8, error: impl fmt::Display) -> Self {
        Self { code, message: error.to_string() }
    }

    /// What to say.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Tells it on standard error.
    #[expect(clippy::print_stderr, reason = "the one place that ends the process with a message")]
    pub(crate) fn tell(self) -> ExitCode {
        eprintln!("gabion: {}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(UNAVAILABLE, error)
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(USAGE, error)
    }
}
