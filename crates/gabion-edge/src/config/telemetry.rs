//! `[telemetry]`: traces and metrics for a collector.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Invalid;
use crate::origin::EndpointUrl;

/// `[telemetry]`: where spans and metrics are sent. Nowhere without `otlp`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySection {
    /// Base address of an OTLP/HTTP receiver, such as `http://127.0.0.1:4318`; nothing is sent when absent.
    pub otlp: Option<Spanned<String>>,
    /// Share of new traces that are recorded. Traces of believed proxies say themselves whether they are.
    pub sample_percent: u8,
    /// Seconds between two exports of all metrics; 0 sends none.
    pub metrics_seconds: u64,
    /// PEM file of the only authorities believed for an `https://` receiver; the public ones when absent.
    pub ca: Option<PathBuf>,
    /// File with a header on each line that the receiver wants to see, such as `authorization: Bearer ...`.
    pub headers: Option<PathBuf>,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self { otlp: None, sample_percent: 10, metrics_seconds: 60, ca: None, headers: None }
    }
}

/// A checked receiver.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Where it listens.
    pub url: EndpointUrl,
    /// What its paths begin with; without a slash at the end.
    pub path: String,
    /// Share of new traces that are recorded, 0 to 100.
    pub sample_percent: u8,
    /// Time between two exports of metrics; none are sent when absent.
    pub metrics_period: Option<Duration>,
    /// PEM file of the only authorities believed.
    pub ca: Option<PathBuf>,
    /// File of headers.
    pub headers: Option<PathBuf>,
}

impl TelemetrySection {
    pub(super) fn check(&self) -> Result<Option<TelemetryConfig>, Invalid> {
        let Some(otlp) = &self.otlp else { return Ok(None) };
        let wrong = || Invalid::at(otlp, "write http:// or https://, a host and an optional port and path");
        let uri: http::Uri = otlp.get_ref().parse().map_err(|_| wrong())?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
        if uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Some(TelemetryConfig {
            url: format!("{scheme}://{authority}").parse().map_err(|_| wrong())?,
            path: uri.path().trim_end_matches('/').to_owned(),
            sample_percent: self.sample_percent.min(100),
            metrics_period: (self.metrics_seconds > 0).then(|| Duration::from_secs(self.metrics_seconds)),
            ca: self.ca.clone(),
            headers: self.headers.clone(),
        }))
    }
}
