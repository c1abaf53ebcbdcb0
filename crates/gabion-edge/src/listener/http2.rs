//! HTTP/2 on a connection.

use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::ending::FirstRequest;
use super::serve::ServeError;
use crate::config::Http2Section;
use crate::layer::Connection;
use crate::{Edge, stack};

/// Bytes of one HTTP/2 header list.
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
/// Streams of one HTTP/2 connection at a time.
const STREAMS_MAX: u32 = 100;
/// Silence on an HTTP/2 connection before a PING, and the time the client has to answer it.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves a connection until it ends, or until the requests at work are answered when the edge stops.
pub(super) async fn http2(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    limits: &Http2Section,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let first = FirstRequest::default();
    let service = service_fn(|request| {
        first.came();
        stack::answer(edge, &connection, None, request)
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .enable_connect_protocol()
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        // The library counts these too; it has the second word, so that what we see is told.
        .max_pending_accept_reset_streams(count(limits.resets_max))
        .max_local_error_reset_streams(count(limits.emitted_resets_max))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        () = first.time_to_go(edge) => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
