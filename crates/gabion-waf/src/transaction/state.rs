//! What a transaction keeps while it runs, and what the next one can use again.

use std::sync::Arc;

use super::trace::Trace;
use super::tx::TxStore;
use crate::collection::Update;
use crate::outcome::{Interruption, MatchedRule, Partial};
use crate::program::Program;
use crate::seclang::action::{Allow, Phase};
use crate::seclang::ctl::Removal;
use crate::settings::{AuditEngine, AuditParts, BodyProcessor, Engine};
use crate::values::{ValueId, Values};
use crate::variable::{COUNT, Variable};

/// Bytes of all values of one transaction, each transformed form included. A request of 128 KiB takes a tenth at
/// most; above, [`Partial::Memory`].
const VALUE_BYTES_MAX: usize = 64 << 20;
/// Bytes of values that the next transaction may find ready. What a larger one needed is given back.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// Severity before any rule matched.
const NO_SEVERITY: i64 = 255;

/// An entry of a collection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) name: ValueId,
    pub(super) value: ValueId,
}

/// A value that a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// The variable in the rule.
    pub(super) shown: Variable,
    /// The collection that the entry is in.
    pub(super) source: Variable,
    pub(super) name: ValueId,
    pub(super) value: ValueId,
    /// The value after the transformations.
    pub(super) seen: ValueId,
}

/// A persistent collection that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) collection: Variable,
    pub(super) key: Vec<u8>,
    pub(super) updates: Vec<Update>,
}

/// The values of a group, and one look at all of them.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// When they were looked up.
    pub(super) epoch: u64,
    pub(super) items: Vec<Item>,
    pub(super) scan: Option<usize>,
    pub(super) longest: usize,
}

/// What is worth keeping from one transaction to the next.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) values: Values,
    pub(super) collections: Vec<Vec<Entry>>,
    pub(super) tx: TxStore,
    pub(super) removed: Vec<bool>,
    pub(super) narrowed: Vec<bool>,
    pub(super) matched: Vec<Item>,
    pub(super) groups: Vec<Group>,
    pub(super) views: Vec<(u64, Vec<Item>)>,
    pub(super) spare: Vec<Vec<Item>>,
    /// Counts the phases that ran in this memory.
    pub(super) epoch: u64,
}

/// Everything that changes while a transaction runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) values: Values,
    pub(super) scalars: [ValueId; COUNT],
    pub(super) collections: Vec<Vec<Entry>>,
    pub(super) tx: TxStore,
    pub(super) opened: Vec<Opened>,
    pub(super) engine: Engine,
    pub(super) audit_engine: AuditEngine,
    pub(super) audit_parts: AuditParts,
    pub(super) request_body_access: bool,
    pub(super) request_body_bytes_max: usize,
    pub(super) response_body_access: bool,
    pub(super) response_body_bytes_max: usize,
    pub(super) processor: Option<BodyProcessor>,
    pub(super) force_request_body: bool,
    pub(super) force_response_body: bool,
    pub(super) arguments: usize,
    pub(super) arguments_bytes: usize,
    pub(super) removed: Vec<bool>,
    /// What rules lost sight of, and which rules did.
    pub(super) removed_targets: Vec<Arc<Removal>>,
    pub(super) narrowed: Vec<bool>,
    pub(super) allowed: Option<Allow>,
    pub(super) phase: Phase,
    pub(super) matched: Vec<Item>,
    pub(super) highest_severity: i64,
    /// The rule that runs, for RULE.
    pub(super) rule: usize,
    pub(super) groups: Vec<Group>,
    /// The values of each view that does not change during a phase, and when they were looked up.
    pub(super) views: Vec<(u64, Vec<Item>)>,
    pub(super) epoch: u64,
    pub(super) spare: Vec<Vec<Item>>,
    pub(super) matches: Vec<MatchedRule>,
    pub(super) matches_dropped: bool,
    pub(super) interruption: Option<Interruption>,
    pub(super) detected: Option<Interruption>,
    pub(super) partial: Vec<Partial>,
    pub(super) trace: Option<Trace>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            values: Values::new(VALUE_BYTES_MAX),
            collections: vec![Vec::new(); COUNT],
            tx: TxStore::default(),
            removed: Vec::new(),
            narrowed: Vec::new(),
            matched: Vec::new(),
            groups: Vec::new(),
            views: Vec::new(),
            spare: Vec::new(),
            epoch: 0,
        }
    }
}

impl State {
    /// Takes something from the sight of rules, for the rest of the transaction.
    pub(super) fn remove_target(&mut self, removal: &Arc<Removal>) {
        if !self.removed_targets.iter().any(|known| Arc::ptr_eq(known, removal)) {
            removal.places.iter().for_each(|place| self.narrowed[*place] = true);
            self.removed_targets.push(Arc::clone(removal));
        }
    }

    /// The state of a new transaction of a program.
    pub(super) fn new(memory: Memory, program: &Program) -> Self {
        let settings = &program.settings;
        let Memory {
            mut values,
            mut collections,
            mut tx,
            mut removed,
            mut narrowed,
            mut matched,
            mut groups,
            mut views,
            spare,
            epoch,
        } = memory;
        values.clear();
        collections.iter_mut().for_each(Vec::clear);
        tx.clear(program.slots.names().len());
        removed.clear();
        removed.resize(program.rules.len(), false);
        narrowed.clear();
        narrowed.resize(program.rules.len(), false);
        matched.clear();
        groups.resize_with(program.groups.len(), Group::default);
        views.resize_with(program.views.len(), Default::default);
        Self {
            values,
            scalars: [ValueId::default(); COUNT],
            collections,
            tx,
            opened: Vec::new(),
            engine: settings.engine,
            audit_engine: settings.audit_engine,
            audit_parts: settings.audit_parts,
            request_body_access: settings.request_body_access,
            request_body_bytes_max: settings.request_body_bytes_max,
            response_body_access: settings.response_body_access,
            response_body_bytes_max: settings.response_body_bytes_max,
            processor: None,
            force_request_body: false,
            force_response_body: false,
            arguments: 0,
            arguments_bytes: 0,
            removed,
            removed_targets: Vec::new(),
            narrowed,
            allowed: None,
            phase: Phase::RequestHeaders,
            matched,
            highest_severity: NO_SEVERITY,
            rule: 0,
            groups,
            views,
            epoch,
            spare,
            matches: Vec::new(),
            matches_dropped: false,
            interruption: None,
            detected: None,
            partial: Vec::new(),
            trace: None,
        }
    }

    pub(super) fn into_memory(self) -> Memory {
        if self.values.capacity() > KEPT_BYTES_MAX {
            return Memory::new();
        }
        let Self { values, collections, tx, removed, narrowed, matched, groups, views, spare, epoch, .. } =
            self;
        Memory { values, collections, tx, removed, narrowed, matched, groups, views, spare, epoch }
    }

    pub(super) fn set(&mut self, variable: Variable, value: &[u8]) {
        self.scalars[variable as usize] = self.values.intern(value);
    }

    pub(super) fn set_number(&mut self, variable: Variable, value: usize) {
        self.scalars[variable as usize] = self.values.number(i64::try_from(value).unwrap_or(i64::MAX));
    }

    pub(super) fn text(&self, variable: Variable) -> &[u8] {
        self.values.get(self.scalars[variable as usize])
    }

    pub(super) fn add(&mut self, collection: Variable, name: &[u8], value: &[u8]) {
        let entry = Entry { name: self.values.intern(name), value: self.values.intern(value) };
        self.collections[collection as usize].push(entry);
    }

    pub(super) fn note(&mut self, partial: Partial) {
        if !self.partial.contains(&partial) {
            self.partial.push(partial);
        }
    }
}
