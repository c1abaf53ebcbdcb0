//! `[access_log]`: one line for every answered request.

use std::path::PathBuf;

use serde::Deserialize;

use super::log::{KEEP, LogTarget, ROTATE_BYTES};

/// `[access_log]`: one line for every answered request. Off without a path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLogSection {
    /// The file, or `stdout`; none is written when absent.
    pub path: Option<PathBuf>,
    /// What a line looks like.
    pub format: LogFormat,
    /// Share of requests without an error (status below 400) that get a line. Errors always do.
    pub sample_percent: u8,
    /// Bytes after which the file is put aside as `path.1`; 0 leaves that to logrotate and SIGHUP.
    pub rotate_bytes: u64,
    /// Files put aside that are kept; the oldest goes.
    pub keep: u32,
}

impl Default for AccessLogSection {
    fn default() -> Self {
        Self {
            path: None,
            format: LogFormat::Json,
            sample_percent: 100,
            rotate_bytes: ROTATE_BYTES,
            keep: KEEP,
        }
    }
}

/// What a line of the access log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// The Common Log Format.
    Common,
    /// The same with referrer and user agent.
    Combined,
}

/// A checked access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLogConfig {
    /// Where lines go.
    pub target: LogTarget,
    /// What they look like.
    pub format: LogFormat,
    /// Share of requests without an error that get one, 0 to 100.
    pub sample_percent: u8,
}

impl AccessLogSection {
    pub(super) fn check(&self) -> Option<AccessLogConfig> {
        let path = self.path.clone()?;
        let target = LogTarget::new(path, self.rotate_bytes, self.keep);
        Some(AccessLogConfig { target, format: self.format, sample_percent: self.sample_percent.min(100) })
    }
}
