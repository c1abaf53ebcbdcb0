//! A compiled rule set: what transactions run.

pub(crate) mod load;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::collection::Collections;
use crate::error::Location;
use crate::operator::{Comparison, Test};
use crate::scan::{Need, Scanner};
use crate::seclang::action::{Disruption, Effect, Phase};
use crate::seclang::ctl::Rules;
use crate::seclang::target::Targets;
use crate::seclang::template::Template;
use crate::settings::Settings;
use crate::slots::{Slot, Slots};
use crate::transformation::Transformation;
use crate::variable::Variable;

/// A rule set, ready to run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) settings: Settings,
    /// In the order of the files.
    pub(crate) rules: Vec<Rule>,
    /// The rules of each phase, in order.
    pub(crate) steps: [Vec<Step>; 5],
    pub(crate) slots: Slots,
    /// Distinct lists of targets.
    pub(crate) views: Vec<View>,
    /// Distinct chains of transformations.
    pub(crate) chains: Vec<Vec<Transformation>>,
    /// Distinct pairs of a view that does not change during a phase, and a chain.
    pub(crate) groups: Vec<(usize, usize)>,
    /// One for the phases of requests, one for those of responses.
    pub(crate) scanners: [Scanner; 2],
}

/// A rule in its phase, with what is needed to walk by it.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its place in the rules.
    pub(crate) rule: usize,
    /// Where in the phase to go on after a match.
    pub(crate) next: usize,
    /// The whole rule, where it does nothing but ask one entry of TX and jump.
    pub(crate) gate: Option<Gate>,
    /// What one look at the values of a group must tell, or the rule cannot match.
    pub(crate) probe: Option<Probe>,
}

/// A look at all values of a group at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) group: usize,
    pub(crate) need: Need,
}

/// A list of targets.
#[derive(Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) targets: Targets,
    /// Whether its values can change while a phase runs.
    pub(crate) volatile: bool,
}

/// A rule with its chain.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    pub(crate) location: Location,
    pub(crate) phase: Phase,
    /// The rule itself and those chained to it.
    pub(crate) links: Box<[Link]>,
    pub(crate) tags: Box<[Box<str>]>,
    pub(crate) severity: Option<u8>,
    pub(crate) rev: Box<str>,
    pub(crate) ver: Box<str>,
    pub(crate) maturity: u8,
    pub(crate) accuracy: u8,
    pub(crate) disruption: Disruption,
    pub(crate) status: u16,
    pub(crate) log: bool,
    pub(crate) audit: bool,
}

/// One condition of a rule and what it does.
#[derive(Debug)]
pub(crate) struct Link {
    /// Without one, it always matches.
    pub(crate) question: Option<Question>,
    pub(crate) capture: bool,
    pub(crate) effects: Box<[Effect]>,
    pub(crate) msg: Option<Template>,
    pub(crate) logdata: Option<Template>,
}

/// What a link asks.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) view: usize,
    pub(crate) chain: usize,
    /// The place of view and chain in the groups, if the view does not change during a phase.
    pub(crate) group: Option<usize>,
    pub(crate) test: Test,
    pub(crate) multi_match: bool,
    /// What a value must contain to match, if anything is known of that.
    pub(crate) need: Option<Need>,
    /// The whole question, where it is about one entry of TX.
    pub(crate) gate: Option<Gate>,
}

/// A question about one entry of TX and a constant, as CRS asks hundreds of.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) slot: Slot,
    /// Whether it asks for the number of entries, 0 or 1, instead of the value.
    pub(crate) count: bool,
    pub(crate) comparison: Comparison,
    pub(crate) number: i64,
    pub(crate) negated: bool,
}

impl Program {
    /// Whether any rule looks at that variable.
    pub(crate) fn reads(&self, variable: Variable) -> bool {
        let mut targets = self.views.iter().flat_map(|view| &view.targets.included);
        targets.any(|target| target.selection.variable == variable)
    }
}

impl Rule {
    /// The gate that the whole rule is, if it does nothing but jump.
    pub(crate) fn bare_gate(&self) -> Option<Gate> {
        let [Link { question: Some(question), effects, .. }] = &*self.links else { return None };
        let idle = effects.is_empty() && !self.log && !self.audit && self.disruption == Disruption::Pass;
        question.gate.clone().filter(|_| idle && self.severity.is_none())
    }

    /// What tells that the rule cannot match, if a look at its values can.
    pub(crate) fn probe(&self) -> Option<Probe> {
        let question = self.links[0].question.as_ref()?;
        let usable = !question.test.negated && !question.multi_match;
        Some(Probe { group: question.group?, need: question.need.filter(|_| usable)? })
    }

    /// Whether it is one of those meant.
    pub(crate) fn is_among(&self, rules: &Rules) -> bool {
        match rules {
            Rules::Ids(first, last) => (*first..=*last).contains(&self.id),
            Rules::Tag(tag) => self.tags.iter().any(|own| own == tag),
            Rules::Message(message) => {
                self.links[0].msg.as_ref().and_then(Template::constant) == Some(message)
            }
        }
    }
}

/// What rules may ask of the world around. Without a service, what asks it never matches.
#[derive(Clone, Default)]
pub struct Services {
    /// Keeps collections that outlive a transaction.
    pub collections: Option<Arc<dyn Collections>>,
    /// Answers `@geoLookup`.
    pub geo: Option<Arc<dyn Geo>>,
    /// Answers `@rbl`.
    pub block_list: Option<Arc<dyn BlockList>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services")
            .field("collections", &self.collections.is_some())
            .field("geo", &self.geo.is_some())
            .field("block_list", &self.block_list.is_some())
            .finish()
    }
}

/// Knows where addresses are. Answers from memory: a rule waits for it.
pub trait Geo: Send + Sync {
    /// Entries of GEO such as `COUNTRY_CODE`; `None` when nothing is known of the address.
    fn look_up(&self, address: IpAddr) -> Option<HashMap<String, String>>;
}

/// Knows addresses of ill repute. Answers from memory: a rule waits for it.
pub trait BlockList: Send + Sync {
    /// Whether the list of that name has the address.
    fn lists(&self, list: &str, address: IpAddr) -> bool;
}
