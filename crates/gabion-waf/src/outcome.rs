//! What rules say of a transaction.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::Location;
use crate::seclang::action::{Phase, severity_name};

/// Whether the transaction may go on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub enum Verdict<'a> {
    /// It may.
    Pass,
    /// It must not.
    Stop(&'a Interruption),
}

impl<'a> Verdict<'a> {
    pub(crate) fn of(interruption: Option<&'a Interruption>) -> Self {
        interruption.map_or(Self::Pass, Self::Stop)
    }
}

/// How a transaction is to be stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interruption {
    /// The rule that decided it; absent where a limit did.
    pub rule: Option<u64>,
    /// When.
    pub phase: Phase,
    /// How.
    pub action: StopAction,
    /// The status that the rules want the client to see.
    pub status: u16,
}

/// What happens to the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopAction {
    /// An answer with the status.
    Deny,
    /// The connection ends without an answer.
    Drop,
    /// An answer that sends it elsewhere.
    #[serde(serialize_with = "lossy")]
    Redirect(Vec<u8>),
}

/// What was not inspected as a whole. Each is set at most once; none means that all was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Partial {
    /// More arguments than are read.
    Arguments,
    /// More headers or cookies than are read.
    Headers,
    /// The body of the request is longer than is inspected.
    RequestBody,
    /// The reader of the body stopped at a limit of its own.
    BodyStructure,
    /// The body of the response is longer than is inspected.
    ResponseBody,
    /// The values of the transaction, with all their transformed forms, did not fit their memory.
    Memory,
    /// A pattern with lookaround reached its step limit on some value.
    PatternSteps,
    /// More matches than are kept.
    Matches,
}

/// A rule that matched and is to be logged or audited.
#[derive(Clone, Debug, Serialize)]
pub struct MatchedRule {
    /// Its id.
    pub id: u64,
    /// When it ran.
    pub phase: Phase,
    /// Where it stands.
    #[serde(serialize_with = "displayed")]
    pub location: Location,
    /// Its severity, 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
    /// Its tags.
    pub tags: Vec<Box<str>>,
    /// The revision of the rule.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rev: Box<str>,
    /// The version of its rule set.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ver: Box<str>,
    /// Whether operators want to read of it; otherwise it is for the audit record only.
    pub log: bool,
    /// Whether it makes the transaction relevant for the audit log.
    pub audit: bool,
    /// What matched, in order.
    pub details: Vec<Detail>,
}

/// One value that a rule matched. Each text is cut at 4 KiB.
#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    /// The variable, such as `ARGS:q`; empty for a rule without a condition.
    #[serde(serialize_with = "lossy")]
    pub variable: Vec<u8>,
    /// The message of the rule.
    #[serde(serialize_with = "lossy")]
    pub message: Vec<u8>,
    /// What the rule logs of the value. Client data: not for pages or logs without redaction.
    #[serde(serialize_with = "lossy")]
    pub data: Vec<u8>,
}

impl MatchedRule {
    /// One line for each value, in the form of ModSecurity's error log.
    pub fn log_lines(&self) -> impl Iterator<Item = String> {
        self.details.iter().map(|detail| LogLine { rule: self, detail }.to_string())
    }
}

struct LogLine<'a> {
    rule: &'a MatchedRule,
    detail: &'a Detail,
}

impl fmt::Display for LogLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['\n', '\r'], " ");
        let MatchedRule { id, location, severity, tags, rev, ver, .. } = self.rule;
        write!(f, "[file \"{}\"] [line \"{}\"] [id \"{id}\"]", location.file.display(), location.line)?;
        if !rev.is_empty() {
            write!(f, " [rev \"{rev}\"]")?;
        }
        write!(f, " [msg \"{}\"] [data \"{}\"]", text(&self.detail.message), text(&self.detail.data))?;
        if let Some(severity) = severity {
            write!(f, " [severity \"{}\"]", severity_name(*severity))?;
        }
        if !ver.is_empty() {
            write!(f, " [ver \"{ver}\"]")?;
        }
        for tag in tags {
            write!(f, " [tag \"{tag}\"]")?;
        }
        write!(f, " [variable \"{}\"]", text(&self.detail.variable))
    }
}

/// Bytes of a client as text. What is no UTF-8 is shown as such, only here where people read it.
pub(crate) fn lossy<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

fn displayed<S: Serializer>(location: &Location, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(location)
}
