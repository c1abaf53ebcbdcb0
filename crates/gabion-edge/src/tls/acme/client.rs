//! The HTTP client under ACME: hyper over our own TLS, with limits on time and size.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gabion_core::{Clock, Timestamp};
use http::header::{HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::tls::upstream::{UpstreamTlsError, server_name};

/// Time for one request and its answer, with the connection under it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for one address of the server to accept: a dead IPv6 way must not hide a working IPv4 one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one answer. A chain has a few kilobytes, a directory one.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// RFC 8555 section 6.1 asks clients to say who they are.
const AGENT: HeaderValue = HeaderValue::from_static("gabion (instant-acme)");

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("{0} is no https:// URL")]
    NotHttps(Uri),
    #[error("{host} cannot be connected to")]
    Connect { host: String, source: io::Error },
    #[error("{host} shows a TLS certificate that is not accepted; a private server needs tls.acme.ca")]
    Tls { host: String, source: io::Error },
    #[error(transparent)]
    ServerName(#[from] UpstreamTlsError),
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn Error + Send + Sync>),
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
}

/// Speaks HTTP/1.1 with an ACME server, a connection for each request. Clones are the same client.
#[derive(Clone)]
pub(super) struct Http(Arc<Inner>);

struct Inner {
    tls: Arc<ClientConfig>,
    clock: Arc<dyn Clock>,
    retry_at: Mutex<Option<Timestamp>>,
}

impl Http {
    /// A client that trusts what `tls` trusts.
    pub(super) fn new(tls: Arc<ClientConfig>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { tls, clock, retry_at: Mutex::default() }))
    }

    /// When the server wants to be asked again, if its last refusal said so. RFC 8555 section 6.6.
    pub(super) fn retry_at(&self) -> Option<Timestamp> {
        *self.0.retry_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, HttpError> {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, exchange(&self.0.tls, request));
        let response = answer.await.map_err(|_| HttpError::Timeout)??;
        let refused = response.status().is_client_error() || response.status().is_server_error();
        let retry_at = refused.then(|| retry_at(response.headers(), self.0.clock.now())).flatten();
        *self.0.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = retry_at;
        Ok(response.into())
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let asked = self.clone().ask(request);
        Box::pin(async { asked.await.map_err(|error| instant_acme::Error::Other(error.into())) })
    }
}

async fn exchange(
    tls: &Arc<ClientConfig>,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Full<Bytes>>, HttpError> {
    let uri = request.uri().clone();
    let not_https = || HttpError::NotHttps(uri.clone());
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(not_https)?;
    let stream = connect(authority.host(), authority.port_u16().unwrap_or(443)).await?;
    let name = server_name(authority.host(), None)?;
    let failed = |source| HttpError::Tls { host: authority.host().to_owned(), source };
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(failed)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    *request.uri_mut() =
        uri.path_and_query().map_or("/", |path| path.as_str()).parse().map_err(|_| not_https())?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| not_https())?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, AGENT);
    // The sender goes with the answer; without it the connection ends.
    let answered = async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(HttpError::Answer)?;
        Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
    };
    let (answer, _) = tokio::join!(answered, async {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "Connection to the ACME server ended with an error");
        }
    });
    answer
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, HttpError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let failed = |source| HttpError::Connect { host: host.to_owned(), source };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in tokio::net::lookup_host((bare, port)).await.map_err(failed)? {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed(last))
}

/// `Retry-After` as a moment: seconds from now, or a date. RFC 9110 section 10.2.3.
fn retry_at(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(now.after(Duration::from_secs(seconds)));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_seconds(date.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::NOW;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let moment = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_at(&headers, NOW)
        };
        assert_eq!(moment("120"), Some(NOW.after(Duration::from_secs(120))));
        assert_eq!(moment("Thu, 01 Jan 2026 00:00:10 GMT"), Some(NOW.after(Duration::from_secs(10))));
        assert_eq!(moment("soon"), None);
        assert_eq!(retry_at(&HeaderMap::new(), NOW), None);
    }
}
