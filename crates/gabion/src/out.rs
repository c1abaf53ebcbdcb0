//! What commands say on standard output. Logs go to standard error.

use std::io::{self, Write};

/// Prints a text and a newline.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn say(text: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
