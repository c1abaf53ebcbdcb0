//! A SecLang engine that runs the OWASP Core Rule Set, 3.3 and 4, as it is published.
//!
//! It protects a shop from requests that attack it and from answers that give too much away. It decides nothing that
//! the rules do not say, sends nothing anywhere, has no clock and no randomness, and reads files only while it loads
//! rules. What it could not inspect as a whole it says ([`Partial`]); it never passes a body in silence.
//!
//! The walk: [`RuleSet::load`] reads directives (`seclang`), resolves default actions, chains, markers, removals and
//! updates, and compiles them to a program (`program`). A [`Transaction`] takes heads and bodies; each value is held
//! once by its content (`values`), transformed once for all rules that ask for the same steps, and looked at once for
//! all literals of all patterns (`scan`), so that most patterns are never run. [`Transaction::finish`] says what
//! happened.

pub mod body;
pub mod builtin;
pub mod injection;

mod audit;
mod collection;
mod error;
pub mod ftw;
#[doc(hidden)]
pub mod fuzz;
mod operator;
mod outcome;
mod program;
mod scan;
mod seclang;
mod settings;
mod slots;
mod source;
mod transaction;
mod transformation;
mod values;
mod variable;

use std::sync::Arc;

use gabion_core::Timestamp;

pub use audit::{AuditRecord, Text};
pub use collection::{Collections, EntryChange, MemoryCollections, Update};
pub use error::{Fault, LoadError, Location};
pub use outcome::{Detail, Interruption, MatchedRule, Partial, StopAction, Verdict};
pub use program::{BlockList, Geo, Services};
pub use seclang::action::Phase;
pub use settings::{AuditEngine, AuditParts, Engine, OverLimit, Settings};
pub use source::{Disk, Files, Source};
pub use transaction::{Connection, Report, RequestHead, ResponseHead, Scratch, Transaction};

/// Rules, ready to run. Cheap to clone; transactions keep the rules that they began with.
#[derive(Clone, Debug)]
pub struct RuleSet {
    program: Arc<program::Program>,
    services: Services,
}

impl RuleSet {
    /// Loads rules from files, in the order given.
    ///
    /// # Errors
    /// The first directive that cannot be understood or used: its file, line and name.
    pub fn load(sources: &[Source], files: &dyn Files) -> Result<Self, LoadError> {
        let program = Arc::new(program::load::load(sources, files)?);
        Ok(Self { program, services: Services::default() })
    }

    /// The same rules with the services that some of them ask.
    #[must_use]
    pub fn with_services(self, services: Services) -> Self {
        Self { services, ..self }
    }

    /// What the rule files say of the engine.
    pub fn settings(&self) -> &Settings {
        &self.program.settings
    }

    /// How many rules there are, each chain counted once.
    pub fn len(&self) -> usize {
        self.program.rules.len()
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.program.rules.is_empty()
    }

    /// Begins a transaction, in the memory of an earlier one if there is any.
    pub fn transaction(
        &self,
        connection: &Connection<'_>,
        now: Timestamp,
        scratch: Option<Scratch>,
    ) -> Transaction {
        Transaction::new(Arc::clone(&self.program), self.services.clone(), connection, now, scratch)
    }
}
