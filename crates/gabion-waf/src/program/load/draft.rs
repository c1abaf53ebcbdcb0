//! Rules as they were read.

use std::sync::Arc;

use crate::error::Location;
use crate::operator::Test;
use crate::seclang::action::{Action, Phase};
use crate::seclang::ctl::Rules;
use crate::seclang::target::Targets;

/// A rule as it was read.
pub(super) struct Draft {
    pub(super) location: Location,
    pub(super) directive: String,
    pub(super) id: u64,
    pub(super) phase: Phase,
    /// The default actions of its phase when it was read.
    pub(super) defaults: Arc<[Action]>,
    pub(super) links: Vec<DraftLink>,
}

pub(super) struct DraftLink {
    /// Absent on `SecAction`.
    pub(super) condition: Option<(Targets, Test)>,
    pub(super) actions: Vec<Action>,
}

pub(super) enum Item {
    Rule(Draft),
    Marker(Box<[u8]>),
}

impl Draft {
    /// Whether the last rule of the chain waits for another.
    pub(super) fn is_open(&self) -> bool {
        self.links.last().is_some_and(|link| link.actions.contains(&Action::Chain))
    }

    pub(super) fn is_among(&self, rules: &Rules) -> bool {
        let mut actions = self.links[0].actions.iter();
        match rules {
            Rules::Ids(first, last) => (*first..=*last).contains(&self.id),
            Rules::Tag(tag) => actions.any(|action| matches!(action, Action::Tag(own) if own == tag)),
            Rules::Message(message) => {
                actions.any(|action| matches!(action, Action::Msg(own) if own.constant() == Some(message)))
            }
        }
    }
}

/// The last phase that a list names.
pub(super) fn phase_of(actions: &[Action]) -> Option<Phase> {
    actions.iter().rev().find_map(|action| match action {
        Action::Phase(phase) => Some(*phase),
        _ => None,
    })
}
