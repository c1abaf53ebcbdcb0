//! The access log: one line for every answered request.

mod line;
mod redact;
mod text;

use std::sync::atomic::AtomicU64;

pub(crate) use line::{End, Line};
pub(crate) use redact::{is_secret, query as masked_query, text as masked};
pub use redact::{redacted_address, text as redacted_text};
pub(crate) use text::Texts;

use crate::config::{AccessLogConfig, LogTarget};
use crate::log::{Fate, Format, Log};
use crate::metrics::Metrics;
use line::Lines;

/// Lines that may wait for the writer: what 160,000 requests a second leave while it pauses. A line keeps at most about
/// 5 KiB.
pub(crate) const LINES_WAITING_MAX: usize = 8192;

/// An access log at work.
pub(crate) type AccessLog = Log<Lines>;

impl AccessLog {
    /// Whether a request with this status gets a line; `draw` is evenly spread.
    pub(crate) fn wants(&self, status: u16, draw: u128) -> bool {
        status >= 400 || draw % 100 < u128::from(self.config.sample_percent)
    }
}

impl Format for Lines {
    type Config = AccessLogConfig;
    type Line = Line;
    const NAME: &'static str = "access log";
    const WAITING_MAX: usize = LINES_WAITING_MAX;

    fn target(config: &AccessLogConfig) -> LogTarget {
        config.target.clone()
    }

    fn new(config: &AccessLogConfig) -> Self {
        Self::of(config.format)
    }

    fn write(&mut self, line: &Line, out: &mut Vec<u8>) {
        self.add(line, out);
    }

    fn count(metrics: &Metrics, fate: Fate) -> &AtomicU64 {
        match fate {
            Fate::Written => &metrics.access_lines,
            Fate::Dropped => &metrics.access_lines_dropped,
            Fate::Lost => &metrics.access_lines_lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::LogFormat;

    #[test]
    fn a_share_of_requests_and_every_error_has_a_line() {
        let config =
            AccessLogConfig { target: LogTarget::Stdout, format: LogFormat::Json, sample_percent: 10 };
        let log = AccessLog::open(config, &Arc::default()).expect("a thread");
        assert_eq!((0..1000).filter(|draw| log.wants(200, *draw)).count(), 100);
        assert_eq!((0..1000).filter(|draw| log.wants(404, *draw)).count(), 1000);
    }
}
