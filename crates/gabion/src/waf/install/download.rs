//! One file over HTTPS, as a whole or not at all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gabion_edge::BoxError;
use gabion_edge::tls::upstream::{self, UpstreamTlsError};
use http::header::LOCATION;
use http::{StatusCode, Uri};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::ask;

/// Bytes of an archive. A release of CRS with its tests has about two million.
const BYTES_MAX: usize = 32 << 20;
/// From looking up the name to the last byte, redirections included.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Redirections in a row. GitHub's releases need one.
const REDIRECTS_MAX: usize = 5;
const AGENT: &str = "gabion-install";

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadError {
    /// An address that is not asked.
    #[error("{0:?} is no https:// address")]
    Address(String),
    /// The authorities cannot be read.
    #[error("--ca")]
    Authorities(#[source] UpstreamTlsError),
    /// Everything between here and there.
    #[error("{url}")]
    Server {
        /// What was asked for last.
        url: String,
        /// What happened.
        #[source]
        source: BoxError,
    },
    /// It took too long.
    #[error("{url}: not there after {} seconds", TIMEOUT.as_secs())]
    Timeout {
        /// What was asked for.
        url: String,
    },
}

/// Downloads a file, believing public authorities, or only those of a PEM file.
///
/// # Errors
/// Why there is none; one that is too long or breaks off is none.
pub(super) async fn download(url: &str, ca: Option<&Path>) -> Result<Vec<u8>, DownloadError> {
    let tls = upstream::client_config(ca, &[b"http/1.1"]).map_err(DownloadError::Authorities)?;
    let all = follow(url, &tls);
    tokio::time::timeout(TIMEOUT, all)
        .await
        .unwrap_or_else(|_| Err(DownloadError::Timeout { url: url.to_owned() }))
}

async fn follow(url: &str, tls: &Arc<ClientConfig>) -> Result<Vec<u8>, DownloadError> {
    let mut uri = https(url)?;
    for _ in 0..=REDIRECTS_MAX {
        let failed = |source| DownloadError::Server { url: shown(&uri), source };
        let (head, body) = get(&uri, tls).await.map_err(failed)?;
        if head.status == StatusCode::OK {
            return Ok(body);
        }
        let next = head.headers.get(LOCATION).filter(|_| head.status.is_redirection());
        match next.map(|next| next.to_str()) {
            Some(Ok(next)) => uri = https(next)?,
            _ => return Err(failed(format!("the server answered {}", head.status).into())),
        }
    }
    Err(DownloadError::Server { url: shown(&uri), source: "too many redirections".into() })
}

/// An address with a host and without a password. Redirections to parts of addresses are not followed.
fn https(url: &str) -> Result<Uri, DownloadError> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("https"));
    let plain = |uri: &Uri| uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    uri.filter(plain).ok_or_else(|| DownloadError::Address(gabion_core::limits::cut(url, 200).into_owned()))
}

/// Without the query: storage services put keys there.
fn shown(uri: &Uri) -> String {
    format!("https://{}{}", uri.authority().map_or("", |authority| authority.as_str()), uri.path())
}

async fn get(uri: &Uri, tls: &Arc<ClientConfig>) -> Result<(http::response::Parts, Vec<u8>), BoxError> {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(443);
    let name = upstream::server_name(host, None)?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    ask::get_whole(stream, authority, target, AGENT, BYTES_MAX).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_addresses_are_asked() {
        assert!(https("https://mirror.example/crs.tar.gz?key=1").is_ok());
        for bad in [
            "http://mirror.example/",
            "file:///etc/passwd",
            "/crs.tar.gz",
            "https://me:key@mirror.example/",
            "",
        ] {
            assert!(matches!(https(bad), Err(DownloadError::Address(_))), "{bad}");
        }
        let uri = https("https://mirror.example:8443/crs.tar.gz?key=1").expect("good");
        assert_eq!(shown(&uri), "https://mirror.example:8443/crs.tar.gz");
    }
}
