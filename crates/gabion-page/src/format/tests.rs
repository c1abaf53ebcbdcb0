#![allow(clippy::unwrap_used)]
use super::*;

/// Thin spaces are written as `_` in the tables below.
#[track_caller]
fn check(shown: &str, expected: &str) {
    assert_eq!(shown.replace(THIN, "_"), expected);
}

#[test]
fn counts_are_grouped_above_four_digits() {
    check(&count(0), "0");
    check(&count(9999), "9999");
    check(&count(10_000), "10_000");
    check(&count(1_234_567), "1_234_567");
    check(&count(u64::MAX), "18_446_744_073_709_551_615");
}

#[test]
fn short_numbers_keep_three_digits() {
    check(&short(0.0), "0");
    check(&short(-0.001), "0");
    check(&short(9999.0), "10k");
    check(&short(1234.0), "1234");
    check(&short(12_345.0), "12.3k");
    check(&short(4_560_000.0), "4.56M");
    check(&short(f64::NAN), "–");
}

#[test]
fn bytes_use_decimal_units() {
    check(&bytes(0), "0_B");
    check(&bytes(850), "850_B");
    check(&bytes(12_345), "12.3_kB");
    check(&bytes(999_950), "1_MB");
    check(&bytes(60_000_000), "60_MB");
    check(&bytes(u64::MAX), "18447_PB");
}

#[test]
fn durations_take_the_unit_that_reads_best() {
    check(&duration(Duration::ZERO), "0_s");
    check(&duration(Duration::from_micros(850)), "850_µs");
    check(&duration(Duration::from_micros(12_340)), "12.3_ms");
    check(&duration(Duration::from_micros(999_900)), "1_s");
    check(&duration(Duration::from_millis(4_560)), "4.56_s");
    check(&duration(Duration::from_secs(125)), "2_min 5_s");
    check(&duration(Duration::from_secs(12_000)), "3_h 20_min");
    check(&duration(Duration::from_secs(367_200)), "4_d 6_h");
    check(&duration(Duration::MAX), "213503982334601_d 7_h");
    check(&milliseconds(0.0), "0_ms");
    check(&milliseconds(f64::INFINITY), "–");
}

#[test]
fn small_shares_do_not_vanish() {
    check(&percent(0.0), "0_%");
    check(&percent(0.000_05), "<_0.01_%");
    check(&percent(0.1234), "12.3_%");
    check(&percent(1.0), "100_%");
    check(&percent(f64::NAN), "–");
}

#[test]
fn distance_in_time_is_told_in_whole_units() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    for (then, expected) in [
        ("2026-03-01T11:59:57Z", "just now"),
        ("2026-03-01T12:00:03Z", "just now"),
        ("2026-03-01T11:59:15Z", "45_s ago"),
        ("2026-03-01T11:56:10Z", "3_min ago"),
        ("2026-03-01T07:30:00Z", "4_h ago"),
        ("2026-02-01T12:00:00Z", "28_d ago"),
        ("2026-03-13T12:00:00Z", "in 12_d"),
    ] {
        check(&relative(then.parse().unwrap(), now), expected);
    }
    check(&relative(Timestamp::MIN, Timestamp::MAX), "7304481_d ago");
}

#[test]
fn timestamps_are_utc_to_the_second() {
    let at: Timestamp = "2026-03-01T13:00:05.999+01:00".parse().unwrap();
    check(&rfc3339(at), "2026-03-01T12:00:05Z");
    check(&date_time(at), "2026-03-01 12:00:05");
    check(&time_of_day(at), "12:00");
}
