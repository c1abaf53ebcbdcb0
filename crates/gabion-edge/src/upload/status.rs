//! What the console reads of the look at uploads.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::config::UploadMode;
use crate::{Edge, Module};

/// The look at uploads as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The modes of routes, each once, the mildest first.
    pub modes: Vec<UploadMode>,
    /// Whether it is turned off for a while.
    pub bypassed: bool,
    /// Whether ClamAV is asked and does not answer.
    pub scanner_down: bool,
}

impl Edge {
    /// The look at uploads as it is now.
    pub fn uploads(&self) -> UploadStatus {
        let state = self.state();
        let modes: BTreeSet<_> = state.routes().map(|route| route.upload.mode).collect();
        UploadStatus {
            modes: modes.into_iter().collect(),
            bypassed: state.bypass.contains(&Module::Uploads),
            scanner_down: self.metrics().upload_scanner_down.load(Ordering::Relaxed) > 0,
        }
    }
}
