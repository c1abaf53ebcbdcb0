//! What browsers report of a page: what a policy stopped, which scripts ran, what had no `integrity`.
//!
//! Anybody can send a report, so one is a hint and never a proof. Nothing of a customer is kept: queries are cut off,
//! card numbers masked, referrers and policies not read. What extensions of the browser did is dropped and counted.
//!
//! Sources: Reporting API, <https://www.w3.org/TR/reporting-1/>; CSP level 3, sections 5 and 8; Subresource Integrity,
//! section 3.7.

mod noise;
mod read;

use std::fmt;

use serde::Serialize;

use crate::address::Address;
use crate::policy::{Policy, Subject, Verdict, Where};

pub use noise::is_noise;

/// Bytes of one body. Above it the body is refused.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Reports of one body that are read. Browsers send a handful.
pub const REPORTS_MAX: usize = 50;
/// Bytes of a script's sample that are kept. Browsers send 40 characters.
pub const SAMPLE_BYTES_MAX: usize = 160;

/// Reports of one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The reports that matter.
    pub reports: Vec<Report>,
    /// How many were about extensions of the browser or programs on the customer's machine.
    pub noise: usize,
    /// How many lacked what they need, with the first reason.
    pub broken: usize,
    /// Why the first of them was not understood.
    pub first_broken: Option<ReportError>,
    /// How many were beyond [`REPORTS_MAX`].
    pub beyond: usize,
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The page, scrubbed.
    pub page: Address,
    /// What happened there.
    pub kind: ReportKind,
}

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportKind {
    /// A policy stopped something, or would have.
    Violation(Violation),
    /// A script ran.
    Hash(ScriptHash),
    /// A script without `integrity` was stopped, or would have been.
    Integrity(IntegrityViolation),
    /// Another kind of report; with its name.
    Other(String),
}

/// A policy stopped something, or would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The directive, such as `script-src-elem`.
    pub directive: String,
    /// What was stopped.
    pub blocked: Blocked,
    /// Whether it was stopped, not only reported.
    pub is_enforced: bool,
    /// The script that wanted it, scrubbed.
    pub source: Option<Address>,
    /// The line there.
    pub line: Option<u32>,
    /// The column there.
    pub column: Option<u32>,
    /// The beginning of the script, card numbers masked.
    pub sample: String,
}

/// What was stopped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocked {
    /// Script or style in the page.
    Inline,
    /// Script made of text.
    Eval,
    /// WebAssembly.
    Wasm,
    /// An address on the web, scrubbed.
    Web(Address),
    /// An address that is not of the web; with its scheme.
    Scheme(String),
    /// The report does not say.
    Unknown,
}

/// A script ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptHash {
    /// Where it is, scrubbed; `None` in the page itself.
    pub script: Option<Address>,
    /// The hash as the browser writes it; empty when the script's origin does not share its content.
    pub hash: String,
    /// What it was loaded as, such as `script`.
    pub destination: String,
}

/// A script without `integrity` was stopped, or would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntegrityViolation {
    /// What was stopped.
    pub blocked: Blocked,
    /// What it was loaded as, such as `script`.
    pub destination: String,
    /// Whether it was stopped, not only reported.
    pub is_enforced: bool,
}

/// Reports that have the same key say the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The class of the page.
    pub page_class: String,
    /// The directive, or the kind of report.
    pub about: String,
    /// Origin and path, or a word for what has none.
    pub what: String,
}

/// A body or a report that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("the body has {bytes} bytes, at most 65536 are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Neither of the two types of reports.
    #[error("reports come as application/reports+json or application/csp-report")]
    ContentType,
    /// The body is no JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    NotJson {
        /// Line of the first mistake.
        line: usize,
        /// Column of the first mistake.
        column: usize,
    },
    /// The body is JSON, but no reports.
    #[error("the body holds no reports")]
    NoReports,
    /// A report lacks a field, or it cannot be used.
    #[error("a report has no usable {0}")]
    Field(&'static str),
}

/// Reads the body of a request with reports.
///
/// # Errors
/// When the body as a whole is not understood. Single reports that are not are counted.
pub fn parse(content_type: &str, body: &[u8]) -> Result<Batch, ReportError> {
    read::batch(content_type, body)
}

impl Report {
    /// What the report says, without when and to whom, on a page of `page_class`.
    pub fn key(&self, page_class: &str) -> Key {
        let (about, what) = match &self.kind {
            ReportKind::Violation(violation) => (violation.directive.clone(), violation.blocked.to_string()),
            ReportKind::Hash(script) => {
                let place = script.script.as_ref().map_or_else(|| "inline".to_owned(), Address::to_string);
                ("csp-hash".to_owned(), format!("{place} {}", script.hash))
            }
            ReportKind::Integrity(violation) => {
                ("integrity-violation".to_owned(), violation.blocked.to_string())
            }
            ReportKind::Other(name) => (name.clone(), String::new()),
        };
        Key { page_class: page_class.to_owned(), about, what }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline => f.write_str("inline"),
            Self::Eval => f.write_str("eval"),
            Self::Wasm => f.write_str("wasm"),
            Self::Web(address) => fmt::Display::fmt(address, f),
            Self::Scheme(scheme) => write!(f, "{scheme}:"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Violation {
    /// What `policy` would have said on that page; `None` when the report says too little to know. Of a script that is
    /// loaded a report does not say whether it carried a nonce: it is taken to have none.
    pub fn under(&self, policy: &Policy, page: &Address) -> Option<Verdict> {
        let governing = policy.effective(&self.directive);
        match &self.blocked {
            Blocked::Web(address) => Some(match self.directive.as_str() {
                "script-src-elem" | "script-src" => {
                    let from = Where::Web(address);
                    policy.weigh(
                        &Subject::Script { from, nonce: None, integrity: None, is_in_page: false },
                        page,
                    )
                }
                directive => policy.weigh(&Subject::Reach { directive, to: Where::Web(address) }, page),
            }),
            Blocked::Scheme(scheme) => Some(
                policy.weigh(&Subject::Reach { directive: &self.directive, to: Where::Scheme(scheme) }, page),
            ),
            Blocked::Eval => Some(policy.weigh(&Subject::Eval, page)),
            Blocked::Inline => match governing {
                None => Some(Verdict::Ungoverned),
                Some(directive) => directive.allows_unknown_inline().map(|is_allowed| match is_allowed {
                    true => Verdict::Allowed,
                    false => Verdict::Forbidden(directive.name.clone()),
                }),
            },
            Blocked::Wasm | Blocked::Unknown => governing.is_none().then_some(Verdict::Ungoverned),
        }
    }
}
