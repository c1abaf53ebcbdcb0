//! Lines of lists, as they are downloaded.

use std::fmt;
use std::str::FromStr;

/// Bytes of the longest line without its end: a digest, a colon and a count.
pub const LINE_BYTES_MAX: usize = DIGEST_DIGITS + 1 + COUNT_DIGITS_MAX;

/// Hexadecimal digits of a SHA-1 digest.
const DIGEST_DIGITS: usize = 40;
/// Digits by which the lists are cut into ranges.
pub(super) const PREFIX_DIGITS: usize = 5;
/// Bits of a key below its prefix.
const PREFIX_SHIFT: u32 = 44;
/// Digits of a key: 64 bits.
const KEY_DIGITS: usize = 16;
/// Digits of a count. The highest has eight.
const COUNT_DIGITS_MAX: usize = 15;

/// The first five hexadecimal digits of a digest, which name a range of a list. One of about a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestPrefix(pub(super) u32);

impl DigestPrefix {
    pub(super) fn of_key(key: u64) -> Self {
        Self(u32::try_from(key >> PREFIX_SHIFT).expect("20 bits fit"))
    }
}

impl fmt::Display for DigestPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05X}", self.0)
    }
}

/// Not a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range is named by five hexadecimal digits")]
pub struct PrefixError;

impl FromStr for DigestPrefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let digits = text.len() == PREFIX_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
        let prefix = u32::from_str_radix(text, 16).ok().filter(|_| digits);
        prefix.map(Self).ok_or(PrefixError)
    }
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// `DIGEST:COUNT`, ordered by digest: the whole list in a file.
    Whole,
    /// `SUFFIX:COUNT` of the digests that begin with this: a file of its own for each range.
    Range(DigestPrefix),
}

/// What is kept of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub(super) key: u64,
    pub(super) count: u64,
}

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not the right number of hexadecimal digits before the colon.
    #[error("expected {expected} hexadecimal digits before a colon")]
    Digest {
        /// How many digits.
        expected: usize,
    },
    /// 32 digits: a list of another kind.
    #[error("this is a list of NTLM digests; download the one of SHA-1 digests")]
    Ntlm,
    /// No number behind the colon.
    #[error("expected a count of at most {COUNT_DIGITS_MAX} digits behind the colon")]
    Count,
}

impl ListForm {
    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// When the line is not of this form.
    pub fn read(self, line: &[u8]) -> Result<Line, LineError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let expected = match self {
            Self::Whole => DIGEST_DIGITS,
            Self::Range(_) => DIGEST_DIGITS - PREFIX_DIGITS,
        };
        let (digits, count) = split(line, expected)?;
        let key = match self {
            Self::Whole => hexadecimal(&digits[..KEY_DIGITS]),
            Self::Range(prefix) => {
                u64::from(prefix.0) << PREFIX_SHIFT | hexadecimal(&digits[..KEY_DIGITS - PREFIX_DIGITS])
            }
        };
        Ok(Line { key, count })
    }
}

/// The digits before the colon, as many as expected, and the count behind it.
pub(super) fn split(line: &[u8], expected: usize) -> Result<(&[u8], u64), LineError> {
    let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
    let digits = &line[..colon];
    if !digits.iter().all(u8::is_ascii_hexdigit) || digits.len() != expected {
        let ntlm = expected == DIGEST_DIGITS && digits.len() == 32;
        return Err(if ntlm { LineError::Ntlm } else { LineError::Digest { expected } });
    }
    let count = line.get(colon + 1..).unwrap_or_default();
    let fine = (1..=COUNT_DIGITS_MAX).contains(&count.len()) && count.iter().all(u8::is_ascii_digit);
    if !fine {
        return Err(LineError::Count);
    }
    Ok((digits, count.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))))
}

/// The number that at most 16 digits make.
fn hexadecimal(digits: &[u8]) -> u64 {
    let value = |digit: u8| char::from(digit).to_digit(16).expect("the digits were checked");
    digits.iter().fold(0, |number, digit| number << 4 | u64::from(value(*digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn both_forms_say_the_same() {
        let expected = Line { key: 0x5baa_61e4_c9b9_3f3f, count: 9_545_824 };
        let whole = format!("{DIGEST}:9545824");
        assert_eq!(ListForm::Whole.read(whole.as_bytes()), Ok(expected));
        assert_eq!(ListForm::Whole.read(format!("{whole}\r\n").as_bytes()), Ok(expected));
        assert_eq!(ListForm::Whole.read(whole.to_lowercase().as_bytes()), Ok(expected));
        let range = ListForm::Range("5baa6".parse().unwrap());
        assert_eq!(range.read(format!("{}:9545824\n", &DIGEST[5..]).as_bytes()), Ok(expected));
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for (line, error) in [
            ("", LineError::Digest { expected: 40 }),
            (DIGEST, LineError::Count),
            ("<!DOCTYPE html>", LineError::Digest { expected: 40 }),
            ("209C6174DA490CAEB422F3FA5A7AE634:24230577", LineError::Ntlm),
            (&format!("{DIGEST}:"), LineError::Count),
            (&format!("{DIGEST}:-1"), LineError::Count),
            (&format!("{DIGEST}:1 "), LineError::Count),
            (&format!("{DIGEST}:{}", "9".repeat(16)), LineError::Count),
            (&format!("{}g:1", &DIGEST[1..]), LineError::Digest { expected: 40 }),
        ] {
            assert_eq!(ListForm::Whole.read(line.as_bytes()), Err(error), "{line}");
        }
        let range = ListForm::Range(DigestPrefix(0));
        assert_eq!(range.read(DIGEST.as_bytes()), Err(LineError::Digest { expected: 35 }));
    }

    #[test]
    fn a_range_has_five_digits() {
        assert_eq!("00fFf".parse(), Ok(DigestPrefix(0xfff)));
        assert_eq!(DigestPrefix(0xfff).to_string(), "00FFF");
        for bad in ["", "0000", "000000", "+0000", "0000g"] {
            assert_eq!(bad.parse::<DigestPrefix>(), Err(PrefixError), "{bad}");
        }
    }
}
