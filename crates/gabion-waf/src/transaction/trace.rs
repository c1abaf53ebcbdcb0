//! Every rule that matched, for people who ask why.

use super::{State, Transaction};
use crate::program::Rule;
use crate::seclang::action::Phase;

/// Values of one rule that are kept; more match, but are not told.
const VALUES_MAX: usize = 16;
/// Bytes of a value that are kept. Who reads it wants to recognize it.
const VALUE_BYTES_MAX: usize = 1_024;

/// A rule that matched, whether or not it is to be logged.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its id.
    pub id: u64,
    /// When it ran.
    pub phase: Phase,
    /// Whether operators want to read of it.
    pub log: bool,
    /// Its message.
    pub message: Vec<u8>,
    /// The variables that matched, such as `ARGS:q`, and what the rule saw of them: transformed, at most 1,024 bytes of
    /// each. Client data: not for pages or logs without redaction.
    pub values: Vec<(Vec<u8>, Vec<u8>)>,
    /// The entries of TX that were asked for, as they were after it.
    pub entries: Vec<Option<i64>>,
}

/// What is traced.
#[derive(Debug)]
pub(super) struct Trace {
    entries: Vec<String>,
    pub(super) rules: Vec<Traced>,
}

impl Trace {
    pub(super) fn new(entries: &[&str]) -> Self {
        Self { entries: entries.iter().map(|name| (*name).to_owned()).collect(), rules: Vec::new() }
    }
}

impl Transaction {
    /// Keeps a rule that just matched, if the transaction is traced.
    pub(super) fn keep_trace(&mut self, rule: &Rule) {
        let Some(trace) = &self.state.trace else { return };
        let State { values, matched, .. } = &self.state;
        let value = |item| {
            let mut name = Vec::new();
            self.append_name(item, &mut name);
            let seen = values.get(item.seen);
            (name, seen[..seen.len().min(VALUE_BYTES_MAX)].to_vec())
        };
        let message = rule.links.iter().find_map(|link| link.msg.as_ref());
        let traced = Traced {
            id: rule.id,
            phase: self.state.phase,
            log: rule.log,
            message: message.map(|message| self.expanded(message)).unwrap_or_default(),
            values: matched.iter().take(VALUES_MAX).map(value).collect(),
            entries: trace.entries.iter().map(|name| self.tx_number(name)).collect(),
        };
        self.state.trace.as_mut().expect("it is there above").rules.push(traced);
    }
}
