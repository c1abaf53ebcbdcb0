//! Draining, maintenance and other changes, as pages and API ask for them.

use gabion_edge::status::UpstreamStatus;
use gabion_web::Principal;

use crate::Console;
use crate::control::{Author, ChangeError, Version, Wanted};
use crate::toml_value;

/// Bytes of the longest reason. Above it a change is refused.
pub(crate) const REASON_BYTES_MAX: usize = 500;

/// What somebody wants an upstream to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Show the maintenance page, or stop showing it.
    Maintenance(bool),
    /// Give an endpoint no new requests, or give it some again.
    Drain(String, bool),
}

/// Who acts, as changes are signed.
pub(crate) fn author(principal: &Principal) -> Author {
    let name = match principal {
        Principal::Staff(staff) => staff.name.clone(),
        Principal::ApiKey(key) => format!("API key {}", key.name),
    };
    Author { actor: principal.actor(), name }
}

/// A reason as it is kept.
///
/// # Errors
/// The sentence for whoever wrote it.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why, in a few words; it goes into the history".to_owned()),
        long if long.len() > REASON_BYTES_MAX => {
            Err(format!("the reason has {} bytes; at most {REASON_BYTES_MAX} are kept", long.len()))
        }
        text => Ok(text.to_owned()),
    }
}

/// The upstream of this name as it is now.
pub(crate) fn upstream(console: &Console, name: &str) -> Option<UpstreamStatus> {
    console.0.edge.upstreams().into_iter().find(|upstream| upstream.name == name)
}

/// Puts an act in force. `upstream` is as its caller saw it, `base` the version of settings at that time.
pub(crate) async fn steer(
    console: &Console,
    by: Author,
    upstream: &UpstreamStatus,
    base: i64,
    act: &Act,
    reason: String,
) -> Result<Version, ChangeError> {
    let value = match act {
        Act::Maintenance(on) => (format!("upstream.{}.maintenance", upstream.name), Some(on.to_string())),
        Act::Drain(url, drained) => {
            let list = drained_then(upstream, url, *drained);
            (format!("upstream.{}.drained", upstream.name), Some(toml_value::list(&list)))
        }
    };
    console.0.control.change(by, Wanted { base, values: vec![value], reason }).await
}

/// The drained endpoints after one more, or one less.
fn drained_then(upstream: &UpstreamStatus, url: &str, drained: bool) -> Vec<String> {
    let wanted = |endpoint: &&gabion_edge::status::EndpointStatus| {
        if endpoint.url == url { drained } else { endpoint.drained }
    };
    upstream.endpoints.iter().filter(wanted).map(|endpoint| endpoint.url.clone()).collect()
}

#[cfg(test)]
mod tests {
    use gabion_edge::status::EndpointStatus;

    use super::*;

    #[test]
    fn reasons_are_trimmed_and_bounded() {
        assert_eq!(reason("  new disk "), Ok("new disk".to_owned()));
        assert!(reason(" ").is_err());
        assert!(reason(&"x".repeat(501)).is_err_and(|error| error.contains("501")));
    }

    #[test]
    fn draining_leaves_the_other_endpoints_as_they_are() {
        let endpoint = |url: &str, drained| EndpointStatus {
            url: url.to_owned(),
            up: true,
            drained,
            ..EndpointStatus::default()
        };
        let upstream = UpstreamStatus {
            name: "shop".to_owned(),
            endpoints: vec![endpoint("http://a", true), endpoint("http://b", false)],
            ..UpstreamStatus::default()
        };
        assert_eq!(drained_then(&upstream, "http://b", true), ["http://a", "http://b"]);
        assert_eq!(drained_then(&upstream, "http://a", false), Vec::<String>::new());
    }
}
