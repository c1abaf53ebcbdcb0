//! One connection from its first byte to its last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;

use super::Plane;
use super::handshake::handshake;
use super::http1::http1;
use super::http2::http2;
use crate::Edge;
use crate::downstream::{Downstream, WRITE_STALL_MAX};
use crate::layer::Connection;

/// A TLS handshake that takes longer is broken off.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection ended early.
pub(super) type ServeError = Box<dyn std::error::Error + Send + Sync>;

/// Serves a connection.
pub(super) async fn serve(
    edge: &Edge,
    stream: TcpStream,
    peer: SocketAddr,
    plane: Plane,
) -> Result<(), ServeError> {
    stream.set_nodelay(true)?;
    let stream = Downstream::new(stream, WRITE_STALL_MAX, edge.goodbyes());
    if plane == Plane::Http {
        return http1(edge, stream, Arc::new(Connection { peer, https: false, ja4: None })).await;
    }
    let (stream, ja4) = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(edge, stream)).await {
        Ok(Ok(agreed)) => agreed,
        failed => {
            edge.metrics().handshakes_failed.fetch_add(1, Ordering::Relaxed);
            failed??;
            return Ok(());
        }
    };
    let connection = Arc::new(Connection { peer, https: true, ja4 });
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2(edge, stream, connection).await,
        _ => http1(edge, stream, connection).await,
    }
}
