//! The order of the defences. Every request walks through here.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use tower::ServiceBuilder;

use crate::admission::Admit;
use crate::gate::Session;
use crate::guard::{self, Arrival};
use crate::headers::Headers;
use crate::layer::{Connection, Next, wrap};
use crate::own::Own;
use crate::pages::{Drill, Pages};
use crate::proxy::Proxy;
use crate::rate_limit::RateLimit;
use crate::redirect::Redirect;
use crate::route::RouteLookup;
use crate::tls::acme::challenge;
use crate::upload::{Scripts, Uploads};
use crate::waf::Waf;
use crate::{Body, Edge, Refusal, cdn, trace, waf};

/// The defences around the proxy, outermost first.
macro_rules! defences {
    ($proxy:expr) => {
        ServiceBuilder::new()
            .layer(wrap(Admit)) // who is blocked, and what is refused while overloaded, costs nothing more
            .layer(wrap(RouteLookup)) // foreign hosts and reserved paths end here
            .layer(wrap(RateLimit)) // before anything is worked on: a flood is cheap to refuse
            .layer(wrap(Redirect)) // plain HTTP goes no further where the site has HTTPS
            .layer(wrap(Own)) // our own pages end here: what is typed into them is for no rule and no record
            .layer(wrap(Session)) // before the rules: who may not come in costs no inspection, and nothing is kept of it
            .layer(wrap(Scripts)) // what was uploaded is not run, whoever asks
            .layer(wrap(Waf)) // after all that is cheap; bodies wait here for their verdict
            .layer(wrap(Uploads)) // after the rules, on what they held: files cost most
            .layer(wrap(Pages)) // asks for what it can read after the rules have seen what was asked
            .layer(wrap(Drill)) // what a drill plants is seen as if the shop had served it
            .layer(wrap(Headers)) // on the shop's responses; our own pages bring theirs
            .service($proxy)
    };
}

/// Answers one request of a downstream connection. The configuration is the one in force when it arrives. `arrival`
/// is what the guard says of it; without one it is held against the guard's rules here (HTTP/2).
pub(crate) fn answer(
    edge: &Edge,
    connection: &Arc<Connection>,
    arrival: Option<Arrival>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static {
    let state = edge.state();
    cdn::look(edge, &state, connection.peer.ip(), request.headers());
    let fault = match &arrival {
        Some(arrival) => arrival.head.as_ref().err().map(|refused| refused.fault),
        None => guard::http2(&request).err(),
    };
    // Before all defences: an ACME server asks over plain HTTP, for a name that may not be served yet.
    let challenge = edge.challenges().http_answer(request.uri().path());
    let (visit, mut passage) = trace::begin(edge, state, connection, arrival, request.map(Body::from));
    async move {
        let outcome = match (fault, challenge) {
            (Some(fault), _) => {
                passage.seen = passage.refused_bytes().and_then(|bytes| waf::glance(&visit, bytes));
                Err(Refusal::Malformed(fault))
            }
            (None, Some(answer)) => Ok(challenge::response(&answer)),
            (None, None) => defences!(Proxy).call(visit).await,
        };
        Ok(trace::end(outcome, passage))
    }
}
