//! One GET on a connection of its own, for looking around.

use gabion_edge::BoxError;
use http::header::{HOST, USER_AGENT};
use http::{Request, response};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::AbortOnDropHandle;

/// Asks for `target` and gives the head of the answer; its body is not read.
///
/// # Errors
/// When the other side does not speak HTTP/1.1, or leaves before it has answered.
pub(crate) async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authority: &str,
    target: &str,
    agent: &'static str,
) -> Result<response::Parts, BoxError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this function; what is left of the answer is nobody's.
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request =
        Request::get(target).header(HOST, authority).header(USER_AGENT, agent).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.into_parts().0)
}
