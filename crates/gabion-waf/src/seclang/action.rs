//! The action list of a rule: `id:1,phase:2,t:none,setvar:'tx.score=+5'`.

mod list;

use crate::error::Fault;
use crate::seclang::ctl::Ctl;
use crate::seclang::setvar::{Change, Entry, SetVar};
use crate::seclang::template::Template;
use crate::slots::Slots;
use crate::transformation::Transformation;
use crate::variable::Variable;
pub(crate) use list::{number, parse};

/// One action of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Id(u64),
    Phase(Phase),
    Msg(Template),
    LogData(Template),
    Tag(Box<str>),
    Severity(u8),
    Rev(Box<str>),
    Ver(Box<str>),
    Maturity(u8),
    Accuracy(u8),
    Disrupt(Disruption),
    /// What the default action of the phase says.
    Block,
    Status(u16),
    Chain,
    Skip(usize),
    SkipAfter(Box<[u8]>),
    Capture,
    MultiMatch,
    Log(bool),
    AuditLog(bool),
    /// `t:none` is `None`: it takes back all before it.
    Transform(Option<Transformation>),
    Effect(Effect),
}

/// What a rule does to the transaction besides matching.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    SetVar(SetVar),
    /// The entry ceases to exist so many seconds from now.
    ExpireVar {
        entry: Entry,
        seconds: Template,
    },
    /// Opens a persistent collection under a key.
    InitCol {
        collection: Variable,
        key: Template,
    },
    SetUid(Template),
    SetSid(Template),
    SetRsc(Template),
    SetEnv {
        name: Template,
        value: Template,
    },
    Ctl(Ctl),
}

impl Effect {
    /// Gives every entry of TX that it names a slot.
    pub(crate) fn bind(&mut self, slots: &mut Slots) {
        match self {
            Self::SetVar(set) => {
                set.entry.bind(slots);
                match &mut set.change {
                    Change::Set(value) | Change::Add(value) | Change::Subtract(value) => value.bind(slots),
                    Change::Remove => {}
                }
            }
            Self::ExpireVar { entry, seconds } => {
                entry.bind(slots);
                seconds.bind(slots);
            }
            Self::InitCol { key, .. } | Self::SetUid(key) | Self::SetSid(key) | Self::SetRsc(key) => {
                key.bind(slots)
            }
            Self::SetEnv { name, value } => {
                name.bind(slots);
                value.bind(slots);
            }
            Self::Ctl(_) => {}
        }
    }
}

/// What happens to the transaction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Disruption {
    Pass,
    Allow(Allow),
    Deny,
    Drop,
    Redirect(Template),
}

/// What `allow` lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allow {
    /// Everything but phase 5.
    All,
    /// The rest of the phase.
    Phase,
    /// The rest of phases 1 and 2.
    Request,
}

/// When a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// After the head of the request.
    RequestHeaders,
    /// After its body.
    RequestBody,
    /// After the head of the response.
    ResponseHeaders,
    /// After its body.
    ResponseBody,
    /// At the end; cannot stop anything.
    Logging,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::RequestHeaders, Self::RequestBody, Self::ResponseHeaders, Self::ResponseBody, Self::Logging];

    /// The number in rules, from 1.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "1" => Self::RequestHeaders,
            "2" | "request" => Self::RequestBody,
            "3" => Self::ResponseHeaders,
            "4" | "response" => Self::ResponseBody,
            "5" | "logging" => Self::Logging,
            _ => return Err(Fault::value(text, "a phase: 1 to 5, request, response or logging")),
        })
    }
}

/// The severities by their numbers. Source: the reference manual of ModSecurity.
const SEVERITIES: [&str; 8] =
    ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// The name of a severity.
pub(crate) fn severity_name(severity: u8) -> &'static str {
    SEVERITIES[usize::from(severity.min(7))]
}
