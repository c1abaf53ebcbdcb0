//! Active health checks and look-ups of names: one task per endpoint, from the start of the configuration until the
//! next one.

use std::sync::Arc;
use std::time::Duration;

use gabion_core::Actor;
use http::Request;
use http::header::{HOST, USER_AGENT};
use tokio_util::sync::CancellationToken;

use crate::Body;
use crate::config::UpstreamConfig;
use crate::event::{ENDPOINT_DOWN, ENDPOINT_UP, Recorder};
use crate::upstream::Upstream;
use crate::upstream::endpoint::{Endpoint, How};
use crate::upstream::resolve;

/// Starts the checks of an upstream's endpoints; they end with `stop`.
pub(crate) fn watch(upstream: &Arc<Upstream>, recorder: &Recorder, stop: &CancellationToken) {
    for endpoint in &upstream.endpoints {
        let (endpoint, upstream) = (Arc::clone(endpoint), Arc::clone(upstream));
        let (recorder, stop) = (recorder.clone(), stop.clone());
        tokio::spawn(async move {
            let config = &upstream.config;
            let both = async {
                tokio::join!(
                    check_forever(&endpoint, &upstream, &recorder),
                    resolve::follow(&endpoint, &config.name, config.resolve, &recorder),
                )
            };
            stop.run_until_cancelled(both).await;
        });
    }
}

async fn check_forever(endpoint: &Endpoint, upstream: &Upstream, recorder: &Recorder) {
    let config = &upstream.config;
    let health = &config.health;
    loop {
        let result = check(endpoint, upstream).await;
        if let Some(up) = endpoint.checked(result.is_ok(), health)
            && endpoint.set_up(up)
        {
            announce(endpoint, config, recorder, result.err());
        }
        endpoint.prune(config.idle_timeout);
        tokio::time::sleep(Duration::from_secs(health.interval_seconds.max(1))).await;
    }
}

/// Results in a row.
#[derive(Default)]
pub(crate) struct Streak {
    good: bool,
    length: u32,
}

impl Streak {
    /// Adds a result; says what the endpoint is once enough in a row agree.
    pub(crate) const fn add(&mut self, good: bool, failures: u32, successes: u32) -> Option<bool> {
        self.length = if self.good == good { self.length.saturating_add(1) } else { 1 };
        self.good = good;
        let needed = if good { successes } else { failures };
        if self.length >= needed { Some(good) } else { None }
    }
}

fn announce(endpoint: &Endpoint, config: &UpstreamConfig, recorder: &Recorder, error: Option<String>) {
    let (name, url) = (&config.name, endpoint.url.to_string());
    let kind = if error.is_some() { &ENDPOINT_DOWN } else { &ENDPOINT_UP };
    match &error {
        Some(error) => tracing::warn!(upstream = %name, endpoint = %url, %error, "Endpoint {url} is down"),
        None => tracing::info!(upstream = %name, endpoint = %url, "Endpoint {url} is up"),
    }
    recorder.record(kind, Actor::System, |event| {
        let event = event.entity("upstream", name).entity("endpoint", &url);
        match &error {
            Some(error) => event.field("error", error.as_str()),
            None => event,
        }
    });
    if let Some(error) = error {
        endpoint.failed(error);
    }
}

/// One check: an open port, or a status below 400 from the health path.
async fn check(endpoint: &Endpoint, upstream: &Upstream) -> Result<(), String> {
    let config = &upstream.config;
    let timeout = Duration::from_millis(config.health.timeout_ms.max(1));
    let probe = async {
        let how = How { fresh: true, upgrade: false };
        let connection = endpoint.connection(how, config.idle_timeout, timeout).await;
        let connection = connection.map_err(|error| error.to_string())?;
        let Some(path) = &config.health.path else { return Ok(()) };
        let host = config.host.as_ref().and_then(|host| host.to_str().ok()).map(str::to_owned);
        let mut request = Request::get(path.as_str())
            .header(HOST, host.unwrap_or_else(|| endpoint.url.authority()))
            .header(USER_AGENT, "gabion-health")
            .body(Body::empty())
            .map_err(|error| error.to_string())?;
        if let Some(secret) = &upstream.secret {
            secret.put(request.headers_mut());
        }
        connection.fit(&mut request, endpoint.url.https());
        let answer = connection.send(request.into()).await;
        let (response, _) = answer.map_err(|unanswered| unanswered.error.to_string())?;
        let status = response.status();
        if status.as_u16() < 400 { Ok(()) } else { Err(format!("{path} answered {status}")) }
    };
    tokio::time::timeout(timeout, probe)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {}ms", timeout.as_millis())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enough_equal_results_in_a_row_change_the_health() {
        let mut streak = Streak::default();
        let results = [true, false, true, false, false, true].map(|good| streak.add(good, 2, 1));
        assert_eq!(results, [Some(true), None, Some(true), None, Some(false), Some(true)]);
    }
}
