//! Where stopped files go. The edge has no key to lock them away with: the binary hands in who does.

use std::io;

use gabion_core::card;
use gabion_core::limits::{EVENT_FIELD_BYTES_MAX, cut};
use gabion_upload::{Inspection, Reason};
use serde::{Deserialize, Serialize};

use super::report::About;
use crate::config::QuarantineLimits;

/// What is known of a stopped file. Never anything of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedFile {
    /// The request: what the customer was told as reference, and what the event names.
    pub request: String,
    /// The shop front.
    pub site: String,
    /// The path of the route.
    pub route: String,
    /// The path of the request; card numbers are masked.
    pub path: String,
    /// Who sent it.
    pub client: String,
    /// Its name, shortened and printable; empty where it had none.
    pub name: String,
    /// The type it was sent with, shortened and printable.
    pub declared_type: String,
    /// What it is by its content, such as `JPEG picture`; none where it was not looked at.
    pub kind: Option<String>,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Why it was stopped, at least one.
    pub reasons: Vec<StoppedFor>,
}

/// Why a file was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedFor {
    /// For machines, such as `server-code`; `virus` where ClamAV found it.
    pub code: String,
    /// For people, with particulars.
    pub what: String,
}

impl StoppedFor {
    fn of(reason: &Reason) -> Self {
        Self { code: reason.code.as_str().to_owned(), what: reason.to_string() }
    }

    /// ClamAV found this.
    pub(super) fn virus(signature: &str) -> Self {
        let signature = cut(signature, SIGNATURE_BYTES_MAX);
        Self { code: "virus".to_owned(), what: format!("ClamAV knows it as {signature}.") }
    }
}

/// Bytes of a signature's name that are kept; ClamAV's have a hundred.
const SIGNATURE_BYTES_MAX: usize = 200;

impl StoppedFile {
    /// What an inspection found.
    pub(super) fn new(about: &About, inspection: &Inspection) -> Self {
        let About { facts, matched, uri, .. } = about;
        let found = &inspection.facts;
        Self {
            request: facts.id.to_string(),
            site: matched.site.id.to_string(),
            route: matched.route.path.clone(),
            path: cut(&card::mask(uri.path()), EVENT_FIELD_BYTES_MAX).into_owned(),
            client: facts.client.address.to_string(),
            name: found.name.clone(),
            declared_type: found.declared_type.clone(),
            kind: found.kind.map(|kind| kind.title().to_owned()),
            bytes: found.bytes as u64,
            sha256: data_encoding::HEXLOWER.encode(&found.sha256),
            reasons: inspection.reasons().iter().map(StoppedFor::of).collect(),
        }
    }

    /// The codes of all reasons.
    pub(super) fn codes(&self) -> String {
        let codes: Vec<_> = self.reasons.iter().map(|reason| reason.code.as_str()).collect();
        codes.join(" ")
    }
}

/// Keeps files that were stopped.
pub trait Quarantine: Send + Sync {
    /// Keeps a file so that nobody opens it by mistake, or keeps nothing where the limits leave no room for it: `false`
    /// then. Returns when it is on the disk, so that it is there as a whole or not at all. Blocks; is not called from
    /// asynchronous tasks, and from as many threads as there are processors.
    ///
    /// # Errors
    /// When it cannot be written. The file stays refused.
    fn keep(&self, facts: &StoppedFile, content: &[u8]) -> io::Result<bool>;

    /// Takes other limits, for the next file that is kept. Does not block.
    fn limit(&self, limits: QuarantineLimits);
}
