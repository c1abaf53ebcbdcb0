//! How the console says things: times, counts, names of kinds and severities.

pub(crate) mod pages;

use std::time::Duration;

use gabion_core::{Severity, Timestamp};
use gabion_page::format;
use gabion_page::shell::Status;

const DAY: Duration = Duration::from_secs(86_400);

/// The page crate's kind of timestamp; what lies outside its range is shown as its ends.
pub(crate) fn jiff(at: Timestamp) -> jiff::Timestamp {
    let ends = if at.micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(ends)
}

/// A moment for a `<time>` element: for people, for machines, and how long ago.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// `12:04:10` within the last day, otherwise with its date. UTC.
    pub(crate) short: String,
    /// `2026-03-01 12:04:10 UTC`.
    pub(crate) full: String,
    /// RFC 3339.
    pub(crate) machine: String,
    /// `3 min ago`.
    pub(crate) relative: String,
}

impl Moment {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let jiff_at = jiff(at);
        let date_time = format::date_time(jiff_at);
        let recent = now.since(at) < DAY && at.since(now) < DAY;
        let time_of_day = date_time.split_once(' ').map_or(date_time.as_str(), |(_, time)| time);
        Self {
            short: if recent { time_of_day.to_owned() } else { date_time.clone() },
            full: format!("{date_time} UTC"),
            machine: format::rfc3339(jiff_at),
            relative: format::relative(jiff_at, jiff(now)),
        }
    }
}

/// `1 endpoint`, `2 endpoints`.
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    counted(count as u64, one, many)
}

/// As [`plural`], of what the database counts.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", format::count(count), if count == 1 { one } else { many })
}

/// What happened, from a kind's last part: `edge.request_refused` reads "Request refused".
pub(crate) fn title_of(kind: &str) -> String {
    let what = kind.rsplit_once('.').map_or(kind, |(_, what)| what).replace('_', " ");
    let mut letters = what.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A field's name as words: `last_error` reads "last error".
pub(crate) fn field_name(name: &str) -> String {
    name.replace('_', " ")
}

/// The severity of this name.
pub(crate) fn severity(name: &str) -> Option<Severity> {
    [Severity::Info, Severity::Warning, Severity::Critical].into_iter().find(|known| known.as_str() == name)
}

/// The color of a severity.
pub(crate) fn status_of(severity: Severity) -> Status {
    match severity {
        Severity::Info => Status::Neutral,
        Severity::Warning => Status::Degraded,
        Severity::Critical => Status::Down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_become_words() {
        assert_eq!(title_of("edge.request_refused"), "Request refused");
        assert_eq!(title_of("odd"), "Odd");
        assert_eq!(title_of(""), "");
    }

    #[test]
    fn moments_of_today_leave_out_the_date() {
        let now = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(Moment::new(now, now).short, "22:13:20");
        assert_eq!(Moment::new(now.before(DAY), now).short, "2023-11-13 22:13:20");
        assert_eq!(Moment::new(now, now).machine, "2023-11-14T22:13:20Z");
    }

    #[test]
    fn counts_agree_with_their_noun() {
        assert_eq!(plural(1, "endpoint", "endpoints"), "1 endpoint");
        assert_eq!(plural(0, "endpoint", "endpoints"), "0 endpoints");
    }
}
