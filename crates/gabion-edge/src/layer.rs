//! A defence is an async function over a request and what comes after it; [`wrap`] makes it a tower layer.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Request, Response};

use crate::client_addr::Client;
use crate::config::Site;
use crate::forward::Said;
use crate::notes::Notes;
use crate::state::State;
use crate::tls::Ja4;
use crate::{Body, Refusal, RequestId};

/// What a layer or the proxy answers: the response, or why there is none from the shop.
pub(crate) type Outcome = Result<Response<Body>, Refusal>;

/// One defence.
pub(crate) trait Layer: Clone + Send + Sync + 'static {
    /// Looks at the request, may answer it, or lets `next` answer and looks at the response.
    fn call(self, request: Request<Body>, next: impl Next) -> impl Future<Output = Outcome> + Send;
}

/// Whatever stands further in: the next defence, and at last the proxy.
pub(crate) trait Next: Send + 'static {
    /// Lets it answer.
    fn call(self, request: Request<Body>) -> impl Future<Output = Outcome> + Send;
}

/// The facts of a request that every layer may need. The outermost layer puts it into the extensions.
pub(crate) struct Context {
    pub(crate) id: RequestId,
    /// The same as a header value.
    pub(crate) id_value: HeaderValue,
    pub(crate) state: Arc<State>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) found: Arc<Found>,
}

/// What layers found out about a request, for the outermost one to tell of when it is refused further in.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) client: OnceLock<Client>,
    pub(crate) site: OnceLock<Arc<Site>>,
    pub(crate) notes: Notes,
    allowed: AtomicBool,
}

impl Found {
    /// Nothing yet; `recorded` where there will be a record of the request.
    pub(crate) fn new(recorded: bool) -> Self {
        Self { notes: Notes::new(recorded), ..Self::default() }
    }

    /// Whether the operator lets this client pass limits and shedding.
    pub(crate) fn is_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Lets this client pass limits and shedding.
    pub(crate) fn allow(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }
}

/// The facts of a downstream connection.
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) https: bool,
    /// What kind of software the client is; only over TLS.
    pub(crate) ja4: Option<Ja4>,
    /// What the handshake agreed on.
    pub(crate) tls: Option<Tls>,
    /// What the shop is told of the client: the same for most requests of a connection.
    pub(crate) said: OnceLock<Said>,
}

/// What a TLS handshake agreed on, as log lines name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) version: &'static str,
    pub(crate) alpn: &'static str,
}

impl Connection {
    /// The JA4 fingerprint of the TLS client, where there is one.
    pub(crate) fn ja4(&self) -> Option<&str> {
        self.ja4.as_ref().map(Ja4::as_str)
    }
}

/// The facts of a request inside the stack.
pub(crate) fn context(request: &Request<Body>) -> Arc<Context> {
    Arc::clone(request.extensions().get().expect("the outermost layer inserts the context"))
}

/// Makes a tower layer of a defence.
pub(crate) const fn wrap<L: Layer>(layer: L) -> Wrap<L> {
    Wrap(layer)
}

/// A tower layer made of a defence.
#[derive(Clone)]
pub(crate) struct Wrap<L>(L);

impl<L: Layer, S> tower::Layer<S> for Wrap<L> {
    type Service = Wrapped<L, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Wrapped { layer: self.0.clone(), inner }
    }
}

/// A defence around what stands further in. Layers are one future together; only the proxy at their end is boxed.
pub(crate) struct Wrapped<L, N> {
    layer: L,
    inner: N,
}

impl<L: Layer, N: Next> Next for Wrapped<L, N> {
    fn call(self, request: Request<Body>) -> impl Future<Output = Outcome> + Send {
        self.layer.call(request, self.inner)
    }
}
