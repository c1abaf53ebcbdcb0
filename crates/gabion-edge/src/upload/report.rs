//! What is told of uploads: events, counters, a note for the access log. Never anything of a file's content.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gabion_core::limits::{EVENT_FIELD_BYTES_MAX, cut};
use gabion_core::{Actor, Event, EventKind, card};
use http::{Method, Uri};

use super::quarantine::StoppedFile;
use crate::Edge;
use crate::config::folders::Script;
use crate::config::{ClamAvConfig, UploadMode};
use crate::event::{
    UPLOAD_FAILED, UPLOAD_FLAGGED, UPLOAD_PARTIAL, UPLOAD_REFUSED, UPLOAD_RUN, UPLOAD_SCANNER_DOWN,
    UPLOAD_SCANNER_UP,
};
use crate::layer::{Facts, Visit};
use crate::route::Matched;

/// The request that files came with, for whoever tells of it.
pub(super) struct About {
    pub(super) edge: Edge,
    pub(super) facts: Arc<Facts>,
    pub(super) matched: Matched,
    pub(super) method: Method,
    pub(super) uri: Uri,
}

impl About {
    pub(super) fn of(visit: &Visit) -> Self {
        Self {
            edge: visit.edge.clone(),
            facts: Arc::clone(&visit.facts),
            matched: visit.matched().clone(),
            method: visit.request.method().clone(),
            uri: visit.request.uri().clone(),
        }
    }

    pub(super) fn mode(&self) -> UploadMode {
        self.matched.route.upload.mode
    }
}

/// What was found in one request, for its line in the access log.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) action: &'static str,
    /// Codes of the reasons of the first file, one space between them.
    pub(crate) reasons: String,
}

/// What became of a refused file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// It passed, because the mode of the route lets it.
    Flagged,
    /// It was stopped.
    Stopped {
        /// Whether it is in quarantine.
        kept: bool,
    },
}

/// Tells of files that are refused: the facts of the first, and how many there are.
pub(super) fn refused(about: &About, first: &StoppedFile, files: usize, fate: Fate) {
    let metrics = about.edge.metrics();
    let (kind, count, action) = match fate {
        Fate::Flagged => (&UPLOAD_FLAGGED, &metrics.upload_flagged, "flagged"),
        Fate::Stopped { .. } => (&UPLOAD_REFUSED, &metrics.upload_refused, "refused"),
    };
    count.fetch_add(1, Ordering::Relaxed);
    tell(about, kind, |event| {
        let event = event
            .field("reasons", first.codes())
            .field("why", cut(&first.reasons[0].what, EVENT_FIELD_BYTES_MAX).into_owned())
            .field("kind", first.kind.clone().unwrap_or_default())
            .field("declared_type", first.declared_type.clone())
            .field("bytes", i64::try_from(first.bytes).unwrap_or(i64::MAX))
            .field("sha256", first.sha256.clone())
            .field("files", i64::try_from(files).unwrap_or(i64::MAX))
            .personal("name", first.name.clone());
        match fate {
            Fate::Flagged => event,
            Fate::Stopped { kept } => event.field("kept", kept),
        }
    });
    about.facts.notes.uploaded(Uploaded { action, reasons: first.codes() });
}

/// Tells of what was not looked at.
pub(super) fn partial(about: &About, what: &str, refused: bool) {
    about.edge.metrics().upload_partial.fetch_add(1, Ordering::Relaxed);
    tell(about, &UPLOAD_PARTIAL, |event| event.field("what", what).field("refused", refused));
    let action = if refused { "unseen_refused" } else { "unseen" };
    about.facts.notes.uploaded(Uploaded { action, reasons: what.to_owned() });
}

/// Tells that the inspection broke down.
pub(super) fn failed(about: &About) {
    about.edge.metrics().upload_failed.fetch_add(1, Ordering::Relaxed);
    tracing::error!(request.id = %about.facts.id, "The look at uploads broke down over request {}", about.facts.id);
    tell(about, &UPLOAD_FAILED, |event| event.field("refused", about.mode() == UploadMode::Block));
}

/// Tells of a request that would run something in a folder of uploads.
pub(super) fn script(about: &About, script: &Script, refused: bool) {
    tell(about, &UPLOAD_RUN, |event| {
        event
            .field("folder", script.folder.clone())
            .field("extension", script.extension.clone())
            .field("refused", refused)
    });
}

/// Tells that ClamAV does not answer any more.
pub(super) fn scanner_down(about: &About, config: &ClamAvConfig, why: &str) {
    about.edge.metrics().upload_scanner_down.store(1, Ordering::Relaxed);
    tracing::error!(address = %config.address, why, "ClamAV does not answer: uploads are not scanned for viruses");
    about.edge.recorder().record(&UPLOAD_SCANNER_DOWN, Actor::System, |event| {
        event
            .field("address", config.address.to_string())
            .field("reason", cut(why, EVENT_FIELD_BYTES_MAX).into_owned())
    });
}

/// Tells that it answers again.
pub(super) fn scanner_up(about: &About, config: &ClamAvConfig) {
    about.edge.metrics().upload_scanner_down.store(0, Ordering::Relaxed);
    tracing::info!(address = %config.address, "ClamAV answers again");
    about.edge.recorder().record(&UPLOAD_SCANNER_UP, Actor::System, |event| {
        event.field("address", config.address.to_string())
    });
}

/// The facts that all these events have in common.
fn tell(about: &About, kind: &EventKind, fill: impl FnOnce(Event) -> Event) {
    let About { edge, facts, matched, method, uri } = about;
    edge.recorder().record(kind, Actor::Visitor, |event| {
        let event = fill(event.site(&matched.site.id).entity("request", facts.id))
            .field("mode", about.mode().as_str())
            .field("route", matched.route.path.as_str())
            .field("method", method.as_str())
            .field("path", card::mask(uri.path()).into_owned())
            .personal("address", facts.client.address.to_string());
        match facts.connection.ja4() {
            Some(ja4) => event.field("ja4", ja4),
            None => event,
        }
    });
}
