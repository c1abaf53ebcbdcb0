//! Who may come in at all: the operator's list, then overload shedding. Both outlive every reload, as do rate limits.

use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::Refusal;
use crate::access::{AccessEntry, AccessList, Verdict};
use crate::event::Recorder;
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::module::Module;
use crate::rate_limit::Limiter;
use crate::shed::Shed;

/// What the list, shedding and rate limits remember.
pub(crate) struct Admission {
    pub(crate) access: ArcSwap<AccessList>,
    pub(crate) shed: Shed,
    pub(crate) blocked: AtomicU64,
    pub(crate) limiter: Limiter,
    pub(crate) recorder: Recorder,
}

impl Admission {
    /// Admission with an empty list.
    pub(crate) fn new(limiter: Limiter, recorder: Recorder) -> Self {
        Self {
            access: ArcSwap::default(),
            shed: Shed::default(),
            blocked: AtomicU64::new(0),
            limiter,
            recorder,
        }
    }

    /// Takes another list; entries that stay keep their counters.
    pub(crate) fn set_access(&self, entries: Vec<AccessEntry>) {
        self.access.rcu(|before| AccessList::new(entries.clone(), before));
    }
}

/// Refuses clients that the operator blocked, and cheap requests while Gabion is overloaded.
#[derive(Clone)]
pub(crate) struct Admit;

impl Layer for Admit {
    async fn call(self, visit: Box<Visit>, next: impl Next) -> Outcome {
        admit(&visit)?;
        next.call(visit).await
    }
}

fn admit(visit: &Visit) -> Result<(), Refusal> {
    let Visit { state, facts, .. } = visit;
    if state.bypass.contains(&Module::Limits) {
        return Ok(());
    }
    let admission = &state.admission;
    let now = || admission.recorder.clock.now();
    match admission.access.load().verdict(facts.client.address, facts.connection.ja4(), now) {
        Some(Verdict::Block) => {
            admission.blocked.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::Blocked);
        }
        Some(Verdict::Allow) => facts.allow(),
        None if admission.shed.refuses(&visit.request) => return Err(Refusal::Overloaded),
        None => {}
    }
    Ok(())
}
