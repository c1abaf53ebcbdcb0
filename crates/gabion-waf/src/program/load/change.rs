//! Directives that change rules which were read before.

use super::Loader;
use super::draft::{Draft, Item};
use crate::error::Fault;
use crate::seclang::action::{self, Action};
use crate::seclang::ctl::Rules;
use crate::seclang::target::Targets;

impl Loader<'_> {
    /// Rules that are not there are no error: exclusions outlive the rule sets they were written for.
    pub(super) fn remove(&mut self, rules: &Rules) {
        self.items.retain(|item| !matches!(item, Item::Rule(draft) if draft.is_among(rules)));
    }

    pub(super) fn update_targets(&mut self, rules: &Rules, change: &[&[u8]]) -> Result<(), Fault> {
        let (added, replaced) = match change {
            [added] => (Targets::parse(added)?, None),
            [added, replaced] => (Targets::parse(added)?, Some(Targets::parse(replaced)?)),
            _ => return Err(Fault::Syntax("the directive has too few or too many words")),
        };
        for targets in self.drafts(rules).filter_map(|draft| Some(&mut draft.links[0].condition.as_mut()?.0))
        {
            if let Some(replaced) = &replaced {
                targets.included.retain(|target| !replaced.included.contains(target));
            }
            targets.extend(added.clone());
        }
        Ok(())
    }

    pub(super) fn update_actions(&mut self, rules: &Rules, actions: &[u8]) -> Result<(), Fault> {
        let actions = action::parse(actions)?;
        let fixed = |action: &Action| matches!(action, Action::Id(_) | Action::Phase(_) | Action::Chain);
        if actions.iter().any(fixed) {
            return Err(Fault::Syntax("an update changes no id, phase or chain"));
        }
        for draft in self.drafts(rules) {
            draft.links[0].actions.extend(actions.iter().cloned());
        }
        Ok(())
    }

    fn drafts(&mut self, rules: &Rules) -> impl Iterator<Item = &mut Draft> {
        self.items.iter_mut().filter_map(move |item| match item {
            Item::Rule(draft) if draft.is_among(rules) => Some(draft),
            _ => None,
        })
    }
}
