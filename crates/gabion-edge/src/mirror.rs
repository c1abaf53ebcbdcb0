//! Copies of requests to another upstream. Their answers are read and thrown away; the customer never waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::HOST;
use http::{HeaderValue, Method, Request};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::Body;
use crate::forward::{Origination, X_GABION_MIRROR};
use crate::metrics::Metrics;
use crate::proxy::attempts::copy;
use crate::upstream::endpoint::How;
use crate::upstream::shop_body::ShopBody;
use crate::upstream::{Set, Upstream, Wish, mix};

/// Copies under way, of all routes together. One more is not made.
const MIRRORS_MAX: usize = 64;
/// Bytes read of an answer to a copy; then the connection is closed.
const MIRROR_BYTES_MAX: usize = 1024 * 1024;

static MIRRORS: Semaphore = Semaphore::const_new(MIRRORS_MAX);

/// Where copies of a route's requests go.
pub(crate) struct Mirror {
    upstream: Arc<Upstream>,
    percent: u64,
    turn: AtomicU64,
}

impl Mirror {
    pub(crate) fn new(upstream: Arc<Upstream>, percent: u8) -> Self {
        Self { upstream, percent: u64::from(percent), turn: AtomicU64::new(0) }
    }

    /// Sends a copy of a GET or HEAD request without a body, when it is its turn.
    pub(crate) fn copy(&self, request: &Request<Body>, from: &Origination, metrics: &Metrics) {
        let plain = matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream();
        if !plain || mix(self.turn.fetch_add(1, Ordering::Relaxed)) % 100 >= self.percent {
            return;
        }
        let Ok(place) = MIRRORS.try_acquire() else {
            metrics.mirrors_dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        metrics.mirrored.fetch_add(1, Ordering::Relaxed);
        let upstream = Arc::clone(&self.upstream);
        let mut copy = copy(request);
        let host = upstream.config.host.clone().unwrap_or_else(|| from.said.authority.clone());
        copy.headers_mut().insert(HOST, host);
        copy.headers_mut().insert(X_GABION_MIRROR, HeaderValue::from_static("1"));
        if let Some(secret) = &upstream.secret {
            secret.put(copy.headers_mut());
        }
        tokio::spawn(async move {
            send(&upstream, copy).await;
            drop(place);
        });
    }
}

/// Sends a copy once, to an upstream that has a place for it now.
async fn send(upstream: &Upstream, mut request: Box<Request<Body>>) {
    let Some(_place) = upstream.live.places.try_take() else { return };
    let Some((index, endpoint)) = upstream.pick(Set::default(), Wish::default()) else { return };
    let failed = |reason: String| {
        endpoint.failed(reason);
        upstream.note(index, true);
    };
    let _in_flight = endpoint.enter();
    let config = &upstream.config;
    let connection = endpoint.connection(How::default(), config.idle_timeout, config.connect_timeout).await;
    let connection = match connection {
        Ok(connection) => connection,
        Err(error) => return failed(error.to_string()),
    };
    endpoint.requests.fetch_add(1, Ordering::Relaxed);
    connection.fit(&mut request, endpoint.url.https());
    let reused = connection.reused;
    match tokio::time::timeout(config.response_timeout, connection.send(request)).await {
        Err(_) => failed("a mirrored request was not answered in time".into()),
        // What an idle connection that was closed says is nothing about the endpoint.
        Ok(Err(unanswered)) if !reused => failed(unanswered.error.to_string()),
        Ok(Err(_)) => {}
        Ok(Ok((response, carrier))) => {
            upstream.note(index, upstream.is_failure(response.status()));
            let mut body = response.into_body();
            if tokio::time::timeout(config.read_timeout, read(&mut body)).await == Ok(true) {
                carrier.give_back(endpoint, &mut body);
            }
        }
    }
}

/// Reads a body to its end; says whether that came within the bound.
async fn read(body: &mut ShopBody) -> bool {
    let mut left = MIRROR_BYTES_MAX;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        match left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}
