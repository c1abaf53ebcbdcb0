//! The metrics page: edge, store, mail, certificates, process.

use gabion_edge::metrics::prometheus::{Exposition, Type};
use gabion_outbound::mail::Counts;

use crate::Console;

pub(crate) fn page(console: &Console) -> String {
    let mut page = Exposition::default();
    console.0.edge.expose(&mut page);
    expose_store(console, &mut page);
    expose_lane(console, &mut page);
    expose_mail(console, &mut page);
    expose_certificates(console, &mut page);
    expose_process(console, &mut page);
    page.finish()
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn expose_store(console: &Console, page: &mut Exposition) {
    let (health, metrics) = (console.0.db.health(), console.0.db.metrics());
    for (name, help, value) in [
        ("gabion_store_writable", "Whether the database takes writes.", f64::from(u8::from(health.writable))),
        ("gabion_store_queue_writes", "Writes that wait.", health.queue_depth as f64),
        ("gabion_store_lag_seconds", "How long the oldest of them has waited.", health.lag.as_secs_f64()),
        (
            "gabion_store_group_size_max",
            "Writes in the largest commit so far.",
            metrics.group_size_max as f64,
        ),
    ] {
        page.metric(name, Type::Gauge, help, [(vec![], value)]);
    }
    for (name, help, value) in [
        ("gabion_store_writes_total", "Writes committed and acknowledged.", metrics.writes as f64),
        ("gabion_store_commits_total", "Commits that carried them.", metrics.groups as f64),
        (
            "gabion_store_refused_total",
            "Writes refused: queue full or writing stopped.",
            metrics.refused as f64,
        ),
        ("gabion_store_commits_failed_total", "Commits that were lost.", metrics.groups_failed as f64),
        ("gabion_store_retries_total", "Writes run again after a conflict.", metrics.retries as f64),
        (
            "gabion_store_write_seconds_total",
            "Time from call to answer, over all writes.",
            metrics.latency_micros_sum as f64 / 1e6,
        ),
    ] {
        page.metric(name, Type::Counter, help, [(vec![], value)]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn expose_lane(console: &Console, page: &mut Exposition) {
    let stats = console.0.feed.lane_stats();
    for (name, help, value) in [
        ("gabion_edge_events_offered_total", "Events the edge had to tell.", stats.offered),
        ("gabion_edge_events_aggregated_total", "Events counted instead of kept.", stats.aggregated),
        ("gabion_edge_events_dropped_total", "Events that are lost.", stats.dropped),
    ] {
        page.metric(name, Type::Counter, help, [(vec![], value as f64)]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn expose_mail(console: &Console, page: &mut Exposition) {
    let queue = console.0.mail.queue();
    let age = queue.oldest.map_or(0.0, |put_at| console.now().since(put_at).as_secs_f64());
    for (name, help, value) in [
        ("gabion_mail_waiting", "Letters that wait to be sent.", queue.waiting as f64),
        ("gabion_mail_oldest_seconds", "How long the oldest of them has waited.", age),
        (
            "gabion_mail_failing",
            "Whether the mail server takes nothing.",
            f64::from(u8::from(queue.trouble.is_some())),
        ),
    ] {
        page.metric(name, Type::Gauge, help, [(vec![], value)]);
    }
    let Counts { sent, captured, retried, gave_up, expired } = console.0.mail.counts();
    let outcomes = [
        ("sent", sent),
        ("captured", captured),
        ("retried", retried),
        ("gave_up", gave_up),
        ("expired", expired),
    ];
    let samples = outcomes.iter().map(|(outcome, count)| (vec![("outcome", *outcome)], *count as f64));
    page.metric(
        "gabion_mail_letters_total",
        Type::Counter,
        "Attempts to send letters, by how they ended.",
        samples,
    );
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 stay far below 2^52")]
fn expose_certificates(console: &Console, page: &mut Exposition) {
    let certificates = console.0.control.certificates();
    let rows: Vec<_> = certificates
        .iter()
        .map(|certificate| {
            let name = certificate.names.first().map(ToString::to_string).unwrap_or_default();
            (name, certificate.not_after.seconds() as f64)
        })
        .collect();
    let samples = rows.iter().map(|(name, expires)| (vec![("name", name.as_str())], *expires));
    let help = "When the certificate expires, in seconds since 1970.";
    page.metric("gabion_certificate_expiry_timestamp_seconds", Type::Gauge, help, samples);
}

#[expect(clippy::cast_precision_loss, reason = "bytes and seconds stay far below 2^52")]
fn expose_process(console: &Console, page: &mut Exposition) {
    let started = console.0.started_at.seconds() as f64;
    let help = "When the process started, in seconds since 1970.";
    page.metric("process_start_time_seconds", Type::Gauge, help, [(vec![], started)]);
    let uptime = console.now().since(console.0.started_at).as_secs_f64();
    page.metric("gabion_uptime_seconds", Type::Gauge, "Time since the start.", [(vec![], uptime)]);
}
