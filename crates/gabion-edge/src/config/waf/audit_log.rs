//! `[waf.audit_log]`: what rules found, for auditors.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::log::{KEEP, LogTarget, ROTATE_BYTES};

/// `[waf.audit_log]`: a JSON object for each request in which rules found something. Off without a path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditLogSection {
    /// The file, or `stdout`; none is written when absent.
    pub path: Option<PathBuf>,
    /// Bytes after which the file is put aside as `path.1`; 0 leaves that to logrotate and SIGHUP.
    pub rotate_bytes: u64,
    /// Files put aside that are kept; the oldest goes.
    pub keep: u32,
}

impl Default for AuditLogSection {
    fn default() -> Self {
        Self { path: None, rotate_bytes: ROTATE_BYTES, keep: KEEP }
    }
}

impl AuditLogSection {
    pub(in crate::config) fn check(&self) -> Option<LogTarget> {
        Some(LogTarget::new(self.path.clone()?, self.rotate_bytes, self.keep))
    }
}
