//! A defence is an async function over a request and what comes after it; [`wrap`] makes it a tower layer.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Request, Response};
use tokio::sync::Notify;

use crate::client_addr::Client;
use crate::config::Site;
use crate::forward::Said;
use crate::guard::RawHead;
use crate::notes::Notes;
use crate::route::Matched;
use crate::state::State;
use crate::tls::Ja4;
use crate::{Body, Edge, Refusal, RequestId};

/// What a layer or the proxy answers: the response, or why there is none from the shop.
pub(crate) type Outcome = Result<Response<Body>, Refusal>;

/// One defence.
pub(crate) trait Layer: Clone + Send + Sync + 'static {
    /// Looks at the request, may answer it, or lets `next` answer and looks at the response.
    fn call(self, visit: Box<Visit>, next: impl Next) -> impl Future<Output = Outcome> + Send;
}

/// Whatever stands further in: the next defence, and at last the proxy.
pub(crate) trait Next: Send + 'static {
    /// Lets it answer.
    fn call(self, visit: Box<Visit>) -> impl Future<Output = Outcome> + Send;
}

/// A request on its way through the defences. Boxed, so that each hands on a pointer.
pub(crate) struct Visit {
    pub(crate) request: Request<Body>,
    /// Its head as it came, over HTTP/1.
    pub(crate) raw_head: Option<RawHead>,
    /// Its id as a header value.
    pub(crate) id_value: HeaderValue,
    pub(crate) edge: Edge,
    /// The configuration it is treated by: the one that was in force when it arrived.
    pub(crate) state: Arc<State>,
    pub(crate) facts: Arc<Facts>,
    /// What the shop is told of who it is from.
    pub(crate) statement: Option<HeaderValue>,
    matched: Option<Matched>,
}

impl Visit {
    /// A request that no defence has seen yet.
    pub(crate) fn new(
        request: Request<Body>,
        raw_head: Option<RawHead>,
        id_value: HeaderValue,
        edge: Edge,
        state: Arc<State>,
        facts: Arc<Facts>,
    ) -> Box<Self> {
        Box::new(Self { request, raw_head, id_value, edge, state, facts, statement: None, matched: None })
    }

    /// The site and the route it is for.
    ///
    /// # Panics
    /// In front of the route lookup.
    pub(crate) fn matched(&self) -> &Matched {
        self.matched.as_ref().expect("routes are looked up before")
    }

    /// It is for this site and this route.
    pub(crate) fn matches(&mut self, matched: Matched) {
        self.matched = Some(matched);
    }
}

/// What is known of a request, for whoever tells of it: pages, events, records. It outlives the request.
pub(crate) struct Facts {
    pub(crate) id: RequestId,
    pub(crate) client: Client,
    pub(crate) connection: Arc<Connection>,
    pub(crate) site: OnceLock<Arc<Site>>,
    pub(crate) notes: Notes,
    allowed: AtomicBool,
}

impl Facts {
    /// What is known when it arrives; `recorded` where there will be a record of it.
    pub(crate) fn new(id: RequestId, client: Client, connection: Arc<Connection>, recorded: bool) -> Self {
        let (notes, allowed) = (Notes::new(recorded), AtomicBool::new(false));
        Self { id, client, connection, site: OnceLock::new(), notes, allowed }
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
    pub(crate) refusals: Refusals,
}

/// Refused requests in a row, of all connections of an address together. One connection of HTTP/2 has a hundred requests
/// waiting at a time: whoever goes on asking after being refused costs others their turns.
pub(crate) struct Refusals {
    most: u32,
    in_a_row: Arc<AtomicU32>,
    enough: Notify,
}

impl Refusals {
    /// Counts on from what other connections of the address had refused; `most` are borne.
    pub(crate) fn new(most: u32, in_a_row: Arc<AtomicU32>) -> Self {
        Self { most, in_a_row, enough: Notify::new() }
    }

    /// Counts an answered request.
    pub(crate) fn count(&self, refused: bool) {
        if !refused {
            self.in_a_row.store(0, Ordering::Relaxed);
        } else if self.in_a_row.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.enough.notify_one();
        }
    }

    /// Ends when there were too many, and this connection's request was one of them.
    pub(crate) async fn too_many(&self) {
        self.enough.notified().await;
    }
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
    fn call(self, visit: Box<Visit>) -> impl Future<Output = Outcome> + Send {
        self.layer.call(visit, self.inner)
    }
}
