//! Requests that would run what was perhaps uploaded. Whatever came in before Gabion was there is not run either.

use std::sync::atomic::Ordering;

use super::is_off;
use super::report::{self, About};
use crate::Refusal;
use crate::layer::{Layer, Next, Outcome, Visit};

/// Refuses requests for scripts in folders of uploads, before anything is read of their bodies.
#[derive(Clone)]
pub(crate) struct Scripts;

impl Layer for Scripts {
    async fn call(self, visit: Box<Visit>, next: impl Next) -> Outcome {
        look(&visit)?;
        next.call(visit).await
    }
}

fn look(visit: &Visit) -> Result<(), Refusal> {
    let route = &visit.matched().route;
    if is_off(visit) {
        return Ok(());
    }
    let Some(script) = route.upload.folders.script(visit.request.uri().path()) else { return Ok(()) };
    let refused = route.upload.mode.stops();
    visit.edge.metrics().upload_scripts.fetch_add(1, Ordering::Relaxed);
    report::script(&About::of(visit), &script, refused);
    if refused { Err(Refusal::Script { extension: script.extension }) } else { Ok(()) }
}
