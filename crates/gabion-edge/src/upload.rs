//! Uploaded files, looked at before the shop hears of them; and requests that would run one, which it never hears of.
//!
//! The body is held as the WAF holds it, and on top of what the WAF held (`held`). Its files are found (`carrier`,
//! `look`), looked at by the engine on a thread that may take its time, and shown to ClamAV where there is one
//! (`clamav`). Pictures are written anew where that is asked for (`anew`). What the mode of the route stops becomes a refusal, an event in any case (`report`), and goes into
//! quarantine, which the binary keeps (`quarantine`).

mod anew;
mod carrier;
mod clamav;
mod inspection;
mod look;
mod quarantine;
mod report;
mod scripts;
mod status;

pub use quarantine::{Quarantine, StoppedFile, StoppedFor};
pub(crate) use report::Uploaded;
pub(crate) use scripts::Scripts;
pub use status::UploadStatus;

use std::sync::Arc;

use gabion_upload::Inspector;

use crate::Module;
use crate::config::{UploadConfig, UploadMode};
use crate::layer::{Layer, Next, Outcome, Visit};
use clamav::ClamAv;
use inspection::Inspection;

/// Who looks at files, swapped as a whole on reload.
pub(crate) struct Scan {
    inspector: Arc<Inspector>,
    clamav: Option<Arc<ClamAv>>,
    body_bytes_max: usize,
    rewrites_pictures: bool,
}

impl Scan {
    /// ClamAV stays the one that it was where it is configured in the same way: with its places taken, up or down.
    pub(crate) fn new(inspector: Arc<Inspector>, config: UploadConfig, before: Option<&Self>) -> Self {
        let clamav = config.clamav.map(|config| {
            let before = before.and_then(|before| before.clamav.as_ref());
            let same = before.filter(|before| *before.config() == config).map(Arc::clone);
            same.unwrap_or_else(|| Arc::new(ClamAv::new(config)))
        });
        let UploadConfig { body_bytes_max, rewrites_pictures, .. } = config;
        Self { inspector, clamav, body_bytes_max, rewrites_pictures }
    }

    pub(crate) fn inspector(&self) -> &Arc<Inspector> {
        &self.inspector
    }
}

/// Looks at uploaded files.
#[derive(Clone)]
pub(crate) struct Uploads;

impl Layer for Uploads {
    async fn call(self, mut visit: Box<Visit>, next: impl Next) -> Outcome {
        if let Some(inspection) = Inspection::begin(&visit) {
            // Boxed, so that requests without files carry nothing of it.
            Box::pin(inspection.request(&mut visit)).await?;
        }
        next.call(visit).await
    }
}

/// Whether nothing is looked at: by the route's mode, or because the operator turned it off for now.
fn is_off(visit: &Visit) -> bool {
    visit.matched().route.upload.mode == UploadMode::Off || visit.state.bypass.contains(&Module::Uploads)
}
