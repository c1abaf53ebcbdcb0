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
/// Streams of one HTTP/2 connection at a time.
const STREAMS_MAX: u32 = 100;
/// What a connection may have at least, however many its address has: a page loads with fewer over HTTP/1.1.
const STREAMS_MIN: u32 = 8;
/// Silence on an HTTP/2 connection before a PING, and the time the client has to answer it.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves a connection until it ends, or until the requests at work are answered when the edge stops. It is one of
/// `connections_of_address`.
pub(super) async fn http2(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    limits: &Http2Section,
    connections_of_address: usize,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let (first, turn) = (FirstRequest::default(), Turn::default());
    let service = service_fn(|request| {
        first.came();
        stack::answer(edge, &connection, None, request)
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams(limits, connections_of_address))
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

/// Streams that a connection may have at a time: its share of what its address may have.
fn streams(limits: &Http2Section, connections: usize) -> u32 {
    let connections = u32::try_from(connections).unwrap_or(u32::MAX).max(1);
    (limits.streams_per_address_max / connections).clamp(STREAMS_MIN, STREAMS_MAX)
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_an_address_share_its_streams() {
        let limits = Http2Section::default();
        let streams: Vec<_> = [0, 1, 2, 4, 16, 64].map(|open| streams(&limits, open)).into();
        assert_eq!(streams, [100, 100, 100, 64, 16, 8]);
        assert_eq!(super::streams(&Http2Section::UNLIMITED, 1_000), 100);
    }
}
