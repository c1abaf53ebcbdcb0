//! One request and its response on their way through the rules.

mod body;
mod effect;
mod evaluate;
mod expand;
mod head;
mod state;
mod trace;
mod tx;

use std::net::IpAddr;
use std::sync::Arc;

use gabion_core::Timestamp;

use crate::audit::AuditRecord;
use crate::outcome::{Interruption, MatchedRule, Partial, StopAction, Verdict};
use crate::program::{Program, Services};
use crate::seclang::action::Phase;
use crate::settings::{AuditEngine, AuditParts, Engine, OverLimit};
use crate::variable::Variable;
use state::{Entry, Group, Item, Memory, Opened, State};
use trace::Trace;
pub use trace::Traced;

/// Headers of a message, and cookies of a request; more are not read, [`Partial::Headers`].
const HEADERS_MAX: usize = 1_000;
/// Matches that are kept; more count but are not listed, [`Partial::Matches`].
const MATCHES_MAX: usize = 1_000;

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

    /// Decides from here on whether rules run and decide, whatever the rule files say. `ctl:ruleEngine` of a rule that
    /// runs later decides again.
    pub fn set_engine(&mut self, engine: Engine) {
        self.state.engine = engine;
    }

    /// Keeps from here on every rule that matches, with what these entries of TX hold after it. For people who ask why,
    /// not for traffic.
    pub fn trace(&mut self, entries: &[&str]) {
        self.state.trace = Some(Trace::new(entries));
    }

    /// The rules that matched since the transaction is traced, in the order they ran.
    pub fn traced(&self) -> &[Traced] {
        self.state.trace.as_ref().map_or(&[], |trace| &trace.rules)
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
        self.request_body_unless(body, |_| false)
    }

    /// The same, but phase 2 does not run where the transaction is to be refused for something that is not seen of the
    /// body anyway: rules are work that whoever sent too much does not get.
    pub fn request_body_unless(&mut self, body: &[u8], refused: impl FnMut(Partial) -> bool) -> Verdict<'_> {
        if self.wants_request_body() && !body.is_empty() {
            let limit = self.state.request_body_bytes_max;
            let body = self.within(body, limit, Phase::RequestBody);
            self.read_request_body(body);
        }
        if self.partial().any(refused) {
            return Verdict::Pass;
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

    /// What was not inspected as a whole so far.
    pub fn partial(&self) -> impl Iterator<Item = Partial> {
        let memory = self.state.values.is_full().then_some(Partial::Memory);
        self.state.partial.iter().copied().chain(memory)
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
