//! From rules as they were read to a program.

use std::collections::HashMap;

use super::draft::{Draft, DraftLink, Item};
use crate::error::{Fault, LoadError};
use crate::operator::{Operator, Test, integer};
use crate::program::{Gate, Link, Program, Question, Rule, Step, View};
use crate::scan::Builder;
use crate::seclang::action::{Action, Disruption, Effect, Phase};
use crate::seclang::ctl::Rules;
use crate::seclang::target::{Selector, Targets};
use crate::settings::Settings;
use crate::slots::Slots;
use crate::transformation::Transformation;
use crate::variable::Variable;

/// Status of a denial that names none.
const STATUS_DEFAULT: u16 = 403;

pub(super) fn compile(settings: Settings, items: Vec<Item>) -> Result<Program, LoadError> {
    let mut compiler = Compiler {
        slots: Slots::new(),
        views: Vec::new(),
        chains: vec![Vec::new()],
        groups: Vec::new(),
        builders: [Builder::default(), Builder::default()],
    };
    let mut rules = Vec::new();
    let mut phases: [Vec<usize>; 5] = Default::default();
    let mut jumps = Vec::new();
    // How many rules of each phase stand before each marker.
    let mut markers: HashMap<Box<[u8]>, Vec<[usize; 5]>> = HashMap::new();
    for item in items {
        match item {
            Item::Marker(name) => {
                markers.entry(name).or_default().push(std::array::from_fn(|phase| phases[phase].len()));
            }
            Item::Rule(draft) => {
                let (location, directive) = (draft.location.clone(), draft.directive.clone());
                let (rule, jump) =
                    compiler.rule(draft).map_err(|fault| LoadError { location, directive, fault })?;
                phases[rule.phase as usize].push(rules.len());
                jumps.push(jump);
                rules.push(rule);
            }
        }
    }
    let steps = std::array::from_fn(|phase| {
        let list: &[usize] = &phases[phase];
        let step = |(place, rule): (usize, &usize)| {
            let next = match &jumps[*rule] {
                None => place + 1,
                Some(Jump::Over(rules)) => place + 1 + rules,
                // A marker that does not come any more ends the phase.
                Some(Jump::To(name)) => markers
                    .get(name)
                    .and_then(|places| {
                        places.iter().map(|before| before[phase]).find(|before| *before > place)
                    })
                    .unwrap_or(list.len()),
            };
            Step { rule: *rule, next, gate: rules[*rule].bare_gate(), probe: rules[*rule].probe() }
        };
        list.iter().enumerate().map(step).collect()
    });
    bind_controls(&mut rules);
    for view in &mut compiler.views {
        view.targets.bind(&compiler.slots);
    }
    let scanners = compiler.builders.map(Builder::build);
    Ok(Program {
        settings,
        rules,
        steps,
        slots: compiler.slots,
        views: compiler.views,
        chains: compiler.chains,
        groups: compiler.groups,
        scanners,
    })
}

/// Tells every `ctl` that takes something from rules where they stand.
fn bind_controls(rules: &mut [Rule]) {
    let places = |wanted: &Rules| -> Vec<usize> {
        let among = |(_, rule): &(usize, &Rule)| rule.is_among(wanted);
        rules.iter().enumerate().filter(among).map(|(place, _)| place).collect()
    };
    let effects = rules.iter().flat_map(|rule| &rule.links).flat_map(|link| &link.effects);
    let found: Vec<_> = effects.filter_map(wanted).map(places).collect();
    let effects = rules.iter_mut().flat_map(|rule| &mut rule.links).flat_map(|link| &mut link.effects);
    let controls = effects.filter(|effect| wanted(effect).is_some()).filter_map(|effect| match effect {
        Effect::Ctl(ctl) => Some(ctl),
        _ => None,
    });
    controls.zip(found).for_each(|(ctl, places)| ctl.bind(places));
}

/// The rules that an effect takes something from.
fn wanted(effect: &Effect) -> Option<&Rules> {
    match effect {
        Effect::Ctl(ctl) => ctl.rules(),
        _ => None,
    }
}

struct Compiler {
    slots: Slots,
    views: Vec<View>,
    chains: Vec<Vec<Transformation>>,
    groups: Vec<(usize, usize)>,
    builders: [Builder; 2],
}

/// Where a rule goes on after a match: so many rules later, or at a marker.
enum Jump {
    Over(usize),
    To(Box<[u8]>),
}

impl Compiler {
    fn rule(&mut self, draft: Draft) -> Result<(Rule, Option<Jump>), Fault> {
        let mut rule = Rule {
            id: draft.id,
            location: draft.location,
            phase: draft.phase,
            links: Box::default(),
            tags: Box::default(),
            severity: None,
            rev: Box::default(),
            ver: Box::default(),
            maturity: 0,
            accuracy: 0,
            disruption: Disruption::Pass,
            status: STATUS_DEFAULT,
            log: true,
            audit: true,
        };
        // What `block` does, and a rule that says nothing: the default action, or nothing without one.
        let block = draft.defaults.iter().rev().find_map(|action| match action {
            Action::Disrupt(disruption) => Some(disruption.clone()),
            _ => None,
        });
        let block = block.unwrap_or(Disruption::Pass);
        let mut jump = None;
        let mut tags = Vec::new();
        for action in draft.defaults.iter().chain(&draft.links[0].actions) {
            match action {
                Action::Tag(tag) => tags.push(tag.clone()),
                Action::Severity(severity) => rule.severity = Some(*severity),
                Action::Rev(text) => rule.rev = text.clone(),
                Action::Ver(text) => rule.ver = text.clone(),
                Action::Maturity(grade) => rule.maturity = *grade,
                Action::Accuracy(grade) => rule.accuracy = *grade,
                Action::Disrupt(disruption) => rule.disruption = disruption.clone(),
                Action::Block => rule.disruption = block.clone(),
                Action::Status(status) => rule.status = *status,
                Action::Log(log) => (rule.log, rule.audit) = (*log, *log),
                Action::AuditLog(audit) => rule.audit = *audit,
                Action::Skip(rules) => jump = Some(Jump::Over(*rules)),
                Action::SkipAfter(marker) => jump = Some(Jump::To(marker.clone())),
                _ => {}
            }
        }
        if let Disruption::Redirect(location) = &mut rule.disruption {
            location.bind(&mut self.slots);
        }
        rule.tags = tags.into();
        let links = draft.links.into_iter().map(|link| self.link(link, &draft.defaults, draft.phase));
        rule.links = links.collect();
        Ok((rule, jump))
    }

    fn link(&mut self, draft: DraftLink, defaults: &[Action], phase: Phase) -> Link {
        let mut link =
            Link { question: None, capture: false, effects: Box::default(), msg: None, logdata: None };
        let mut effects = Vec::new();
        let mut chain = Vec::new();
        let mut multi_match = false;
        for action in defaults.iter().cloned().chain(draft.actions) {
            match action {
                Action::Transform(None) => chain.clear(),
                Action::Transform(Some(transformation)) => chain.push(transformation),
                Action::Capture => link.capture = true,
                Action::MultiMatch => multi_match = true,
                Action::Msg(text) => link.msg = Some(text),
                Action::LogData(text) => link.logdata = Some(text),
                Action::Effect(effect) => effects.push(effect),
                _ => {}
            }
        }
        for text in [&mut link.msg, &mut link.logdata].into_iter().flatten() {
            text.bind(&mut self.slots);
        }
        for effect in &mut effects {
            effect.bind(&mut self.slots);
        }
        link.effects = effects.into();
        if let Some((mut targets, mut test)) = draft.condition {
            if let Some(argument) = test.operator.argument_mut() {
                argument.bind(&mut self.slots);
            }
            targets.narrow();
            for target in &targets.included {
                if let (Variable::Tx, Selector::Name(name)) =
                    (target.selection.variable, &target.selection.selector)
                {
                    self.slots.slot(name);
                }
            }
            let gate = if chain.is_empty() && !multi_match { self.gate(&targets, &test) } else { None };
            let volatile = targets.included.iter().any(|target| target.selection.variable.is_volatile());
            let view = place(&mut self.views, View { targets, volatile });
            let chain = place(&mut self.chains, chain);
            let group = (!volatile).then(|| place(&mut self.groups, (view, chain)));
            let builder = &mut self.builders[usize::from(phase >= Phase::ResponseHeaders)];
            let need = if volatile { None } else { builder.need(&test.operator) };
            link.question = Some(Question { view, chain, group, test, multi_match, need, gate });
        }
        link
    }

    /// The question, if it is about one entry of TX and a constant.
    fn gate(&mut self, targets: &Targets, test: &Test) -> Option<Gate> {
        let ([target], []) = (targets.included.as_slice(), targets.excluded.as_slice()) else { return None };
        let (Variable::Tx, Selector::Name(name)) = (target.selection.variable, &target.selection.selector)
        else {
            return None;
        };
        let Operator::Number(comparison, argument) = &test.operator else { return None };
        Some(Gate {
            slot: self.slots.slot(name),
            count: target.count,
            comparison: *comparison,
            number: integer(argument.constant()?),
            negated: test.negated,
        })
    }
}

/// Where an item is in a list, at its end if it was not there.
fn place<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
