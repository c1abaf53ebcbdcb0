//! Rules at work.

mod ask;
mod tell;

use std::sync::Arc;

use super::{Group, Item, Transaction};
use crate::outcome::{Detail, Interruption, StopAction, Verdict};
use crate::program::{Gate, Link, Probe, Program, Question, Rule};
use crate::scan::Scanner;
use crate::seclang::action::{Allow, Disruption, Phase};
use crate::settings::Engine;

/// Values of one rule that are told of; more match, but are not listed.
const DETAILS_MAX: usize = 16;

impl Transaction {
    /// Runs the rules of a phase. A transaction that is to stop, or that rules let through, has no more phases but
    /// the last.
    pub(super) fn run(&mut self, phase: Phase) -> Verdict<'_> {
        let ends = self.state.interruption.is_some()
            || self.state.allowed.is_some_and(|allowed| allowed.covers(phase));
        if self.state.engine != Engine::Off && (phase == Phase::Logging || !ends) {
            // Requests and responses have scanners of their own, and a request that is stopped has no response.
            if (phase >= Phase::ResponseHeaders) != (self.state.phase >= Phase::ResponseHeaders) {
                self.state.values.forget_scans();
            }
            self.state.phase = phase;
            self.run_rules(phase);
            self.state.allowed = self.state.allowed.filter(|allowed| *allowed != Allow::Phase);
        }
        Verdict::of(self.state.interruption.as_ref())
    }

    fn run_rules(&mut self, phase: Phase) {
        let program = Arc::clone(&self.program);
        self.state.epoch += 1;
        let steps = &program.steps[phase as usize];
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at += 1;
            if self.state.removed[step.rule] {
                continue;
            }
            if let Some(gate) = &step.gate
                && !self.state.narrowed[step.rule]
            {
                if self.passes(gate) {
                    at = step.next;
                }
                continue;
            }
            let hopeless = step.probe.is_some_and(|probe| self.is_hopeless(&program, probe));
            if hopeless || !self.rule_matches(&program, step.rule) {
                continue;
            }
            at = step.next;
            self.disrupt(&program.rules[step.rule]);
            let stops = self.state.interruption.is_some() && phase != Phase::Logging;
            let allowed = self.state.allowed.is_some_and(|allowed| allowed.covers(phase));
            if stops || allowed || self.state.engine == Engine::Off {
                return;
            }
        }
    }

    /// Whether the rule and all that is chained to it match. What each of them does on a match is done.
    fn rule_matches(&mut self, program: &Program, place: usize) -> bool {
        let rule = &program.rules[place];
        self.state.rule = place;
        self.state.matched.clear();
        let mut details = Vec::new();
        if !rule.links.iter().all(|link| self.link_matches(program, place, link, &mut details)) {
            return false;
        }
        if let Some(severity) = rule.severity {
            self.state.highest_severity = self.state.highest_severity.min(i64::from(severity));
        }
        self.keep_trace(rule);
        if rule.log || rule.audit {
            self.record(rule, details);
        }
        true
    }

    /// The answer to a question about one entry of TX; no where there is no such entry.
    fn passes(&self, gate: &Gate) -> bool {
        let value = if gate.count {
            Some(i64::from(self.state.tx.values[gate.slot.0].is_some()))
        } else {
            self.state.tx_integer(gate.slot)
        };
        value.is_some_and(|value| gate.comparison.holds(value, gate.number) != gate.negated)
    }

    /// Whether one look at all values of a group tells that none matches.
    fn is_hopeless(&mut self, program: &Program, probe: Probe) -> bool {
        self.fill(program, probe.group);
        let Group { items, scan, longest, .. } = &mut self.state.groups[probe.group];
        let scanner = self.state.phase.scanner(program);
        let values = &mut self.state.values;
        let number =
            *scan.get_or_insert_with(|| values.scan_all(items.iter().map(|item| item.seen), scanner));
        !values.any_meets(number, *longest, &probe.need, scanner)
    }

    fn link_matches(
        &mut self,
        program: &Program,
        place: usize,
        link: &Link,
        details: &mut Vec<Detail>,
    ) -> bool {
        let Some(question) = &link.question else {
            self.matched(program, place, link, None, details);
            return true;
        };
        if question.gate.as_ref().is_some_and(|gate| !self.passes(gate)) {
            return false;
        }
        let mut items = self.items(program, question);
        let mut argument = Vec::new();
        let text = match question.test.operator.argument() {
            None => &[],
            Some(template) => template.constant().unwrap_or_else(|| {
                self.expand(template, &mut argument);
                &argument
            }),
        };
        let mut any = false;
        for item in &mut items {
            if self.state.narrowed[place] && self.is_removed(place, item) {
                continue;
            }
            if question.multi_match {
                any |= self.ask_each(program, place, link, question, item, text, details);
            } else {
                any |= self.ask(program, place, link, question, item, text, details);
            }
        }
        self.give_back(question, items);
        any
    }

    /// Looks up and transforms the values of a group, once for all rules of the phase.
    fn fill(&mut self, program: &Program, group: usize) {
        if self.state.groups[group].epoch == self.state.epoch {
            return;
        }
        let (view, chain) = program.groups[group];
        let mut items = std::mem::take(&mut self.state.groups[group].items);
        self.look_up(program, view, &mut items);
        self.transform(program, chain, &mut items);
        let longest = items.iter().map(|item| self.state.values.get(item.seen).len()).max().unwrap_or(0);
        self.state.groups[group] = Group { epoch: self.state.epoch, items, scan: None, longest };
    }

    fn transform(&mut self, program: &Program, chain: usize, items: &mut [Item]) {
        let map = program.settings.unicode_map.as_deref();
        for item in items {
            item.seen = self.state.values.transform(item.value, &program.chains[chain], map);
        }
    }

    /// The values a question is about.
    fn items(&mut self, program: &Program, question: &Question) -> Vec<Item> {
        if let Some(group) = question.group.filter(|_| !question.multi_match) {
            self.fill(program, group);
            return std::mem::take(&mut self.state.groups[group].items);
        }
        let mut items = self.state.spare.pop().unwrap_or_default();
        self.look_up(program, question.view, &mut items);
        if !question.multi_match {
            self.transform(program, question.chain, &mut items);
        }
        items
    }

    fn give_back(&mut self, question: &Question, items: Vec<Item>) {
        match question.group.filter(|_| !question.multi_match) {
            Some(group) => self.state.groups[group].items = items,
            None => self.state.spare.push(items),
        }
    }

    fn disrupt(&mut self, rule: &Rule) {
        let action = match &rule.disruption {
            Disruption::Pass => return,
            Disruption::Allow(allow) => {
                if self.state.engine == Engine::On {
                    self.state.allowed = Some(*allow);
                }
                return;
            }
            Disruption::Deny => StopAction::Deny,
            Disruption::Drop => StopAction::Drop,
            Disruption::Redirect(location) => StopAction::Redirect(self.expanded(location)),
        };
        let redirects = matches!(action, StopAction::Redirect(_));
        let status = if redirects && !(300..400).contains(&rule.status) { 302 } else { rule.status };
        self.stop(Interruption { rule: Some(rule.id), phase: self.state.phase, action, status });
    }

    /// Whether this transaction takes the value out of the rule's sight.
    fn is_removed(&self, place: usize, item: &Item) -> bool {
        let name = self.state.values.get(item.name);
        self.state.removed_targets.iter().any(|removal| {
            let selection = &removal.selection;
            removal.places.binary_search(&place).is_ok()
                && (selection.covers(item.source, name) || selection.covers(item.shown, name))
        })
    }
}

impl Phase {
    /// What looks at the values of the phase.
    fn scanner(self, program: &Program) -> &Scanner {
        &program.scanners[usize::from(self >= Self::ResponseHeaders)]
    }
}

impl Allow {
    /// Whether rules of that phase do not run after it.
    fn covers(self, phase: Phase) -> bool {
        match self {
            Self::All => phase != Phase::Logging,
            Self::Request => phase <= Phase::RequestBody,
            // Taken back at the end of the phase.
            Self::Phase => true,
        }
    }
}
