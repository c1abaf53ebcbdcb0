//! What is told of rules that matched.

use super::DETAILS_MAX;
use crate::outcome::{Detail, MatchedRule};
use crate::program::{Link, Rule};
use crate::seclang::template::Template;
use crate::transaction::{Item, MATCHES_MAX, Transaction};

/// Bytes of a name, a message, and what is logged of a value; what is longer is cut. CRS logs whole values, and a
/// hundred rules can match one of a megabyte.
const TEXT_BYTES_MAX: usize = 4 * 1024;

impl Transaction {
    /// What the rule says of the value that matched last.
    pub(super) fn detail(&self, rule: &Rule) -> Detail {
        let variable = self.state.matched.last().map(|item| self.name(item)).unwrap_or_default();
        let text = |of: fn(&Link) -> Option<&Template>| {
            rule.links.iter().find_map(of).map(|template| cut(self.expanded(template))).unwrap_or_default()
        };
        Detail { variable, message: text(|link| link.msg.as_ref()), data: text(|link| link.logdata.as_ref()) }
    }

    fn name(&self, item: &Item) -> Vec<u8> {
        let mut name = Vec::new();
        self.append_name(item, &mut name);
        cut(name)
    }

    /// What a chain says: once for each value that some link of it found in what was sent, or of the last match where
    /// there is none.
    fn detail_chain(&self, rule: &Rule, details: &mut Vec<Detail>) {
        let detail = self.detail(rule);
        for item in self.state.matched.iter().filter(|item| !item.source.is_of_rules()) {
            let variable = self.name(item);
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

/// A text within the limit. Its memory is given back where it is cut.
fn cut(mut text: Vec<u8>) -> Vec<u8> {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(TEXT_BYTES_MAX);
        text.shrink_to_fit();
    }
    text
}
