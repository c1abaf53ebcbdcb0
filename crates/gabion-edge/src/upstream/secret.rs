//! The header by which the shop knows that a request came through Gabion, and not past it.

use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::UpstreamConfig;
use crate::error::ReloadError;

/// Characters of the value: long enough not to be guessed, short enough for every web server.
const VALUE_LENGTH: std::ops::RangeInclusive<usize> = 16..=512;

/// The header with its value.
#[derive(Clone)]
pub(crate) struct SecretHeader {
    name: HeaderName,
    value: HeaderValue,
}

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// What it says. Never shown.
    #[error("{path}: the secret header's value has 16 to 512 visible ASCII characters on one line")]
    Value { path: String },
}

impl SecretHeader {
    /// Reads the value that an upstream's configuration names.
    pub(crate) fn of(config: &UpstreamConfig) -> Result<Option<Self>, ReloadError> {
        let Some(header) = &config.secret_header else { return Ok(None) };
        let value = read(&header.value_file).map_err(|source| ReloadError::UpstreamTls {
            upstream: config.name.clone(),
            source: source.into(),
        })?;
        Ok(Some(Self { name: header.name.clone(), value }))
    }

    /// Puts it on a request to the shop, in place of what the customer may have sent.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }
}

fn read(path: &Path) -> Result<HeaderValue, SecretError> {
    let shown = || path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| SecretError::Io { path: shown(), source })?;
    let text = text.trim_end_matches(['\r', '\n']);
    let good = VALUE_LENGTH.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let value = HeaderValue::try_from(text).ok().filter(|_| good);
    let mut value = value.ok_or_else(|| SecretError::Value { path: shown() })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_that_cannot_be_guessed_and_is_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write("0123456789abcdef\n");
        let value = read(&path).expect("good");
        assert_eq!(value, "0123456789abcdef");
        assert!(!format!("{value:?}").contains("0123"));
        for bad in ["short", "", "0123456789abcdef 0123456789", "0123456789\nabcdefghij", &"x".repeat(513)] {
            write(bad);
            let error = read(&path).expect_err("refused").to_string();
            assert!(error.contains("16 to 512") && !error.contains("0123456789"), "{error}");
        }
    }
}
