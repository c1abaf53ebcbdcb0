//! Times as templates show them.

use gabion_core::Timestamp;
use gabion_page::format;

/// How long ago, or how soon.
pub(super) fn relative(then: &Timestamp, now: &Timestamp) -> String {
    format::relative(civil(then), civil(now))
}

/// Date and time in UTC.
pub(super) fn date_time(at: &Timestamp) -> String {
    format::date_time(civil(at))
}

/// Times beyond the calendar (the year 9999) show as its end.
fn civil(at: &Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX)
}
