//! What a decision changes, before and after: stored with it, so that it can be taken back.

use gabion_core::{Actor, Timestamp};
use gabion_markup::PageClass;
use gabion_markup::class::ClassRule;
use serde::{Deserialize, Serialize};

use super::{StageWord, TrustWord, UndecidedWord};
use crate::change::ChangeState;
use crate::store::headers::Baseline;
use crate::{ChangeId, DestinationId, ScriptId, Status};

/// What is decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    Script(ScriptId),
    Destination(DestinationId),
    /// The headers of a page, by its path.
    Headers(String),
    Origin(String),
    Hold(PageClass),
    Classes,
    Change(ChangeId),
}

/// How it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Script {
        status: Status,
        owner: Option<String>,
        justification: Option<String>,
        by: Option<Actor>,
        at: Option<Timestamp>,
        pin: Option<String>,
    },
    Destination {
        status: Status,
        justification: Option<String>,
        by: Option<Actor>,
        at: Option<Timestamp>,
    },
    Headers(Option<Baseline>),
    Origin(Option<Stop>),
    Hold(HoldState),
    Classes(Option<Vec<ClassRule>>),
    Change {
        state: ChangeState,
        by: Option<Actor>,
        at: Option<Timestamp>,
        note: Option<String>,
    },
}

/// An origin is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stop {
    pub(crate) reason: String,
    pub(crate) by: Actor,
    pub(crate) at: Timestamp,
}

/// How a class is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldState {
    pub(crate) stage: StageWord,
    pub(crate) undecided: UndecidedWord,
    pub(crate) elsewhere: Option<String>,
    pub(crate) trust: TrustWord,
}

/// One thing of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) subject: Subject,
    pub(crate) label: String,
    pub(crate) before: State,
    pub(crate) after: State,
}

impl Subject {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Script(id) => id.to_string(),
            Self::Destination(id) => id.to_string(),
            Self::Headers(path) => path.clone(),
            Self::Origin(origin) => origin.clone(),
            Self::Hold(class) => class.to_string(),
            Self::Classes => "classes".to_owned(),
            Self::Change(id) => id.to_string(),
        }
    }
}

impl State {
    /// In a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Script { status, pin: Some(_), .. } => format!("{status}, pinned"),
            Self::Script { status, .. } | Self::Destination { status, .. } => status.to_string(),
            Self::Headers(None) => "no baseline".to_owned(),
            Self::Headers(Some(_)) => "baseline".to_owned(),
            Self::Origin(None) => "allowed".to_owned(),
            Self::Origin(Some(_)) => "stopped".to_owned(),
            Self::Hold(hold) => format!("{}, undecided scripts {}", hold.stage, hold.undecided),
            Self::Classes(None) => "unconfirmed".to_owned(),
            Self::Classes(Some(rules)) => format!("{} rules", rules.len()),
            Self::Change { state, .. } => state.to_string(),
        }
    }
}
