//! What a filter was made of.

use super::format::Cursor;

/// Bytes of the longest name of a source.
pub const SOURCE_BYTES_MAX: usize = 200;
/// Bytes of a date.
const DATE_BYTES: usize = 10;

/// What a filter was made of, as whoever built it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    source: String,
    date: String,
    min_count: u64,
}

/// What cannot be said about a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AboutError {
    /// An empty, long or unprintable name.
    #[error("the name of the source has 1 to {SOURCE_BYTES_MAX} bytes and no control characters")]
    Source,
    /// Not a date.
    #[error("the date is written 2026-01-31")]
    Date,
}

impl About {
    /// A filter of what `source` had on `date` (`2026-01-31`), of entries that were seen `min_count` times and more.
    ///
    /// # Errors
    /// When the name or the date cannot be written down.
    pub fn new(source: &str, date: &str, min_count: u64) -> Result<Self, AboutError> {
        let named = (1..=SOURCE_BYTES_MAX).contains(&source.len()) && !source.chars().any(char::is_control);
        if !named {
            return Err(AboutError::Source);
        }
        let form =
            |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
        if date.len() != DATE_BYTES || !date.bytes().enumerate().all(form) {
            return Err(AboutError::Date);
        }
        Ok(Self { source: source.to_owned(), date: date.to_owned(), min_count })
    }

    /// The name of the list.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The day of the list, `2026-01-31`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Entries that were seen less often are left out.
    pub const fn min_count(&self) -> u64 {
        self.min_count
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.source.len()).expect("a name is short"));
        out.extend_from_slice(self.source.as_bytes());
        out.extend_from_slice(self.date.as_bytes());
        out.extend_from_slice(&self.min_count.to_le_bytes());
    }

    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let [bytes] = cursor.array()?;
        let source = std::str::from_utf8(cursor.slice(bytes.into())?).ok()?;
        let date = std::str::from_utf8(cursor.slice(DATE_BYTES)?).ok()?;
        Self::new(source, date, u64::from_le_bytes(cursor.array()?)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dates_are_checked() {
        assert!(About::new("Pwned Passwords", "2026-11-23", 1).is_ok());
        for name in ["", "a\nb", &"x".repeat(SOURCE_BYTES_MAX + 1)] {
            assert_eq!(About::new(name, "2026-11-23", 1), Err(AboutError::Source), "{name:?}");
        }
        for date in ["", "2026-11-2", "23.11.2026", "2026-11-23T", "2026/11/23"] {
            assert_eq!(About::new("a", date, 1), Err(AboutError::Date), "{date:?}");
        }
    }
}
