//! The access log: one line for every answered request.

mod line;
mod redact;
mod text;

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(crate) use line::{End, Line};
pub(crate) use redact::{is_secret, query as masked_query, text as masked};
pub use redact::{redacted_address, text as redacted_text};
pub(crate) use text::Texts;

use crate::config::AccessLogConfig;
use crate::log::{Fate, Format, Log};
use crate::metrics::Metrics;
use line::Lines;

/// Lines that may wait for the writer: what 160,000 requests a second leave while it pauses. A line keeps at most about
/// 5 KiB.
pub(crate) const LINES_WAITING_MAX: usize = 8192;

/// An access log at work.
pub(crate) struct AccessLog {
    pub(crate) config: AccessLogConfig,
    log: Log<Lines>,
}

impl AccessLog {
    /// Opens the file and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, or is no file.
    pub(crate) fn open(config: AccessLogConfig, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let log = Log::open(config.target.clone(), Lines::new(config.format), metrics)?;
        Ok(Self { config, log })
    }

    /// Whether a request with this status gets a line; `draw` is evenly spread.
    pub(crate) fn wants(&self, status: u16, draw: u128) -> bool {
        status >= 400 || draw % 100 < u128::from(self.config.sample_percent)
    }
}

impl Deref for AccessLog {
    type Target = Log<Lines>;

    fn deref(&self) -> &Self::Target {
        &self.log
    }
}

impl Format for Lines {
    type Line = Line;
    const NAME: &'static str = "access log";
    const WAITING_MAX: usize = LINES_WAITING_MAX;

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
    use super::*;
    use crate::config::{LogFormat, LogTarget};

    #[test]
    fn a_share_of_requests_and_every_error_has_a_line() {
        let config =
            AccessLogConfig { target: LogTarget::Stdout, format: LogFormat::Json, sample_percent: 10 };
        let log = AccessLog::open(config, &Arc::default()).expect("a thread");
        assert_eq!((0..1000).filter(|draw| log.wants(200, *draw)).count(), 100);
        assert_eq!((0..1000).filter(|draw| log.wants(404, *draw)).count(), 1000);
    }
}
