//! HTTP/1.1 on a connection.

use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::ending::FirstRequest;
use super::serve::ServeError;
use crate::guard::{Gate, Guarded, HEAD_BYTES_MAX, Patience};
use crate::layer::Connection;
use crate::{Edge, stack};

/// Serves a connection until it ends, or until the request at work is answered when the edge stops.
pub(super) async fn http1(
    edge: &Edge,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Arc<Connection>,
) -> Result<(), ServeError> {
    let gate = Gate::default();
    let patience = {
        let limits = &edge.state().limits;
        Patience { head: limits.head_timeout, idle: limits.keepalive_idle }
    };
    let stream = Guarded::new(stream, gate.clone(), patience);
    let first = FirstRequest::default();
    let service = service_fn(|request| {
        first.came();
        stack::answer(edge, &connection, Some(gate.arrive()), request)
    });
    // The guard keeps the times and limits of heads; those of hyper only have to be as wide. Its number of headers is as
    // the guard's, and not set: it would pay for a number of ours with an allocation for every request.
    let serving = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return Ok(result?),
        () = first.time_to_go(edge) => serving.as_mut().graceful_shutdown(),
    }
    Ok(serving.await?)
}
