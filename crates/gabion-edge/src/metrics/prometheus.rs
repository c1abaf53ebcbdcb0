//! The Prometheus text format, version 0.0.4.

use std::fmt::Write;

use super::Snapshot;
use super::histogram::{BUCKETS, upper_bound_us};

/// A metrics page being gathered. Names carry their unit; label values are escaped when it is written.
#[derive(Default)]
pub struct Exposition(Vec<Family>);

/// One metric.
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) samples: Samples,
}

/// The values of a metric.
pub(crate) enum Samples {
    /// Numbers, each with its labels.
    Numbers(Type, Vec<(Vec<(String, String)>, f64)>),
    /// Durations.
    Histogram(Box<Snapshot>),
}

/// The type line of a metric.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
}

impl Exposition {
    /// Adds one metric with a sample for each set of labels.
    pub fn metric<'a>(
        &mut self,
        name: &str,
        kind: Type,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, f64)>,
    ) {
        let owned = |labels: Vec<(&str, &str)>| {
            labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let samples = samples.into_iter().map(|(labels, value)| (owned(labels), value)).collect();
        self.add(name, help, Samples::Numbers(kind, samples));
    }

    /// Adds a histogram of durations in seconds.
    pub fn histogram(&mut self, name: &str, help: &str, snapshot: &Snapshot) {
        self.add(name, help, Samples::Histogram(Box::new(snapshot.clone())));
    }

    fn add(&mut self, name: &str, help: &str, samples: Samples) {
        self.0.push(Family { name: name.to_owned(), help: help.to_owned(), samples });
    }

    /// What was gathered.
    pub(crate) fn families(&self) -> &[Family] {
        &self.0
    }

    /// The page as text.
    pub fn finish(self) -> String {
        let mut page = Page(String::new());
        for family in &self.0 {
            page.family(family);
        }
        page.0
    }
}

/// The page being written.
struct Page(String);

impl Page {
    fn family(&mut self, family: &Family) {
        let name = &family.name;
        let kind = match &family.samples {
            Samples::Numbers(Type::Counter, _) => "counter",
            Samples::Numbers(Type::Gauge, _) => "gauge",
            Samples::Histogram(_) => "histogram",
        };
        self.line(format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", family.help));
        match &family.samples {
            Samples::Numbers(_, samples) => {
                for (labels, value) in samples {
                    let labels: Vec<_> =
                        labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    self.sample(name, &labels, *value);
                }
            }
            Samples::Histogram(snapshot) => self.histogram(name, snapshot),
        }
    }

    /// One bucket per octave, to keep pages small.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn histogram(&mut self, name: &str, snapshot: &Snapshot) {
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

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.line(format_args!("{name}"));
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.line(format_args!("{}{label}=\"{text}\"", if i == 0 { "{" } else { "," }));
        }
        self.line(format_args!("{} {}\n", if labels.is_empty() { "" } else { "}" }, Number(value)));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a string cannot fail");
    }
}

/// A value as Prometheus reads it: infinity has a sign.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == f64::INFINITY { f.write_str("+Inf") } else { self.0.fmt(f) }
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
