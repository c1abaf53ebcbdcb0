//! The task that sends spans and metrics to the collector.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_rustls::TlsConnector;

use super::encode;
use crate::access_log::Line;
use crate::config::TelemetryConfig;
use crate::metrics::Metrics;
use crate::metrics::prometheus::Exposition;
use crate::tls::upstream::{UpstreamTlsError, client_config, server_name};
use crate::{Body, BoxError, Edge};

/// Pause between two exports of spans.
const PERIOD: Duration = Duration::from_secs(1);
/// Spans in one export.
const BATCH_MAX: usize = 512;
/// Time for one export, connecting included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// The first and the longest pause after a failed export.
const BACK_OFF: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// Bytes of a file of headers.
const HEADER_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The file of headers cannot be read.
    #[error("{}: {source}", path.display())]
    HeaderFile {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line of it is no header. The line is not shown: it may be a secret.
    #[error("{}:{line}: write a name, a colon and a value", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// TLS cannot be configured.
    #[error(transparent)]
    Tls(#[from] UpstreamTlsError),
}

/// Where exports go.
pub(super) struct Collector {
    config: TelemetryConfig,
    headers: HeaderMap,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// How an export failed.
enum Failed {
    /// It may work later.
    Later(BoxError),
    /// The collector will never take it.
    Never(StatusCode),
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Collector {
    pub(super) fn new(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let headers = config.headers.as_deref().map(read_headers).transpose()?.unwrap_or_default();
        let tls = if config.url.https() {
            let client = client_config(config.ca.as_deref(), &[b"http/1.1"])?;
            Some((TlsConnector::from(client), server_name(config.url.host(), None)?))
        } else {
            None
        };
        Ok(Self { config: config.clone(), headers, tls })
    }

    async fn post(&self, signal: &str, body: String) -> Result<(), Failed> {
        let answered = tokio::time::timeout(EXPORT_TIMEOUT, self.send(signal, body)).await;
        let status = answered.map_err(|late| Failed::Later(late.into()))?.map_err(Failed::Later)?;
        match status.as_u16() {
            200..=299 => Ok(()),
            // OTLP/HTTP, "Retryable Response Codes".
            429 | 502..=504 => Err(Failed::Later(format!("the collector answered {status}").into())),
            _ => Err(Failed::Never(status)),
        }
    }

    /// One connection for one export: there is at most one a second.
    async fn send(&self, signal: &str, body: String) -> Result<StatusCode, BoxError> {
        let url = &self.config.url;
        let stream = TcpStream::connect((url.host(), url.port())).await?;
        let io: Box<dyn Io> = match &self.tls {
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        let mut request =
            Request::post(format!("{}/v1/{signal}", self.config.path)).body(Body::from(body))?;
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().insert(HOST, url.authority().try_into()?);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = async {
            let status = sender.send_request(request).await?.status();
            // Ends the connection: nobody reads the rest.
            drop(sender);
            Ok::<_, hyper::Error>(status)
        };
        tokio::pin!(connection);
        tokio::select! {
            status = answer => Ok(status?),
            ended = &mut connection => Err(ended.err().map_or("the collector closed the connection".into(), Into::into)),
        }
    }
}

/// Reads a file with a header on each line, such as `authorization: Bearer ...`. Values are never shown.
fn read_headers(path: &Path) -> Result<HeaderMap, TelemetryError> {
    let unreadable = |source| TelemetryError::HeaderFile { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > HEADER_FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other(format!("more than {HEADER_FILE_BYTES_MAX} bytes"))));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let header = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse::<HeaderName>().ok()?, value))
        });
        let (name, value) =
            header.ok_or_else(|| TelemetryError::Header { path: path.to_owned(), line: index + 1 })?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Sends what waits. Owned by its task.
pub(super) struct Exporter {
    collector: Collector,
    waiting: Receiver<Line>,
    metrics_period: Option<Duration>,
    metrics: Arc<Metrics>,
    failing: bool,
}

impl Exporter {
    pub(super) fn new(
        collector: Collector,
        waiting: Receiver<Line>,
        metrics_period: Option<Duration>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        Self { collector, waiting, metrics_period, metrics: Arc::clone(metrics), failing: false }
    }

    /// Exports until the edge stops, or nobody can offer spans any more and all are sent.
    pub(super) async fn run(mut self, edge: Edge) {
        let stop = edge.stop().clone();
        stop.run_until_cancelled(self.export_forever(&edge)).await;
    }

    async fn export_forever(&mut self, edge: &Edge) {
        let started = edge.now();
        let mut metrics_due = self.metrics_period.map(|period| Instant::now() + period);
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if self.export_spans().await {
                return;
            }
            if let Some((due, period)) = metrics_due.as_mut().zip(self.metrics_period)
                && *due <= Instant::now()
            {
                *due = Instant::now() + period;
                let mut page = Exposition::default();
                edge.expose(&mut page);
                let body = encode::metrics(&page, started, edge.now()).to_string();
                // Those of the next period say it all again: they are not sent twice.
                if let Err(failed) = self.collector.post("metrics", body).await {
                    self.failed(&failed);
                }
            }
        }
    }

    /// Sends every span that waits. Says whether nobody can offer any more.
    async fn export_spans(&mut self) -> bool {
        loop {
            let mut batch = Vec::new();
            let end = loop {
                match self.waiting.try_recv() {
                    Ok(line) if batch.len() + 1 < BATCH_MAX => batch.push(line),
                    Ok(line) => {
                        batch.push(line);
                        break None;
                    }
                    Err(end) => break Some(end),
                }
            };
            if !batch.is_empty() {
                self.send_batch(&batch).await;
            }
            if let Some(end) = end {
                return end == TryRecvError::Disconnected;
            }
        }
    }

    /// Sends one batch, as often as it takes; more spans wait in the queue meanwhile, or are dropped.
    async fn send_batch(&mut self, batch: &[Line]) {
        let body = encode::traces(batch).to_string();
        let mut pause = BACK_OFF;
        loop {
            match self.collector.post("traces", body.clone()).await {
                Ok(()) => {
                    self.metrics.spans_exported.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    if std::mem::take(&mut self.failing) {
                        tracing::info!("Telemetry is taken again");
                    }
                    return;
                }
                Err(failed) => {
                    self.failed(&failed);
                    if let Failed::Never(_) = failed {
                        self.metrics.spans_dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACK_OFF_MAX);
        }
    }

    fn failed(&mut self, failed: &Failed) {
        self.metrics.exports_failed.fetch_add(1, Ordering::Relaxed);
        if std::mem::replace(&mut self.failing, true) {
            return;
        }
        let url = &self.collector.config.url;
        match failed {
            Failed::Later(error) => {
                tracing::warn!(%error, "Collector {url} does not take telemetry: {error}")
            }
            Failed::Never(status) => {
                tracing::warn!(%status, "Collector {url} refuses telemetry with {status}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_files_are_read_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("headers");
        std::fs::write(&path, "authorization: Bearer hush\n\nx-scope: a\n").expect("a file");
        let headers = read_headers(&path).expect("two headers");
        assert_eq!((headers.len(), &headers["x-scope"]), (2, &HeaderValue::from_static("a")));
        assert!(!format!("{headers:?}").contains("hush"));
        std::fs::write(&path, "x: 1\nhush\n").expect("a file");
        let error = read_headers(&path).expect_err("no header").to_string();
        assert!(error.ends_with("headers:2: write a name, a colon and a value"), "{error}");
    }
}
