//! One rule at work on one value.

use super::DETAILS_MAX;
use crate::operator::pattern::Outcome;
use crate::operator::{Groups, Operator};
use crate::outcome::{Detail, Partial};
use crate::program::{Link, Program, Question};
use crate::slots::Slot;
use crate::transaction::{Item, Transaction};
use crate::values::ValueId;
use crate::variable::Variable;

impl Transaction {
    /// Asks after each transformation that changes the value, and before the first.
    #[expect(clippy::too_many_arguments, reason = "one rule at work on one value")]
    pub(super) fn ask_each(
        &mut self,
        program: &Program,
        place: usize,
        link: &Link,
        question: &Question,
        item: &mut Item,
        argument: &[u8],
        details: &mut Vec<Detail>,
    ) -> bool {
        let map = program.settings.unicode_map.as_deref();
        let mut any = self.ask(program, place, link, question, item, argument, details);
        for step in &program.chains[question.chain] {
            let next = self.state.values.step(item.seen, *step, map);
            if next != item.seen {
                item.seen = next;
                any |= self.ask(program, place, link, question, item, argument, details);
            }
        }
        any
    }

    /// Asks about one value, and does what the rule does on a match.
    #[expect(clippy::too_many_arguments, reason = "one rule at work on one value")]
    pub(super) fn ask(
        &mut self,
        program: &Program,
        place: usize,
        link: &Link,
        question: &Question,
        item: &Item,
        argument: &[u8],
        details: &mut Vec<Detail>,
    ) -> bool {
        let scanner = self.state.phase.scanner(program);
        let hopeless =
            question.need.as_ref().is_some_and(|need| !self.state.values.meets(item.seen, need, scanner));
        let mut groups = Groups::default();
        let outcome = match &question.test.operator {
            _ if hopeless => Outcome::No,
            Operator::GeoLookup => self.geo_look_up(item.seen).into(),
            Operator::Rbl(list) => self.is_on_block_list(list, item.seen).into(),
            operator => {
                let value = self.state.values.get(item.seen);
                operator.test(value, argument, link.capture.then_some(&mut groups))
            }
        };
        if outcome == Outcome::GaveUp {
            self.state.set(Variable::PcreLimitsExceeded, b"1");
            self.state.note(Partial::PatternSteps);
            return false;
        }
        if (outcome == Outcome::Yes) == question.test.negated {
            return false;
        }
        if !groups.0.is_empty() {
            self.capture(&groups);
        }
        if let Operator::RestPath(_, names) = &question.test.operator {
            let item = *item;
            self.take_path_arguments(&question.test.operator, names, item.seen);
        }
        self.matched(program, place, link, Some(*item), details);
        true
    }

    /// Puts what was captured into TX.0 to TX.9, and empties the rest of them.
    fn capture(&mut self, groups: &Groups) {
        for place in 0..10 {
            self.state.tx.values[place] = None;
            if let Some(Some(text)) = groups.0.get(place) {
                self.state.set_tx(Slot(place), text);
            }
        }
    }

    /// Does what a link does on each match.
    pub(super) fn matched(
        &mut self,
        program: &Program,
        place: usize,
        link: &Link,
        item: Option<Item>,
        details: &mut Vec<Detail>,
    ) {
        self.state.matched.extend(item);
        for effect in &link.effects {
            self.act(effect);
        }
        let rule = &program.rules[place];
        if rule.links.len() == 1 && (rule.log || rule.audit) && details.len() < DETAILS_MAX {
            details.push(self.detail(rule));
        }
    }

    fn take_path_arguments(&mut self, operator: &Operator, names: &[String], value: ValueId) {
        let mut groups = Groups::default();
        operator.test(self.state.values.get(value), b"", Some(&mut groups));
        for (name, text) in names.iter().zip(groups.0.iter().skip(1).flatten()) {
            self.state.add_argument(Variable::ArgsPath, name.as_bytes(), text);
        }
    }
}
