//! One GET on a connection of its own, for looking around.

use gabion_edge::BoxError;
use http::header::{HOST, USER_AGENT};
use http::{Request, Response, response};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
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
    // The connection ends with this function; what is left of the answer is nobody's.
    let (answer, _connection) = ask(stream, request(authority, target, agent)?).await?;
    Ok(answer.into_parts().0)
}

/// Asks for `target` and gives the head of the answer with its body, of at most so many bytes.
///
/// # Errors
/// As [`get`]; also when the body is longer, or breaks off.
pub(crate) async fn get_whole(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authority: &str,
    target: &str,
    agent: &'static str,
    bytes_max: usize,
) -> Result<(response::Parts, Vec<u8>), BoxError> {
    let (answer, _connection) = ask(stream, request(authority, target, agent)?).await?;
    let (head, body) = answer.into_parts();
    let too_long = || format!("the answer is longer than {bytes_max} bytes").into();
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_long());
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok((head, body.to_bytes().into())),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(error) => Err(error),
    }
}

/// Sends `request` and gives the head of the answer with the beginning of its body, and whether there is more of it.
///
/// # Errors
/// As [`get`]; also when the body breaks off.
pub(crate) async fn beginning(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
    bytes_max: usize,
) -> Result<(response::Parts, Vec<u8>, bool), BoxError> {
    let (answer, _connection) = ask(stream, request).await?;
    let (head, mut body) = answer.into_parts();
    let mut beginning = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = bytes_max - beginning.len();
        beginning.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((head, beginning, true));
        }
    }
    Ok((head, beginning, false))
}

fn request(authority: &str, target: &str, agent: &'static str) -> Result<Request<Empty<Bytes>>, http::Error> {
    Request::get(target).header(HOST, authority).header(USER_AGENT, agent).body(Empty::new())
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<(Response<Incoming>, AbortOnDropHandle<hyper::Result<()>>), BoxError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    Ok((sender.send_request(request).await?, connection))
}
