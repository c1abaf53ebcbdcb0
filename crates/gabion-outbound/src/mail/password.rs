//! The password of a mail server, from a file that only its owner can read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gabion_core::Secret;

use super::{MailConfig, SmtpConfig, Transport};

/// Bytes of the longest password.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Why there is no password. Never says anything of it.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others can read it.
    #[error("{}: the mail password can be read by others (mode {mode:o}); set it to 600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not a password.
    #[error("{}: a mail password is one line of 1 to {PASSWORD_BYTES_MAX} bytes of text", path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
}

/// The password that a configuration names; none where nobody signs in.
pub(super) fn of(config: &SmtpConfig) -> Result<Option<Secret<String>>, PasswordError> {
    config.login.as_ref().map(|login| read(&login.password_file)).transpose()
}

impl MailConfig {
    /// Whether the password that it names can be read. Keeps nothing of it.
    ///
    /// # Errors
    /// Why not.
    pub fn try_password(&self) -> Result<(), PasswordError> {
        match &self.transport {
            Transport::Smtp(smtp) => of(smtp).map(drop),
            Transport::Captured => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<Secret<String>, PasswordError> {
    let failed = |source| PasswordError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PasswordError::Mode { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::with_capacity(PASSWORD_BYTES_MAX + 2);
    file.take(PASSWORD_BYTES_MAX as u64 + 2).read_to_end(&mut bytes).map_err(failed)?;
    let bytes = Secret::new(bytes);
    let text = std::str::from_utf8(bytes.expose()).unwrap_or_default().trim_end_matches(['\r', '\n']);
    let good = (1..=PASSWORD_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
    if good {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err(PasswordError::Content { path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_password_is_one_line_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let write = |text: &str, mode| {
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
            read(&path).map(|password| password.expose().clone()).map_err(|error| error.to_string())
        };
        assert_eq!(write("hunter2\n", 0o600).as_deref(), Ok("hunter2"));
        let error = write("hunter2\n", 0o640).expect_err("others read it");
        assert!(error.contains("mode 640") && !error.contains("hunter2"), "{error}");
        for bad in ["", "\n", "hunter2\nhunter3\n", &"x".repeat(PASSWORD_BYTES_MAX + 1)] {
            let error = write(bad, 0o600).expect_err("no password");
            assert!(error.contains("one line") && !error.contains("hunter2"), "{error}");
        }
        fs::remove_file(&path).expect("removed");
        assert!(matches!(read(&path), Err(PasswordError::Io { .. })));
    }
}
