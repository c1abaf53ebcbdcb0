//! Idle connections to one endpoint. The most recently used goes first, so that the rest can age out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;

use crate::Body;
use crate::upstream::endpoint::Endpoint;

/// Idle connections kept to one endpoint; one more is closed.
const IDLE_MAX: usize = 256;
/// How long a connection may take to become ready after its response was read.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// One HTTP/1.1 connection to an endpoint, with at most one request in flight.
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    /// Whether it carried a request before: the other side may close it at any moment.
    pub(crate) reused: bool,
}

impl Connection {
    pub(crate) const fn new(sender: SendRequest<Body>) -> Self {
        Self { sender, reused: false }
    }

    /// Sends a request. The error gives it back when it provably was not sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        self.sender.try_send_request(request).await
    }

    /// Gives the connection back once its response was read to the end.
    pub(crate) fn give_back(mut self, endpoint: &Arc<Endpoint>) {
        if self.sender.is_closed() {
            return;
        }
        self.reused = true;
        if self.sender.is_ready() {
            endpoint.pool.push(self);
            return;
        }
        let endpoint = Arc::clone(endpoint);
        tokio::spawn(async move {
            if let Ok(Ok(())) = tokio::time::timeout(READY_TIMEOUT, self.sender.ready()).await {
                endpoint.pool.push(self);
            }
        });
    }
}

/// The idle connections of one endpoint.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    /// An idle connection that is still open and not older than `idle_timeout`.
    pub(crate) fn pop(&self, idle_timeout: Duration) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((connection, since)) = idle.pop() {
            if since.elapsed() >= idle_timeout {
                // The ones below are older still.
                idle.clear();
                return None;
            }
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    fn push(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() == IDLE_MAX {
            idle.remove(0);
        }
        idle.push((connection, Instant::now()));
    }

    /// Closes connections idle for longer than `idle_timeout`.
    pub(crate) fn prune(&self, idle_timeout: Duration) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(connection, since)| since.elapsed() < idle_timeout && !connection.sender.is_closed());
    }

    /// Idle connections now.
    pub(crate) fn len(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
