//! How money, days and addresses are written.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Now, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the demo shop stands alone and takes the machine's time")]
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// `1290` becomes `€12.90`.
pub(crate) fn euros(cents: i64) -> String {
    format!("€{}.{:02}", cents / 100, cents % 100)
}

/// Seconds since 1970 become `14 October 2026`; a time outside the calendar becomes nothing.
pub(crate) fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|at| at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string())
        .unwrap_or_default()
}

/// `4` becomes `★★★★☆`.
pub(crate) fn stars(rating: i64) -> String {
    (1..=5).map(|star| if star <= rating { '★' } else { '☆' }).collect()
}

/// Writes a file name so that it is one segment of a path: everything but letters, digits and `-_.~` as `%XX`.
pub(crate) fn path_segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_days_are_written_for_people() {
        assert_eq!(euros(1290), "€12.90");
        assert_eq!(euros(5), "€0.05");
        assert_eq!(day(0), "1 January 1970");
        assert_eq!(stars(4), "★★★★☆");
    }

    #[test]
    fn a_file_name_stays_one_segment() {
        assert_eq!(path_segment("my cup#1?.png"), "my%20cup%231%3F.png");
    }
}
