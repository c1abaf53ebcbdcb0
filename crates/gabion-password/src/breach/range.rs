//! What a list's public interface answers about a range of digests.

use super::digest::LeakDigest;
use super::line::{LineError, split};

/// Bytes of the longest answer. One has about 2,000 lines of 40 bytes, padding included.
pub const RANGE_BYTES_MAX: usize = 1024 * 1024;

/// An answer that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Too much text.
    #[error("the answer has more than {RANGE_BYTES_MAX} bytes")]
    Long,
    /// No line at all.
    #[error("the answer is empty")]
    Empty,
    /// A line of another form.
    #[error("line {line} of the answer: {error}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What was expected.
        error: LineError,
    },
}

impl LeakDigest {
    /// How often the password of this digest has leaked, by the answer to its [`prefix`](Self::prefix); zero where it is not
    /// in it. Padding, which has the count zero, says nothing.
    ///
    /// # Errors
    /// When the answer is too long or not of the form `SUFFIX:COUNT`: then nothing is known.
    pub fn count_in(&self, answer: &[u8]) -> Result<u64, RangeError> {
        if answer.len() > RANGE_BYTES_MAX {
            return Err(RangeError::Long);
        }
        let suffix = self.suffix();
        let own = suffix.expose().as_bytes();
        let answer = answer.strip_suffix(b"\n").unwrap_or(answer);
        if answer.is_empty() {
            return Err(RangeError::Empty);
        }
        let mut found = 0;
        for (number, line) in answer.split(|b| *b == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (digits, count) =
                split(line, own.len()).map_err(|error| RangeError::Line { line: number + 1, error })?;
            if digits.eq_ignore_ascii_case(own) {
                found = count.max(found);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use gabion_core::Secret;

    use super::*;

    const OTHER: &str = "003D68EB55068C33ACE09247EE4C639306B";
    const OWN: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[track_caller]
    fn check(answer: &str, expected: Result<u64, RangeError>) {
        let digest = LeakDigest::of(&Secret::new("password".to_owned()));
        assert_eq!(digest.count_in(answer.as_bytes()), expected, "{answer}");
    }

    #[test]
    fn the_own_line_is_found_and_padding_is_not() {
        check(&format!("{OTHER}:3\r\n{OWN}:9545824"), Ok(9_545_824));
        check(&format!("{}:7\n{OTHER}:3\n", OWN.to_lowercase()), Ok(7));
        check(&format!("{OTHER}:3\r\n{OWN}:0\r\n"), Ok(0));
        check(&format!("{OTHER}:3"), Ok(0));
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        check("", Err(RangeError::Empty));
        check("\n", Err(RangeError::Empty));
        let wrong = LineError::Digest { expected: 35 };
        check("<html>", Err(RangeError::Line { line: 1, error: wrong }));
        check(&format!("{OWN}:5\n\n{OTHER}:3"), Err(RangeError::Line { line: 2, error: wrong }));
        check(&format!("{OWN}:5\n{OTHER}:x"), Err(RangeError::Line { line: 2, error: LineError::Count }));
        check(&"\n".repeat(RANGE_BYTES_MAX + 1), Err(RangeError::Long));
    }
}
