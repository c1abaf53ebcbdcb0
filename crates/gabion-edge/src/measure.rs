//! What `examples/gates.rs` measures: the walk of a request as far as the gates, without sockets and without a shop.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use http::{Request, Response, StatusCode};
use tower::ServiceBuilder;

use crate::gate::Session;
use crate::layer::{Connection, Next, Outcome, Refusals, Visit, wrap};
use crate::route::RouteLookup;
use crate::{Body, Edge, trace};

/// A customer's connection.
pub struct Walk {
    edge: Edge,
    connection: Arc<Connection>,
}

/// A shop that has nothing to say.
struct Nothing;

impl Next for Nothing {
    async fn call(self, _: Box<Visit>) -> Outcome {
        Ok(Response::new(Body::empty()))
    }
}

impl Walk {
    /// A connection over TLS.
    pub fn new(edge: &Edge) -> Self {
        let connection = Arc::new(Connection {
            peer: SocketAddr::from(([192, 0, 2, 7], 50_000)),
            https: true,
            ja4: None,
            tls: None,
            said: OnceLock::new(),
            refusals: Refusals::new(u32::MAX, Arc::default()),
        });
        Self { edge: edge.clone(), connection }
    }

    /// Walks as far as the shop would be asked, with or without the layer of the gates.
    pub async fn walk(&self, request: Request<Body>, gates: bool) -> StatusCode {
        let (visit, passage) = trace::begin(&self.edge, self.edge.state(), &self.connection, None, request);
        let outcome = if gates {
            ServiceBuilder::new()
                .layer(wrap(RouteLookup))
                .layer(wrap(Session))
                .service(Nothing)
                .call(visit)
                .await
        } else {
            ServiceBuilder::new().layer(wrap(RouteLookup)).service(Nothing).call(visit).await
        };
        trace::end(outcome, passage).status()
    }
}
