//! One request and its response on their way through the rules.

mod body;
mod effect;
mod evaluate;
mod expand;
mod head;
mod tx;

use std::net::IpAddr;
use std::sync::Arc;

use gabion_core::Timestamp;

use crate::audit::AuditRecord;
use crate::collection::Update;
use crate::outcome::{Interruption, MatchedRule, Partial, StopAction, Verdict};
use crate::program::{Program, Services};
use crate::seclang::action::{Allow, Phase};
use crate::seclang::target::Selection;
use crate::settings::{AuditEngine, AuditParts, BodyProcessor, Engine, OverLimit};
use crate::values::{ValueId, Values};
use crate::variable::{COUNT, Variable};
use tx::TxStore;

/// Bytes of all values of one transaction, each transformed form included. A request of 128 KiB takes a tenth at
/// most; above, [`Partial::Memory`].
const VALUE_BYTES_MAX: usize = 64 << 20;
/// Headers of a message, and cookies of a request; more are not read, [`Partial::Headers`].
const HEADERS_MAX: usize = 1_000;
/// Matches that are kept; more count but are not listed, [`Partial::Matches`].
const MATCHES_MAX: usize = 1_000;
/// Severity before any rule matched.
const NO_SEVERITY: i64 = 255;

/// The two ends of a connection, and the name of the transaction.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// The client's address and port.
    pub client: (IpAddr, u16),
    /// The address and port that it reached.
    pub server: (IpAddr, u16),
    /// UNIQUE_ID: what names this transaction in logs.
    pub id: &'a str,
}

/// The head of a request, as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The target, whatever its form.
    pub target: &'a [u8],
    /// The version, such as `HTTP/1.1`.
    pub version: &'a [u8],
    /// Names and values, in order.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// The head of a response.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: u16,
    /// The version, such as `HTTP/1.1`.
    pub version: &'a [u8],
    /// Names and values, in order.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// One request and its response on their way through the rules: heads and bodies go in, in order; each answers whether
/// the transaction may go on. [`Transaction::finish`] ends it and says what happened.
#[derive(Debug)]
pub struct Transaction {
    program: Arc<Program>,
    services: Services,
    started: Timestamp,
    now: Timestamp,
    state: State,
}

/// The memory of a transaction, for the next one to use.
#[derive(Debug)]
pub struct Scratch(Memory);

/// What a transaction was like.
#[derive(Debug)]
pub struct Report {
    /// The rules that matched and are to be logged or audited, in order.
    pub matches: Vec<MatchedRule>,
    /// How the rules stopped it.
    pub interruption: Option<Interruption>,
    /// How they would have stopped it, where the engine only detects.
    pub detected: Option<Interruption>,
    /// What was not inspected as a whole.
    pub partial: Vec<Partial>,
    /// The audit record, if the settings want one.
    pub audit: Option<AuditRecord>,
}

/// An entry of a collection.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: ValueId,
    value: ValueId,
}

/// A value that a rule looks at.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// The variable in the rule.
    shown: Variable,
    /// The collection that the entry is in.
    source: Variable,
    name: ValueId,
    value: ValueId,
    /// The value after the transformations.
    seen: ValueId,
}

/// A persistent collection that was opened.
#[derive(Debug)]
struct Opened {
    collection: Variable,
    key: Vec<u8>,
    updates: Vec<Update>,
}

/// The values of a group, and one look at all of them.
#[derive(Debug, Default)]
struct Group {
    /// When they were looked up.
    epoch: u64,
    items: Vec<Item>,
    scan: Option<usize>,
    longest: usize,
}

/// What is worth keeping from one transaction to the next.
#[derive(Debug)]
struct Memory {
    values: Values,
    collections: Vec<Vec<Entry>>,
    tx: TxStore,
    removed: Vec<bool>,
    matched: Vec<Item>,
    groups: Vec<Group>,
    views: Vec<(u64, Vec<Item>)>,
    spare: Vec<Vec<Item>>,
    /// Counts the phases that ran in this memory.
    epoch: u64,
}

/// Everything that changes while a transaction runs.
#[derive(Debug)]
struct State {
    values: Values,
    scalars: [ValueId; COUNT],
    collections: Vec<Vec<Entry>>,
    tx: TxStore,
    opened: Vec<Opened>,
    engine: Engine,
    audit_engine: AuditEngine,
    audit_parts: AuditParts,
    request_body_access: bool,
    request_body_bytes_max: usize,
    response_body_access: bool,
    response_body_bytes_max: usize,
    processor: Option<BodyProcessor>,
    force_request_body: bool,
    force_response_body: bool,
    arguments: usize,
    arguments_bytes: usize,
    removed: Vec<bool>,
    removed_targets: Vec<(Vec<bool>, Selection)>,
    allowed: Option<Allow>,
    phase: Phase,
    matched: Vec<Item>,
    highest_severity: i64,
    /// The rule that runs, for RULE.
    rule: usize,
    groups: Vec<Group>,
    /// The values of each view that does not change during a phase, and when they were looked up.
    views: Vec<(u64, Vec<Item>)>,
    epoch: u64,
    spare: Vec<Vec<Item>>,
    matches: Vec<MatchedRule>,
    matches_dropped: bool,
    interruption: Option<Interruption>,
    detected: Option<Interruption>,
    partial: Vec<Partial>,
}

impl Transaction {
    pub(crate) fn new(
        program: Arc<Program>,
        services: Services,
        connection: &Connection<'_>,
        now: Timestamp,
        scratch: Option<Scratch>,
    ) -> Self {
        let state = State::new(scratch.map_or_else(Memory::new, |scratch| scratch.0), &program);
        let mut transaction = Self { program, services, started: now, now, state };
        transaction.connect(connection);
        transaction
    }

    /// Tells what time it is. The engine has no clock; DURATION, TIME and the ends of collections go by this.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    fn connect(&mut self, connection: &Connection<'_>) {
        let ends = [
            (Variable::RemoteAddr, connection.client.0.to_canonical().to_string()),
            (Variable::RemoteHost, connection.client.0.to_canonical().to_string()),
            (Variable::RemotePort, connection.client.1.to_string()),
            (Variable::ServerAddr, connection.server.0.to_canonical().to_string()),
            (Variable::ServerPort, connection.server.1.to_string()),
            (Variable::UniqueId, connection.id.to_owned()),
        ];
        for (variable, text) in ends {
            self.state.set(variable, text.as_bytes());
        }
        let web_app_id = self.program.settings.web_app_id.clone();
        self.state.set(Variable::WebAppId, web_app_id.as_bytes());
    }

    /// Takes the head of the request and runs phase 1.
    pub fn request_head(&mut self, head: &RequestHead<'_>) -> Verdict<'_> {
        if self.state.engine != Engine::Off {
            self.read_request_head(head);
        }
        self.run(Phase::RequestHeaders)
    }

    /// Whether the rules want to see the body of the request.
    pub fn wants_request_body(&self) -> bool {
        self.state.engine != Engine::Off
            && self.state.interruption.is_none()
            && self.state.request_body_access
    }

    /// Takes the body of the request, empty if it has none or none was wanted, and runs phase 2. A body above the
    /// limit is inspected in part or stops the transaction, as the settings say.
    pub fn request_body(&mut self, body: &[u8]) -> Verdict<'_> {
        if self.wants_request_body() && !body.is_empty() {
            let limit = self.state.request_body_bytes_max;
            let body = self.within(body, limit, Phase::RequestBody);
            self.read_request_body(body);
        }
        self.run(Phase::RequestBody)
    }

    /// Takes the head of the response and runs phase 3.
    pub fn response_head(&mut self, head: &ResponseHead<'_>) -> Verdict<'_> {
        if self.state.engine != Engine::Off {
            self.read_response_head(head);
        }
        self.run(Phase::ResponseHeaders)
    }

    /// Whether the rules want to see the body of the response: its media type is one of those that are inspected.
    pub fn wants_response_body(&self) -> bool {
        if self.state.engine == Engine::Off
            || self.state.interruption.is_some()
            || !self.state.response_body_access
        {
            return false;
        }
        let media_type = self.state.text(Variable::ResponseContentType);
        let media_type = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let wanted = &self.program.settings.response_body_types;
        self.state.force_response_body
            || wanted
                .iter()
                .any(|wanted| wanted == "*/*" || wanted.as_bytes().eq_ignore_ascii_case(media_type))
    }

    /// Takes the body of the response, empty if it has none or none was wanted, and runs phase 4.
    pub fn response_body(&mut self, body: &[u8]) -> Verdict<'_> {
        if self.wants_response_body() && !body.is_empty() {
            let limit = self.state.response_body_bytes_max;
            let body = self.within(body, limit, Phase::ResponseBody);
            self.state.set(Variable::ResponseBody, body);
        }
        self.run(Phase::ResponseBody)
    }

    /// Runs phase 5, stores what outlives the transaction, and says what happened.
    pub fn finish(mut self) -> (Report, Scratch) {
        let _ = self.run(Phase::Logging);
        self.store_collections();
        if self.state.values.is_full() {
            self.state.note(Partial::Memory);
        }
        if self.state.matches_dropped {
            self.state.note(Partial::Matches);
        }
        let audit = self.audit_is_wanted().then(|| AuditRecord::of(&self));
        let state = &mut self.state;
        let report = Report {
            matches: std::mem::take(&mut state.matches),
            interruption: state.interruption.take(),
            detected: state.detected.take(),
            partial: std::mem::take(&mut state.partial),
            audit,
        };
        (report, Scratch(self.state.into_memory()))
    }

    /// The number that an entry of TX holds, such as `blocking_inbound_anomaly_score`; `None` if there is none.
    pub fn tx_number(&self, name: &str) -> Option<i64> {
        self.state.tx_integer(self.tx_slot(name.as_bytes())?)
    }

    /// The rules that matched so far and are to be logged or audited.
    pub fn matches(&self) -> &[MatchedRule] {
        &self.state.matches
    }

    /// How the rules would have stopped the transaction, where the engine only detects.
    pub fn detected(&self) -> Option<&Interruption> {
        self.state.detected.as_ref()
    }

    pub(crate) fn audit_parts(&self) -> AuditParts {
        self.state.audit_parts
    }

    pub(crate) fn scalar(&self, variable: Variable) -> &[u8] {
        self.state.text(variable)
    }

    pub(crate) fn entries(&self, collection: Variable) -> impl Iterator<Item = (&[u8], &[u8])> {
        let values = &self.state.values;
        self.state.collections[collection as usize]
            .iter()
            .map(|entry| (values.get(entry.name), values.get(entry.value)))
    }

    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    pub(crate) fn engine(&self) -> Engine {
        self.state.engine
    }

    pub(crate) fn components(&self) -> &[String] {
        &self.program.settings.components
    }

    /// How the rules stopped the transaction.
    pub fn interruption(&self) -> Option<&Interruption> {
        self.state.interruption.as_ref()
    }

    /// The part of a body that is inspected. Above the limit the transaction stops if the settings say so and the
    /// engine decides.
    fn within<'b>(&mut self, body: &'b [u8], limit: usize, phase: Phase) -> &'b [u8] {
        let Some(part) = body.get(..limit).filter(|part| part.len() < body.len()) else { return body };
        let settings = &self.program.settings;
        let (error, partial, over, status) = match phase {
            Phase::RequestBody => {
                (Variable::InboundDataError, Partial::RequestBody, settings.request_body_over_limit, 413)
            }
            _ => (Variable::OutboundDataError, Partial::ResponseBody, settings.response_body_over_limit, 500),
        };
        self.state.set(error, b"1");
        self.state.note(partial);
        if over == OverLimit::Reject {
            self.stop(Interruption { rule: None, phase, action: StopAction::Deny, status });
        }
        part
    }

    /// Stops the transaction, or notes that it would have been where the engine only detects.
    fn stop(&mut self, interruption: Interruption) {
        let place = if self.state.engine == Engine::On {
            &mut self.state.interruption
        } else {
            &mut self.state.detected
        };
        place.get_or_insert(interruption);
    }

    fn audit_is_wanted(&self) -> bool {
        match self.state.audit_engine {
            AuditEngine::On => true,
            AuditEngine::Off => false,
            AuditEngine::RelevantOnly => {
                let status = self.state.text(Variable::ResponseStatus);
                let pattern = self.program.settings.audit_status.as_ref();
                self.state.matches.iter().any(|rule| rule.audit)
                    || pattern.is_some_and(|pattern| {
                        pattern.is_match(status) == crate::operator::pattern::Outcome::Yes
                    })
            }
        }
    }
}

impl Memory {
    fn new() -> Self {
        Self {
            values: Values::new(VALUE_BYTES_MAX),
            collections: vec![Vec::new(); COUNT],
            tx: TxStore::default(),
            removed: Vec::new(),
            matched: Vec::new(),
            groups: Vec::new(),
            views: Vec::new(),
            spare: Vec::new(),
            epoch: 0,
        }
    }
}

impl State {
    /// The state of a new transaction of a program.
    fn new(memory: Memory, program: &Program) -> Self {
        let settings = &program.settings;
        let Memory {
            mut values,
            mut collections,
            mut tx,
            mut removed,
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
        }
    }

    fn into_memory(self) -> Memory {
        let Self { values, collections, tx, removed, matched, groups, views, spare, epoch, .. } = self;
        Memory { values, collections, tx, removed, matched, groups, views, spare, epoch }
    }

    fn set(&mut self, variable: Variable, value: &[u8]) {
        self.scalars[variable as usize] = self.values.intern(value);
    }

    fn set_number(&mut self, variable: Variable, value: usize) {
        self.scalars[variable as usize] = self.values.number(i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn text(&self, variable: Variable) -> &[u8] {
        self.values.get(self.scalars[variable as usize])
    }

    fn add(&mut self, collection: Variable, name: &[u8], value: &[u8]) {
        let entry = Entry { name: self.values.intern(name), value: self.values.intern(value) };
        self.collections[collection as usize].push(entry);
    }

    fn note(&mut self, partial: Partial) {
        if !self.partial.contains(&partial) {
            self.partial.push(partial);
        }
    }
}
