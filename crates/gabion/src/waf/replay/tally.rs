//! What is counted while a log is read. Everything here has a limit: logs are as long as they like.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use gabion_edge::config::BoughtPages;
use percent_encoding::percent_decode;

use super::super::shown;
use super::super::trial::{Judgment, Step};
use super::line::Logged;

/// Visitors that are told apart; later ones are not counted as visitors.
const VISITORS_MAX: usize = 500_000;
/// Places of findings that may become exclusions; later ones do not.
const PLACES_MAX: usize = 5_000;
/// Bytes of a path or a parameter of such a place. Exclusions have shorter ones.
const PLACE_BYTES_MAX: usize = 512;
/// Visitors of one rule or place that are told apart; from there on it is at least so many.
pub(super) const VISITORS_EACH_MAX: usize = 200;
/// Examples of one rule.
const EXAMPLES_MAX: usize = 3;

/// The sums of a log.
#[derive(Default)]
pub(super) struct Tally {
    /// Paths that only a buyer asks for.
    pub(super) bought: BoughtPages,
    pub(super) requests: u64,
    pub(super) unreadable: u64,
    pub(super) blocked: u64,
    pub(super) visitors: HashSet<IpAddr>,
    /// Visitors that would have been blocked, and whether they bought something afterwards.
    pub(super) stopped: HashMap<IpAddr, bool>,
    pub(super) purchases: u64,
    pub(super) rules: BTreeMap<u64, RuleTally>,
    pub(super) places: BTreeMap<Place, Findings>,
}

/// What one rule did.
pub(super) struct RuleTally {
    pub(super) message: String,
    pub(super) requests: u64,
    pub(super) visitors: HashSet<IpAddr>,
    pub(super) examples: Vec<String>,
}

/// A parameter of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) parameter: String,
}

/// What was found in one place.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) rules: BTreeSet<u64>,
    pub(super) visitors: HashSet<IpAddr>,
}

impl Tally {
    pub(super) fn new(bought: BoughtPages) -> Self {
        Self { bought, ..Self::default() }
    }

    pub(super) fn count_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Counts a request.
    pub(super) fn count(&mut self, logged: &Logged, judgment: &Judgment) {
        self.requests += 1;
        if self.visitors.len() < VISITORS_MAX {
            self.visitors.insert(logged.client);
        }
        match &judgment.stopped {
            None if self.is_purchase(logged) => {
                self.purchases += 1;
                self.stopped.entry(logged.client).and_modify(|bought| *bought = true);
            }
            None => {}
            Some(stopped) => {
                self.blocked += 1;
                if self.stopped.len() < VISITORS_MAX {
                    self.stopped.entry(logged.client).or_insert(false);
                }
                let decides = |step: &&Step| {
                    step.after > step.before
                        || stopped.rule == Some(step.rule.id) && !step.asks_for_the_score()
                };
                judgment.steps.iter().filter(decides).for_each(|step| self.count_rule(logged, step));
            }
        }
    }

    /// Of the visitors that would have been blocked, those that bought something afterwards.
    pub(super) fn buyers(&self) -> impl Iterator<Item = &IpAddr> {
        self.stopped.iter().filter(|(_, bought)| **bought).map(|(visitor, _)| visitor)
    }

    fn is_purchase(&self, logged: &Logged) -> bool {
        let path = percent_decode(logged.path()).decode_utf8_lossy();
        (200..300).contains(&logged.status) && self.bought.contain(&path)
    }

    fn count_rule(&mut self, logged: &Logged, step: &Step) {
        let rule = self.rules.entry(step.rule.id).or_insert_with(|| RuleTally {
            message: shown::value(&step.rule.message),
            requests: 0,
            visitors: HashSet::new(),
            examples: Vec::new(),
        });
        rule.requests += 1;
        if rule.visitors.len() < VISITORS_EACH_MAX {
            rule.visitors.insert(logged.client);
        }
        if rule.examples.len() < EXAMPLES_MAX {
            let target = gabion_edge::redacted_address(&logged.target);
            let method = shown::value(&logged.method);
            let example = format!("{method} {}", shown::value(target.as_bytes()));
            if !rule.examples.contains(&example) {
                rule.examples.push(example);
            }
        }
        let path = percent_decode(logged.path()).decode_utf8_lossy().into_owned();
        for (variable, _) in &step.rule.values {
            if let Some(parameter) = parameter(variable) {
                self.count_place(Place { path: path.clone(), parameter }, step.rule.id, logged.client);
            }
        }
    }

    fn count_place(&mut self, place: Place, rule: u64, visitor: IpAddr) {
        let new = !self.places.contains_key(&place);
        let long = place.path.len().max(place.parameter.len()) > PLACE_BYTES_MAX;
        if long || new && self.places.len() == PLACES_MAX {
            return;
        }
        let findings = self.places.entry(place).or_default();
        findings.rules.insert(rule);
        if findings.visitors.len() < VISITORS_EACH_MAX {
            findings.visitors.insert(visitor);
        }
    }
}

/// The parameter that a variable such as `ARGS:q` is about.
fn parameter(variable: &[u8]) -> Option<String> {
    let variable = str::from_utf8(variable).ok()?;
    let (collection, name) = variable.split_once(':')?;
    matches!(collection, "ARGS" | "ARGS_GET" | "ARGS_NAMES" | "ARGS_GET_NAMES").then(|| name.to_owned())
}
