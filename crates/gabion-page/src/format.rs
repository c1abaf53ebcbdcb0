//! Numbers, sizes and times as people read them; always with their unit.

use jiff::Timestamp;
use std::time::Duration;

/// Between a number and its unit, and between groups of digits: keeps them on one line.
const THIN: char = '\u{202f}';

/// `1 234 567`, with thin spaces; four digits stay together.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(THIN);
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with three significant digits and a decimal suffix above ten thousand: `12.3k`, `4.56M`.
#[must_use]
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let (scaled, suffix) =
        scale(value, &[(1e4, 1e3, "k"), (1e6, 1e6, "M"), (1e9, 1e9, "G"), (1e12, 1e12, "T")]);
    format!("{}{suffix}", significant(scaled))
}

/// `850 B`, `12.3 kB`, `4.56 GB`; 1 kB is 1000 bytes.
#[must_use]
pub fn bytes(value: u64) -> String {
    bytes_of(as_float(value))
}

pub(crate) fn bytes_of(value: f64) -> String {
    let steps =
        [(1e3, 1e3, "kB"), (1e6, 1e6, "MB"), (1e9, 1e9, "GB"), (1e12, 1e12, "TB"), (1e15, 1e15, "PB")];
    let (scaled, suffix) = scale(value, &steps);
    with_unit(scaled, if suffix.is_empty() { "B" } else { suffix })
}

/// `0 s`, `850 µs`, `12.3 ms`, `4.56 s`, `2 min 5 s`, `3 h 20 min`, `4 d 6 h`.
#[must_use]
pub fn duration(value: Duration) -> String {
    if value.is_zero() {
        return format!("0{THIN}s");
    }
    match value.as_secs() {
        0..60 => milliseconds(value.as_secs_f64() * 1e3),
        seconds @ 60..3600 => parts(seconds / 60, "min", seconds % 60, "s"),
        seconds @ 3600..86_400 => parts(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        seconds => parts(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// A time given in milliseconds, in the unit that reads best: `850 µs`, `12.3 ms`, `4.56 s`.
#[must_use]
pub fn milliseconds(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => format!("0{THIN}ms"),
        size if size < 0.9995 => with_unit(value * 1e3, "µs"),
        size if size < 999.5 => with_unit(value, "ms"),
        _ => with_unit(value / 1e3, "s"),
    }
}

/// A share of one as `12.3 %`. Small shares are never rounded to nothing: `< 0.01 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value > 0.0 && value < 0.01 {
        return format!("<{THIN}0.01{THIN}%");
    }
    with_unit(value, "%")
}

/// How long ago, or how soon: `just now`, `3 min ago`, `in 12 d`. Whole units, rounded down.
#[must_use]
pub fn relative(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    let size = seconds.unsigned_abs();
    let words = match size {
        0..5 => return "just now".to_owned(),
        5..60 => format!("{size}{THIN}s"),
        60..3600 => format!("{}{THIN}min", size / 60),
        3600..86_400 => format!("{}{THIN}h", size / 3600),
        _ => format!("{}{THIN}d", size / 86_400),
    };
    if seconds > 0 { format!("{words} ago") } else { format!("in {words}") }
}

/// RFC 3339 in UTC to the second: `2026-03-01T12:00:05Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Date and time as a person reads them, in UTC: `2026-03-01 12:00:05`.
#[must_use]
pub fn date_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Time of day in UTC, for labels of charts: `12:00`.
#[must_use]
pub fn time_of_day(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}

/// Takes the last step whose threshold is reached: `(threshold, divisor, suffix)`.
fn scale<'a>(value: f64, steps: &[(f64, f64, &'a str)]) -> (f64, &'a str) {
    // What rounds up to the next step belongs to it: 999 950 B is 1 MB, not 1000 kB.
    let rounded = value.abs() * 1.0005;
    let step = steps.iter().rev().find(|(threshold, ..)| rounded >= *threshold);
    step.map_or((value, ""), |(_, divisor, suffix)| (value / divisor, suffix))
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{}{THIN}{unit}", significant(value))
}

/// Three significant digits without trailing zeros; whole numbers stay whole.
fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let digits = format!("{value:.decimals$}");
    let trimmed = if decimals > 0 { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

fn parts(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large}{THIN}{large_unit}"),
        _ => format!("{large}{THIN}{large_unit} {small}{THIN}{small_unit}"),
    }
}

/// Display needs three digits; what a float loses of a 64-bit count is far behind them.
#[allow(clippy::cast_precision_loss)]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
