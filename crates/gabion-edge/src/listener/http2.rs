//! HTTP/2 on a connection.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::cork::{Cork, Turn};
use super::ending::FirstRequest;
use super::serve::ServeError;
use crate::config::Http2Section;
use crate::layer::Connection;
use crate::{Edge, stack};

/// Bytes of one HTTP/2 header list.
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
/// Silence on an HTTP/2 connection before a PING, and the time the client has to answer it.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves a connection until it ends, or until the requests at work are answered when the edge stops. It has at most so
/// many `streams` at a time.
pub(super) async fn http2(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    limits: &Http2Section,
    streams: u32,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let (first, turn) = (FirstRequest::default(), Turn::default());
    let service = service_fn(|request| {
        first.came();
        stack::answer(edge, &connection, None, request)
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .enable_connect_protocol()
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        // The library counts these too; it has the second word, so that what we see is told.
        .max_pending_accept_reset_streams(count(limits.resets_max))
        .max_local_error_reset_streams(count(limits.emitted_resets_max))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(Cork::new(stream, turn.clone())), service);
    let (mut serving, mut time_to_go) = (pin!(serving), pin!(first.time_to_go(edge).fuse()));
    let served = poll_fn(|cx| {
        turn.next();
        if time_to_go.as_mut().poll(cx).is_ready() {
            serving.as_mut().graceful_shutdown();
        }
        serving.as_mut().poll(cx)
    });
    Ok(served.await?)
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
