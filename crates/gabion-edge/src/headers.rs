//! The layer that puts a site's header policy on what the shop answers.

use http::Request;

use crate::Body;
use crate::client_addr::Client;
use crate::layer::{Layer, Next, Outcome, context};
use crate::module::Module;
use crate::route::Matched;

/// Puts the site's header policy on responses of the shop.
#[derive(Clone)]
pub(crate) struct Headers;

impl Layer for Headers {
    async fn call(self, request: Request<Body>, next: impl Next) -> Outcome {
        let bypassed = context(&request).state.bypass.contains(&Module::Headers);
        let matched = request.extensions().get::<Matched>().expect("routes are looked up before").clone();
        let https = request.extensions().get::<Client>().is_some_and(|client| client.https);
        let mut response = next.call(request).await?;
        if !bypassed {
            matched.site.headers.apply(response.headers_mut(), https);
        }
        Ok(response)
    }
}
