//! One request and its answer before the rules.

pub(super) mod head;

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gabion_waf::{Connection, Engine, Interruption, Partial, Transaction};
use http::header::{ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use http::{Method, Response, StatusCode, Uri};
use http_body::Body as HttpBody;

use super::findings::{Action, near_certain};
use super::report::Unseen;
use super::{ProvenRules, report, spare};
use crate::config::{OverLimit, WafMode, product};
use crate::held::{self, Content, Extent, Held, MEMORY_BYTES_MAX};
use crate::layer::{Facts, Outcome, Visit};
use crate::path::normalize;
use crate::proxy::is_event_stream;
use crate::route::Matched;
use crate::state::State;
use crate::{Body, Edge, Refusal, guard};

/// A request before the rules. Whatever way it goes, it is told of when this ends.
pub(super) struct Inspection {
    pub(super) about: About,
    /// None once the engine broke down.
    transaction: Option<Box<Transaction>>,
    /// What the engine took.
    took: Duration,
    action: Action,
    unseen: Vec<Unseen>,
}

/// What is inspected, for whoever tells of it.
pub(super) struct About {
    pub(super) edge: Edge,
    pub(super) facts: Arc<Facts>,
    pub(super) matched: Matched,
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// What the client says that it is.
    pub(super) agent: Option<HeaderValue>,
    /// The name of the confirmed machine that it is.
    pub(super) machine: Option<Box<str>>,
    rules: Arc<ProvenRules>,
}

impl About {
    /// The mode of the route; a confirmed machine is not stopped.
    pub(super) fn mode(&self) -> WafMode {
        let mode = self.matched.route.waf.mode;
        if self.machine.is_some() { mode.min(WafMode::Detect) } else { mode }
    }
}

/// A phase that looks at a body.
type Phase = fn(&mut Transaction, &[u8]);

const REQUEST_BODY: Phase = |transaction, body| {
    let _ = transaction.request_body(body);
};
/// The same where what is not seen as a whole goes no further.
const WHOLE_REQUEST_BODY: Phase = |transaction, body| {
    let _ = transaction.request_body_unless(body, hides);
};
const ANSWER_BODY: Phase = |transaction, body| {
    let _ = transaction.response_body(body);
};

impl Inspection {
    /// Begins, where there are rules.
    pub(super) fn begin(visit: &Visit) -> Option<Box<Self>> {
        let rules = Arc::clone(visit.state.rules.as_ref()?);
        let facts = Arc::clone(&visit.facts);
        let id = facts.id.text();
        let connection = Connection {
            client: head::client(&facts),
            server: head::server(&visit.state, facts.client.https),
            id: id.as_str(),
        };
        let mut transaction = rules.rules().transaction(&connection, visit.edge.now(), spare::take());
        let matched = visit.matched().clone();
        let (method, uri) = (visit.request.method().clone(), visit.request.uri().clone());
        let agent = visit.request.headers().get(USER_AGENT).cloned();
        let machine = machine(&visit.state, facts.client.address, agent.as_ref(), uri.path());
        let about = About { edge: visit.edge.clone(), facts, matched, method, uri, agent, machine, rules };
        // Where not everything is stopped that could be, rules go on after the first that would.
        transaction.set_engine(match about.mode() {
            WafMode::Block => Engine::On,
            WafMode::Off | WafMode::Detect | WafMode::Learn => Engine::DetectionOnly,
        });
        Some(Box::new(Self {
            about,
            transaction: Some(Box::new(transaction)),
            took: Duration::ZERO,
            action: Action::Passed,
            unseen: Vec::new(),
        }))
    }

    /// Inspects the request. Its body is whole again afterwards.
    ///
    /// # Errors
    /// When it must not go on.
    pub(super) async fn request(&mut self, visit: &mut Visit) -> Result<(), Refusal> {
        self.step(|transaction| head::request(transaction, visit))?;
        self.judge_request()?;
        if self.wants_request_body(visit) {
            self.request_body(visit).await?;
        } else {
            self.step(|transaction| REQUEST_BODY(transaction, b""))?;
            self.judge_request()?;
        }
        if self.about.rules.rules().settings().response_body_access {
            // What comes compressed cannot be inspected.
            visit.request.headers_mut().remove(ACCEPT_ENCODING);
        }
        Ok(())
    }

    fn wants_request_body(&self, visit: &Visit) -> bool {
        let wanted = self.transaction.as_ref().is_some_and(|transaction| transaction.wants_request_body());
        wanted && held::can_be_held(visit)
    }

    async fn request_body(&mut self, visit: &mut Visit) -> Result<(), Refusal> {
        let bytes_max = self.about.rules.rules().settings().request_body_bytes_max;
        let (held, extent) = Held::request(visit, bytes_max).await?;
        if guard::encoded(visit.request.headers()) {
            self.unseen.push(Unseen::Encoded);
        }
        if extent == Extent::NoRoom {
            self.uninspected(Unseen::NoRoom)?;
        }
        let phase = if self.wants_whole() { WHOLE_REQUEST_BODY } else { REQUEST_BODY };
        self.inspect(held.content().clone(), phase).await?;
        self.judge_request()?;
        self.judge_extent()?;
        *visit.request.body_mut() = held.into_body();
        Ok(())
    }

    /// Inspects the answer, and lets it go on.
    ///
    /// # Errors
    /// When it must not.
    pub(super) async fn answer(mut self: Box<Self>, response: Response<Body>) -> Outcome {
        let (parts, mut body) = response.into_parts();
        let now = self.about.edge.now();
        self.step(|transaction| {
            transaction.set_now(now);
            head::response(transaction, &parts);
        })?;
        self.judge_answer()?;
        let wanted = self.transaction.as_ref().is_some_and(|transaction| transaction.wants_response_body());
        let ends = !body.is_end_stream()
            && !is_event_stream(&parts.headers)
            && parts.status != StatusCode::SWITCHING_PROTOCOLS;
        let encoded = guard::encoded(&parts.headers);
        if wanted && ends && encoded {
            self.unseen.push(Unseen::EncodedAnswer);
        }
        if wanted && ends && !encoded {
            let bytes_max = self.about.rules.rules().settings().response_body_bytes_max;
            let (held, extent) = Held::answer(body, bytes_max, self.about.edge.room()).await;
            if extent == Extent::NoRoom {
                self.unseen.push(Unseen::NoRoom);
            }
            self.inspect(held.content().clone(), ANSWER_BODY).await?;
            self.judge_answer()?;
            body = held.into_body();
        } else {
            self.step(|transaction| ANSWER_BODY(transaction, b""))?;
            self.judge_answer()?;
        }
        Ok(Response::from_parts(parts, body))
    }

    /// Runs the engine on a body: a short one here, a long one on a thread that customers do not wait for.
    async fn inspect(&mut self, content: Content, phase: Phase) -> Result<(), Refusal> {
        if content.len() <= MEMORY_BYTES_MAX && content.is_in_memory() {
            let body = content.read().map_err(|_| Refusal::Uninspected)?;
            return self.step(|transaction| phase(transaction, &body));
        }
        let Some(turn) = self.about.edge.room().turn().await else {
            return self.uninspected(Unseen::NoRoom);
        };
        let Some(mut transaction) = self.transaction.take() else { return Ok(()) };
        let work = move || {
            let _turn = turn;
            let began = Instant::now();
            let read = content.read().map(|body| phase(&mut transaction, &body));
            (transaction, read, began.elapsed())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok((transaction, read, took)) => {
                self.transaction = Some(transaction);
                self.took += took;
                read.or_else(|error| {
                    tracing::warn!(%error, "A held body could not be read");
                    self.uninspected(Unseen::NoRoom)
                })
            }
            Err(_) => self.broke(),
        }
    }

    /// Runs the engine here.
    fn step(&mut self, step: impl FnOnce(&mut Transaction)) -> Result<(), Refusal> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let began = Instant::now();
        let ran = catch_unwind(AssertUnwindSafe(|| step(transaction)));
        self.took += began.elapsed();
        ran.or_else(|_| self.broke())
    }

    /// The engine panicked, a bug of ours: nothing more is known of this request.
    fn broke(&mut self) -> Result<(), Refusal> {
        self.transaction = None;
        report::failed(&self.about);
        self.closed()
    }

    /// Something could not be inspected at all.
    fn uninspected(&mut self, what: Unseen) -> Result<(), Refusal> {
        self.unseen.push(what);
        self.closed()
    }

    /// Where attacks are to be stopped, nothing passes that could not be inspected for a reason of ours.
    fn closed(&mut self) -> Result<(), Refusal> {
        if self.about.mode() != WafMode::Block {
            return Ok(());
        }
        self.action = Action::Refused;
        Err(Refusal::Uninspected)
    }

    fn judge_request(&mut self) -> Result<(), Refusal> {
        let Some(transaction) = &self.transaction else { return Ok(()) };
        let stop = match self.about.mode() {
            WafMode::Block => transaction.interruption(),
            WafMode::Learn => transaction.detected().filter(|_| {
                let Scores { request, threshold, .. } = Scores::of(transaction);
                near_certain(transaction.matches(), request, threshold)
            }),
            WafMode::Detect | WafMode::Off => None,
        };
        let Some(Interruption { rule, status, .. }) = stop else { return Ok(()) };
        let status = StatusCode::from_u16(*status).ok().filter(StatusCode::is_client_error);
        self.action = Action::Stopped;
        Err(Refusal::Stopped { rule: *rule, status: status.unwrap_or(StatusCode::FORBIDDEN) })
    }

    fn judge_answer(&mut self) -> Result<(), Refusal> {
        let stop = self.transaction.as_ref().and_then(|transaction| transaction.interruption());
        let Some(stop) = stop.filter(|_| self.about.mode() == WafMode::Block) else { return Ok(()) };
        self.action = Action::Stopped;
        Err(Refusal::Withheld { rule: stop.rule })
    }

    /// Whether a request that was not inspected as a whole goes no further.
    fn wants_whole(&self) -> bool {
        self.about.mode() == WafMode::Block && self.about.matched.route.waf.over_limit == OverLimit::Refuse
    }

    fn judge_extent(&mut self) -> Result<(), Refusal> {
        let Some(transaction) = self.transaction.as_ref().filter(|_| self.wants_whole()) else {
            return Ok(());
        };
        let Some(partial) = transaction.partial().find(|partial| hides(*partial)) else { return Ok(()) };
        self.action = Action::Refused;
        Err(Refusal::Uninspectable { what: report::name(partial) })
    }

    fn finish(&mut self) {
        let Some(mut transaction) = self.transaction.take() else { return };
        transaction.set_now(self.about.edge.now());
        let scores = Scores::of(&transaction);
        let began = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| transaction.finish())) {
            Ok((report, scratch)) => {
                spare::keep(scratch);
                let took = self.took + began.elapsed();
                report::finished(&self.about, report, &scores, self.action, &self.unseen, took);
            }
            Err(_) => report::failed(&self.about),
        }
    }
}

impl Drop for Inspection {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The scores of a transaction, by the names that CRS 4 and 3 know them by.
pub(super) struct Scores {
    pub(super) request: i64,
    pub(super) threshold: i64,
    pub(super) answer: i64,
}

impl Scores {
    pub(super) fn of(transaction: &Transaction) -> Self {
        let first =
            |names: [&str; 2]| names.into_iter().find_map(|name| transaction.tx_number(name)).unwrap_or(0);
        Self {
            request: first(["blocking_inbound_anomaly_score", "anomaly_score"]),
            threshold: transaction.tx_number("inbound_anomaly_score_threshold").unwrap_or(0),
            answer: first(["blocking_outbound_anomaly_score", "outbound_anomaly_score"]),
        }
    }
}

/// The name of the confirmed machine that sends a request.
fn machine(state: &State, address: IpAddr, agent: Option<&HeaderValue>, path: &str) -> Option<Box<str>> {
    let machines = Some(&state.machines).filter(|machines| !machines.is_empty())?;
    let product = product(agent?.to_str().ok()?)?;
    let path = normalize(path);
    let machine = machines.iter().find(|machine| machine.sends(address, product, &path))?;
    Some(machine.name.as_str().into())
}

/// Whether an attack could hide in what was not inspected.
fn hides(partial: Partial) -> bool {
    match partial {
        Partial::Arguments
        | Partial::Headers
        | Partial::RequestBody
        | Partial::BodyStructure
        | Partial::Memory => true,
        Partial::ResponseBody | Partial::PatternSteps | Partial::Matches => false,
    }
}
