//! What happened: the one record that watch, the ledger, the console and the API read.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{EVENT_ENTITIES_MAX, EVENT_FIELD_BYTES_MAX, EVENT_FIELDS_MAX, cut};
use crate::{SiteId, Timestamp, card};

crate::id!(
    /// One event.
    pub EventId, "evt"
);
crate::id!(
    /// A person whose data can be erased: one key per subject and purpose encrypts their personal fields.
    pub SubjectId, "sub"
);

/// How much an event matters to the person watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Part of ordinary life: a sign-in, a setting changed.
    Info,
    /// Worth a look: refused, limited, degraded but still serving.
    Warning,
    /// Someone must act.
    Critical,
}

impl Severity {
    /// The lower-case name, as stored and filtered by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A kind of event, declared once by the domain that records it:
/// `pub const SIGNED_IN: EventKind = EventKind::new("staff.signed_in", 1, Severity::Info).sealed();`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKind {
    /// Dotted name: domain, then what happened, in the past tense. Never renamed.
    pub name: &'static str,
    /// Version of the field set; raised when a field changes its meaning.
    pub version: u16,
    /// Default severity.
    pub severity: Severity,
    /// Whether the evidence ledger seals events of this kind.
    pub sealed: bool,
}

impl EventKind {
    /// Declares a kind that is not sealed.
    pub const fn new(name: &'static str, version: u16, severity: Severity) -> Self {
        Self { name, version, severity, sealed: false }
    }

    /// The same kind, sealed by the evidence ledger.
    pub const fn sealed(self) -> Self {
        Self { sealed: true, ..self }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// Gabion itself: a schedule, a health check, a start.
    System,
    /// A person with a shell on the machine.
    Shell,
    /// A staff member, by id.
    Staff(String),
    /// An API key, by id.
    ApiKey(String),
    /// A customer account, by id.
    Customer(String),
    /// Somebody unknown on the public side.
    Visitor,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Shell => f.write_str("shell"),
            Self::Visitor => f.write_str("visitor"),
            Self::Staff(id) | Self::ApiKey(id) | Self::Customer(id) => f.write_str(id),
        }
    }
}

/// Something an event is about: `session`/`ses_…`, `upstream`/`shop`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// The kind of thing: a noun in lower case.
    pub kind: Cow<'static, str>,
    /// Its id or name.
    pub id: String,
}

/// The value of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number; its unit is in the field's name.
    Int(i64),
    /// Text, at most [`EVENT_FIELD_BYTES_MAX`] bytes.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// Card numbers are masked and long texts cut: nothing that becomes an event keeps either.
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(cut(&card::mask(value), EVENT_FIELD_BYTES_MAX).into_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        value.as_str().into()
    }
}

/// One named value of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Snake case, unit last.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Value,
    /// Whether it tells something about a person: encrypted under the subject's key, masked for auditors.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal: bool,
}

/// What happened, when, by whom, to what. Recorded in the same transaction as the change it tells of.
/// Kinds of a newer or older version survive reading: name and fields are kept as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id; also the idempotency key of recording.
    pub id: EventId,
    /// Dotted name of the kind.
    pub kind: Cow<'static, str>,
    /// Version of the kind's field set.
    pub version: u16,
    /// How much it matters.
    pub severity: Severity,
    /// The site it happened on; none for the installation as a whole.
    pub site: Option<SiteId>,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// Whose personal fields it holds.
    pub subject: Option<SubjectId>,
    /// What it is about.
    pub entities: Vec<Entity>,
    /// Flat, versioned facts.
    pub fields: Vec<Field>,
    /// Whether the evidence ledger seals it.
    pub sealed: bool,
}

impl Event {
    /// A new event of a declared kind, without site, subject, entities and fields.
    pub fn new(kind: &EventKind, id: EventId, at: Timestamp, actor: Actor) -> Self {
        Self {
            id,
            kind: Cow::Borrowed(kind.name),
            version: kind.version,
            severity: kind.severity,
            site: None,
            at,
            actor,
            subject: None,
            entities: Vec::new(),
            fields: Vec::new(),
            sealed: kind.sealed,
        }
    }

    /// Says on which site it happened.
    #[must_use]
    pub fn site(mut self, site: &SiteId) -> Self {
        self.site = Some(site.clone());
        self
    }

    /// Says whose personal fields it holds.
    #[must_use]
    pub fn subject(mut self, subject: SubjectId) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Points at something it is about.
    #[must_use]
    pub fn entity(mut self, kind: &'static str, id: impl fmt::Display) -> Self {
        assert!(self.entities.len() < EVENT_ENTITIES_MAX, "event {} points at too many entities", self.kind);
        self.entities.push(Entity { kind: Cow::Borrowed(kind), id: id.to_string() });
        self
    }

    /// Adds a fact that tells nothing about a person.
    #[must_use]
    pub fn field(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.push(name, value.into(), false)
    }

    /// Adds a fact about a person.
    #[must_use]
    pub fn personal(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.push(name, value.into(), true)
    }

    fn push(mut self, name: &'static str, value: Value, personal: bool) -> Self {
        assert!(self.fields.len() < EVENT_FIELDS_MAX, "event {} has too many fields", self.kind);
        self.fields.push(Field { name: Cow::Borrowed(name), value, personal });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: EventKind = EventKind::new("test.happened", 2, Severity::Warning).sealed();

    fn event() -> Event {
        Event::new(&KIND, EventId::from_bits(1), Timestamp::from_seconds(1), Actor::Staff("stf_1".into()))
    }

    #[test]
    fn json_round_trips() {
        let event = event()
            .site(&"tea".parse().expect("a site id"))
            .subject(SubjectId::from_bits(2))
            .entity("upstream", "shop")
            .field("status", 502)
            .personal("address", "192.0.2.1");
        let json = serde_json::to_string(&event).expect("events serialize");
        assert_eq!(serde_json::from_str::<Event>(&json).expect("events deserialize"), event);
    }

    #[test]
    fn unknown_kinds_survive_reading() {
        let json = serde_json::to_string(&event()).expect("events serialize").replace("test.", "future.");
        assert_eq!(serde_json::from_str::<Event>(&json).expect("still an event").kind, "future.happened");
    }

    #[test]
    fn field_text_is_cut_and_cards_are_masked() {
        let event = event().field("path", "/4242424242424242").field("long", "x".repeat(5000));
        assert_eq!(event.fields[0].value, Value::Text("/[card …4242]".into()));
        assert!(matches!(&event.fields[1].value, Value::Text(text) if text.len() == EVENT_FIELD_BYTES_MAX));
    }
}
