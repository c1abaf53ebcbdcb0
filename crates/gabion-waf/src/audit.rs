//! The audit record of a transaction.

use serde::Serialize;

use crate::outcome::{Interruption, MatchedRule, lossy};
use crate::settings::Engine;
use crate::transaction::Transaction;
use crate::variable::Variable;

/// What an auditor wants to know of a transaction, with the parts that the settings name. Holds what the client sent:
/// whoever stores it redacts it first.
#[derive(Clone, Debug, Serialize)]
pub struct AuditRecord {
    /// UNIQUE_ID.
    pub id: Text,
    /// When it began, in microseconds since 1970.
    pub started_us: i64,
    /// The client's address.
    pub client: Text,
    /// The client's port.
    pub client_port: Text,
    /// Whether rules decided.
    pub engine: Engine,
    /// Versions of the rule sets.
    pub components: Vec<String>,
    /// The request line.
    pub request_line: Text,
    /// Part B: the headers of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<Vec<(Text, Text)>>,
    /// Part C: its body, as far as rules saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body: Option<Text>,
    /// The status of the response.
    pub status: Text,
    /// Part F: the headers of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<Vec<(Text, Text)>>,
    /// Part E: its body, as far as rules saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<Text>,
    /// Part H: how rules stopped it, or would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption: Option<Interruption>,
    /// Parts H and K: the rules that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Vec<MatchedRule>>,
}

/// Bytes of a client, shown as text.
#[derive(Clone, Debug, Serialize)]
pub struct Text(#[serde(serialize_with = "lossy")] pub Vec<u8>);

impl AuditRecord {
    pub(crate) fn of(transaction: &Transaction) -> Self {
        let parts = transaction.audit_parts();
        let text = |variable| Text(transaction.scalar(variable).to_vec());
        let headers = |variable| {
            let entries = transaction.entries(variable);
            entries.map(|(name, value)| (Text(name.to_vec()), Text(value.to_vec()))).collect()
        };
        let interruption = transaction.interruption().or(transaction.detected());
        Self {
            id: text(Variable::UniqueId),
            started_us: transaction.started().micros(),
            client: text(Variable::RemoteAddr),
            client_port: text(Variable::RemotePort),
            engine: transaction.engine(),
            components: transaction.components().to_vec(),
            request_line: text(Variable::RequestLine),
            request_headers: parts.has(b'B').then(|| headers(Variable::RequestHeaders)),
            request_body: parts.has(b'C').then(|| text(Variable::RequestBody)),
            status: text(Variable::ResponseStatus),
            response_headers: parts.has(b'F').then(|| headers(Variable::ResponseHeaders)),
            response_body: parts.has(b'E').then(|| text(Variable::ResponseBody)),
            interruption: interruption.filter(|_| parts.has(b'H')).cloned(),
            matches: (parts.has(b'H') || parts.has(b'K')).then(|| transaction.matches().to_vec()),
        }
    }
}
