//! Whether customers are being served, in plain words.

use gabion_edge::status::{BreakerState, EndpointStatus, UpstreamStatus};
use gabion_page::shell::Status;
use serde::Serialize;

use crate::words::plural;

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Everything works.
    Good,
    /// Customers are served, but something needs a look.
    Degraded,
    /// Some customers see a maintenance page, on purpose.
    Maintenance,
    /// Some customers cannot be served.
    Down,
}

/// How things stand, with the sentence that says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) level: Level,
    pub(crate) sentence: String,
}

impl Standing {
    /// Judges the upstreams as they are now.
    pub(crate) fn of(upstreams: &[UpstreamStatus]) -> Self {
        if upstreams.is_empty() {
            let sentence = "No upstream is configured, so no shop is served.".to_owned();
            return Self { level: Level::Down, sentence };
        }
        let mut sentences: Vec<String> = upstreams.iter().filter_map(out_of_service).collect();
        if sentences.is_empty() {
            sentences.push("All customers are being served.".to_owned());
        }
        sentences.extend(upstreams.iter().filter_map(tripped));
        sentences.extend(down(upstreams));
        sentences.extend(ejected(upstreams));
        sentences.extend(drained(upstreams));
        Self { level: level(upstreams), sentence: sentences.join(" ") }
    }
}

/// The state of an endpoint as color and word.
pub(crate) fn endpoint_state(endpoint: &EndpointStatus) -> (Status, &'static str) {
    match endpoint {
        EndpointStatus { drained: true, up: true, .. } => (Status::Drained, "drained"),
        EndpointStatus { drained: true, up: false, .. } => (Status::Drained, "drained, down"),
        EndpointStatus { up: false, .. } => (Status::Down, "down"),
        EndpointStatus { ejected: true, .. } => (Status::Down, "ejected"),
        EndpointStatus { backup: true, .. } => (Status::Ok, "backup"),
        EndpointStatus { .. } => (Status::Ok, "up"),
    }
}

fn level(upstreams: &[UpstreamStatus]) -> Level {
    if upstreams.iter().any(|upstream| !upstream.maintenance && serving(upstream) == 0) {
        Level::Down
    } else if upstreams.iter().any(|upstream| upstream.maintenance) {
        Level::Maintenance
    } else if endpoints(upstreams).any(|endpoint| !endpoint.up || endpoint.ejected)
        || upstreams.iter().any(|upstream| upstream.breaker != BreakerState::Closed)
    {
        Level::Degraded
    } else {
        Level::Good
    }
}

fn out_of_service(upstream: &UpstreamStatus) -> Option<String> {
    let name = &upstream.name;
    if upstream.maintenance {
        return Some(format!("Customers of {name} see the maintenance page."));
    }
    if serving(upstream) > 0 {
        return None;
    }
    if upstream.endpoints.iter().all(|endpoint| endpoint.drained) {
        return Some(format!("Customers cannot reach {name}: all its endpoints are drained."));
    }
    Some(match upstream.endpoints.len() {
        1 => format!("Customers cannot reach {name}: its endpoint does not answer."),
        count => format!("Customers cannot reach {name}: none of its {count} endpoints takes requests."),
    })
}

fn tripped(upstream: &UpstreamStatus) -> Option<String> {
    let open = upstream.breaker != BreakerState::Closed;
    open.then(|| format!("Most requests to {} fail: it is left alone for a few seconds.", upstream.name))
}

fn ejected(upstreams: &[UpstreamStatus]) -> Option<String> {
    match endpoints(upstreams).filter(|endpoint| endpoint.ejected && endpoint.up).count() {
        0 => None,
        count => Some(format!("{} ejected.", plural(count, "endpoint is", "endpoints are"))),
    }
}

fn down(upstreams: &[UpstreamStatus]) -> Option<String> {
    let all = endpoints(upstreams).count();
    match endpoints(upstreams).filter(|endpoint| !endpoint.up).count() {
        0 => None,
        count if count == all => None, // said already
        1 => Some(format!("1 of {all} endpoints is down.")),
        count => Some(format!("{count} of {all} endpoints are down.")),
    }
}

fn drained(upstreams: &[UpstreamStatus]) -> Option<String> {
    match endpoints(upstreams).filter(|endpoint| endpoint.drained).count() {
        0 => None,
        count => Some(format!("{} drained.", plural(count, "endpoint is", "endpoints are"))),
    }
}

fn serving(upstream: &UpstreamStatus) -> usize {
    upstream.endpoints.iter().filter(|endpoint| endpoint.up && !endpoint.drained).count()
}

fn endpoints(upstreams: &[UpstreamStatus]) -> impl Iterator<Item = &EndpointStatus> {
    upstreams.iter().flat_map(|upstream| &upstream.endpoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `u` up, `d` down, `U` drained and up, `e` ejected.
    fn upstream(endpoints: &str, maintenance: bool) -> UpstreamStatus {
        let endpoint = |state: char| EndpointStatus {
            url: "http://127.0.0.1:1".to_owned(),
            up: state != 'd',
            drained: state == 'U',
            ejected: state == 'e',
            ..EndpointStatus::default()
        };
        UpstreamStatus {
            name: "shop".to_owned(),
            maintenance,
            endpoints: endpoints.chars().map(endpoint).collect(),
            ..UpstreamStatus::default()
        }
    }

    #[track_caller]
    fn check(upstreams: &[UpstreamStatus], level: Level, sentence: &str) {
        assert_eq!(Standing::of(upstreams), Standing { level, sentence: sentence.to_owned() });
    }

    #[test]
    fn the_sentence_says_who_is_served() {
        check(&[upstream("uu", false)], Level::Good, "All customers are being served.");
        check(
            &[upstream("ud", false)],
            Level::Degraded,
            "All customers are being served. 1 of 2 endpoints is down.",
        );
        check(
            &[upstream("uU", false)],
            Level::Good,
            "All customers are being served. 1 endpoint is drained.",
        );
        check(
            &[upstream("d", false)],
            Level::Down,
            "Customers cannot reach shop: its endpoint does not answer.",
        );
        check(
            &[upstream("UU", false)],
            Level::Down,
            "Customers cannot reach shop: all its endpoints are drained. 2 endpoints are drained.",
        );
        check(&[upstream("u", true)], Level::Maintenance, "Customers of shop see the maintenance page.");
        check(&[], Level::Down, "No upstream is configured, so no shop is served.");
    }

    #[test]
    fn an_upstream_that_is_down_is_named_beside_one_that_serves() {
        let blog = UpstreamStatus { name: "blog".to_owned(), ..upstream("dd", false) };
        check(
            &[upstream("u", false), blog],
            Level::Down,
            "Customers cannot reach blog: none of its 2 endpoints takes requests. 2 of 3 endpoints are down.",
        );
    }
}
