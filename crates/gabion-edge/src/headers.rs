//! The layer that puts a site's header policy on what the shop answers.

use std::sync::Arc;

use crate::layer::{Layer, Next, Outcome, Visit};
use crate::module::Module;

/// Puts the site's header policy on responses of the shop.
#[derive(Clone)]
pub(crate) struct Headers;

impl Layer for Headers {
    async fn call(self, visit: Box<Visit>, next: impl Next) -> Outcome {
        if visit.state.bypass.contains(&Module::Headers) {
            return next.call(visit).await;
        }
        let site = Arc::clone(&visit.matched().site);
        let https = visit.facts.client.https;
        let mut response = next.call(visit).await?;
        site.headers.apply(response.headers_mut(), https);
        Ok(response)
    }
}
