//! What is told of rules that matched.

use super::DETAILS_MAX;
use crate::outcome::{Detail, MatchedRule};
use crate::program::{Link, Rule};
use crate::seclang::template::Template;
use crate::transaction::{MATCHES_MAX, Transaction};

impl Transaction {
    /// What the rule says of the value that matched last.
    pub(super) fn detail(&self, rule: &Rule) -> Detail {
        let mut variable = Vec::new();
        if let Some(item) = self.state.matched.last() {
            self.append_name(item, &mut variable);
        }
        let text = |of: fn(&Link) -> Option<&Template>| {
            rule.links.iter().find_map(of).map(|template| self.expanded(template)).unwrap_or_default()
        };
        Detail { variable, message: text(|link| link.msg.as_ref()), data: text(|link| link.logdata.as_ref()) }
    }

    /// What a chain says: once for each value that some link of it found in what was sent, or of the last match where
    /// there is none.
    fn detail_chain(&self, rule: &Rule, details: &mut Vec<Detail>) {
        let detail = self.detail(rule);
        for item in self.state.matched.iter().filter(|item| !item.source.is_of_rules()) {
            let mut variable = Vec::new();
            self.append_name(item, &mut variable);
            if details.len() < DETAILS_MAX && !details.iter().any(|known| known.variable == variable) {
                details.push(Detail { variable, ..detail.clone() });
            }
        }
        if details.is_empty() {
            details.push(detail);
        }
    }

    pub(super) fn record(&mut self, rule: &Rule, mut details: Vec<Detail>) {
        if self.state.matches.len() == MATCHES_MAX {
            self.state.matches_dropped = true;
            return;
        }
        if rule.links.len() > 1 {
            self.detail_chain(rule, &mut details);
        }
        self.state.matches.push(MatchedRule {
            id: rule.id,
            phase: rule.phase,
            location: rule.location.clone(),
            severity: rule.severity,
            tags: rule.tags.to_vec(),
            rev: rule.rev.clone(),
            ver: rule.ver.clone(),
            log: rule.log,
            audit: rule.audit,
            details,
        });
    }
}
