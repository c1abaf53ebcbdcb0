//! The Prometheus text format, version 0.0.4.

use std::fmt::Write;

use super::Snapshot;
use super::histogram::{BUCKETS, upper_bound_us};

/// A metrics page being written. Names carry their unit; label values are escaped.
#[derive(Default)]
pub struct Exposition(String);

/// The type line of a metric.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
}

impl Exposition {
    /// Writes one metric with a sample for each set of labels.
    pub fn metric<'a>(
        &mut self,
        name: &str,
        kind: Type,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, f64)>,
    ) {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
        };
        self.head(name, kind, help);
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    /// Writes a histogram of durations in seconds; one bucket per octave, to keep pages small.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn histogram(&mut self, name: &str, help: &str, snapshot: &Snapshot) {
        self.head(name, "histogram", help);
        let mut cumulative = 0;
        let bucket_name = format!("{name}_bucket");
        for i in 0..BUCKETS {
            cumulative += snapshot.buckets[i];
            match upper_bound_us(i) {
                Some(bound) if i % 2 == 0 => {
                    let bound = format!("{}", bound as f64 / 1e6);
                    self.sample(&bucket_name, &[("le", &bound)], cumulative as f64);
                }
                Some(_) => {}
                None => self.sample(&bucket_name, &[("le", "+Inf")], cumulative as f64),
            }
        }
        self.sample(&format!("{name}_sum"), &[], snapshot.sum_us as f64 / 1e6);
        self.sample(&format!("{name}_count"), &[], cumulative as f64);
    }

    /// The finished page.
    pub fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.line(format_args!("{name}"));
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.line(format_args!("{}{label}=\"{text}\"", if i == 0 { "{" } else { "," }));
        }
        self.line(format_args!("{} {value}\n", if labels.is_empty() { "" } else { "}" }));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Histogram;

    #[test]
    fn labels_are_escaped_and_histograms_are_cumulative() {
        let mut page = Exposition::default();
        page.metric("gabion_up", Type::Gauge, "Whether it is up.", [(vec![("name", "a\"b\\c")], 1.0)]);
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(10));
        histogram.record(Duration::from_secs(1_000));
        page.histogram("gabion_seconds", "Time.", &histogram.snapshot());
        let text = page.finish();
        assert!(text.contains("gabion_up{name=\"a\\\"b\\\\c\"} 1\n"), "{text}");
        assert!(text.contains("gabion_seconds_bucket{le=\"0.000064\"} 1\n"), "{text}");
        assert!(text.contains("gabion_seconds_bucket{le=\"+Inf\"} 2\n"), "{text}");
        assert!(text.contains("gabion_seconds_count 2\n"), "{text}");
    }
}
