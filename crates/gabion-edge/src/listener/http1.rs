//! HTTP/1.1 on a connection.

use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::ending::FirstRequest;
use super::serve::ServeError;
use crate::layer::Connection;
use crate::{Edge, stack};

/// Bytes of one HTTP/1 request head, and headers in it; above them 431. RFC 6585 section 5.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;

/// Serves a connection until it ends, or until the request at work is answered when the edge stops.
pub(super) async fn http1(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let first = FirstRequest::default();
    let service = service_fn(|request| {
        first.came();
        stack::answer(edge, &connection, request)
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(edge.state().limits.head_timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        () = first.time_to_go(edge) => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}
