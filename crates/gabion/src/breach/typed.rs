//! A password from standard input. It never stands in the arguments, where every account of the machine could read it.

use std::io::{self, BufRead, IsTerminal, Read};

use gabion_core::Secret;
use gabion_crypto::password::PASSWORD_BYTES_MAX;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::{Failure, USAGE};

/// What a terminal sends for Ctrl-C while it takes a password.
const INTERRUPT: u8 = 3;

/// The first line of standard input without its end. A terminal does not show it.
///
/// # Errors
/// When there is none, it is too long, or no text.
pub(super) fn password() -> Result<Secret<String>, Failure> {
    let wrong = |what: String| Failure::new(USAGE, what);
    let stdin = io::stdin();
    let silence = if stdin.is_terminal() { Some(Silence::begin(&stdin)?) } else { None };
    // With room for the longest line and its end, so that no copy is left behind.
    let room = PASSWORD_BYTES_MAX + 2;
    let mut line = Zeroizing::new(Vec::with_capacity(room));
    stdin.lock().take(room as u64).read_until(b'\n', &mut line)?;
    drop(silence);
    if line.pop_if(|b| *b == b'\n').is_some() {
        line.pop_if(|b| *b == b'\r');
    }
    if line.is_empty() {
        return Err(wrong("write the password on standard input".to_owned()));
    }
    if line.len() > PASSWORD_BYTES_MAX {
        return Err(wrong(format!("a password has at most {PASSWORD_BYTES_MAX} bytes")));
    }
    if line.contains(&INTERRUPT) {
        return Err(wrong("interrupted".to_owned()));
    }
    let text = std::str::from_utf8(&line).map_err(|_| wrong("a password is UTF-8 text".to_owned()))?;
    Ok(Secret::new(text.to_owned()))
}

/// A terminal that shows nothing of what is typed but the end of the line. Ctrl-C is typed, too, or the terminal would
/// stay like this.
struct Silence<'a> {
    stdin: &'a io::Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(stdin: &'a io::Stdin) -> io::Result<Self> {
        let before = tcgetattr(stdin)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(stdin, OptionalActions::Flush, &silent)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(self.stdin, OptionalActions::Now, &self.before) {
            tracing::warn!(%error, "The terminal stays silent: type `stty sane`");
        }
    }
}
