//! Between the edge, which has no database, and customers' accounts.

use std::sync::Arc;

use axum::Router;
use axum::body::Body as PageBody;
use gabion_core::SiteId;
use gabion_edge::own::Answering;
use gabion_edge::sessions::{Customer, Level, Lookup, Sessions, StaffMember, Unavailable};
use gabion_edge::{Body, BoxError, Caller, OwnPages};
use gabion_identity::customer::http::Caller as Visitor;
use gabion_identity::customer::session::SignedIn;
use gabion_identity::customer::{Customers, flow};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// Customers' pages and sessions as the edge sees them.
pub(crate) struct EdgeAccounts {
    customers: Customers,
    router: Router,
}

impl EdgeAccounts {
    pub(crate) fn new(customers: Customers) -> Self {
        Self { router: customers.router(), customers }
    }
}

impl OwnPages for EdgeAccounts {
    fn claims(&self, site: &SiteId, path: &str) -> bool {
        self.customers.claims(site, path)
    }

    fn answer(&self, mut request: Request<Body>) -> Answering {
        let router = self.router.clone();
        if let Some(caller) = request.extensions().get::<Caller>() {
            let visitor = Visitor { site: caller.site.clone(), address: caller.address, https: caller.https };
            request.extensions_mut().insert(visitor);
        }
        // A task of its own: what was committed is followed up (sessions that ended leave memory) whether or not the client
        // waits for the answer.
        let answer = tokio::spawn(router.oneshot(request.map(PageBody::new)));
        Box::pin(async move {
            match answer.await {
                Ok(Ok(answer)) => answer.map(|body| Body::wrap(body.map_err(BoxError::from))),
                Err(panicked) => {
                    tracing::error!(error = %panicked, "A customers' page was not answered, because of a mistake in Gabion");
                    let mut answer = Response::new(Body::empty());
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    answer
                }
            }
        })
    }
}

impl Sessions for EdgeAccounts {
    fn customer(&self, site: &SiteId, cookie: &str) -> Lookup<Customer> {
        match self.customers.remembered(site, cookie) {
            Ok(found) => Lookup::Known(found.map(|found| Arc::new(customer(&found)))),
            Err(_) => {
                let (customers, site, cookie) = (self.customers.clone(), site.clone(), cookie.to_owned());
                Lookup::Ask(Box::pin(async move {
                    let found = customers.signed_in(&site, &cookie).await.map_err(|error| {
                        tracing::warn!(%error, "A customer's session was not looked up: {error}");
                        Unavailable
                    })?;
                    Ok(found.map(|found| Arc::new(customer(&found))))
                }))
            }
        }
    }

    /// Nobody: staff sign in at the console.
    fn staff(&self, _site: &SiteId, _cookie: &str) -> Lookup<StaffMember> {
        Lookup::Known(None)
    }
}

fn customer(found: &SignedIn) -> Customer {
    let level = match found.level {
        flow::Level::OneFactor => Level::Password,
        flow::Level::TwoFactors => Level::SecondFactor,
    };
    let (account, authenticated_at) = (found.account.to_string(), found.authenticated_at);
    Customer { account, level, authenticated_at, statement: None }
}
