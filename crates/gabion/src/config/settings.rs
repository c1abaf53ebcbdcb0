//! The settings that the console may change: everything that can be undone without a shell.
//!
//! Listeners, certificates and storage stay in the file: a mistake there could lock everybody out.

use gabion_console::control::{Setting, SettingKind};
use gabion_edge::config::{
    AccessLogSection, Balance, EjectOn, LimitsSection, LogFormat, SiteSection, UploadMode, UploadSection,
    UpstreamSection, WafMode, WafSection, WhenDown,
};
use gabion_edge::header_policy::ReferrerPolicy;
use toml::Value;

use super::Config;
use super::overlay::Overlay;

/// A setting of a section of type `S`.
struct Spec<S> {
    key: &'static str,
    title: &'static str,
    help: &'static str,
    kind: fn(&S) -> SettingKind,
    value: fn(&S) -> Value,
}

const fn range(min: i64, max: i64) -> SettingKind {
    SettingKind::Integer { min, max }
}

fn int(value: impl TryInto<i64>) -> Value {
    Value::Integer(value.try_into().unwrap_or(i64::MAX))
}

const UPSTREAM: &[Spec<UpstreamSection>] = &[
    Spec {
        key: "maintenance",
        title: "Maintenance mode",
        help: "Customers see a calm \"back soon\" page; the shop gets no requests.",
        kind: |_| SettingKind::Switch,
        value: |s| s.maintenance.into(),
    },
    Spec {
        key: "drained",
        title: "Drained endpoints",
        help: "These get no new requests; running ones finish.",
        kind: |s| SettingKind::Choices {
            values: s.endpoints.iter().map(|url| url.get_ref().clone()).collect(),
        },
        value: |s| Value::Array(s.drained.iter().map(|url| url.get_ref().clone().into()).collect()),
    },
    Spec {
        key: "balance",
        title: "Balancing",
        help: "least-load asks the faster and less busy of two endpoints; round-robin takes turns; hash keeps customers.",
        kind: |_| SettingKind::Choice { values: Balance::ALL.map(|b| b.as_str().to_owned()).to_vec() },
        value: |s| s.balance.as_str().into(),
    },
    Spec {
        key: "sticky",
        title: "Sticky sessions",
        help: "A cookie of Gabion's own keeps a customer at one endpoint as long as that can answer.",
        kind: |_| SettingKind::Switch,
        value: |s| s.sticky.into(),
    },
    Spec {
        key: "requests_max",
        title: "Requests in flight",
        help: "Requests the shop answers at a time; more wait in the queue.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(*s.requests_max.get_ref()),
    },
    Spec {
        key: "queue_max",
        title: "Queue length",
        help: "Requests that may wait for a place; one more is answered 503.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.queue_max),
    },
    Spec {
        key: "queue_timeout_ms",
        title: "Queue time",
        help: "Milliseconds a request waits for a place before it is answered 503.",
        kind: |_| range(1, 600_000),
        value: |s| int(s.queue_timeout_ms),
    },
    Spec {
        key: "connect_timeout_ms",
        title: "Connect time",
        help: "Milliseconds to open a connection before the next endpoint is tried.",
        kind: |_| range(1, 600_000),
        value: |s| int(s.connect_timeout_ms),
    },
    Spec {
        key: "response_timeout_seconds",
        title: "Response time",
        help: "Seconds without progress before the shop is given up with 504.",
        kind: |_| range(1, 86_400),
        value: |s| int(s.response_timeout_seconds),
    },
    Spec {
        key: "read_timeout_seconds",
        title: "Read time",
        help: "Seconds without a byte inside a response before it is cut; event streams may be silent.",
        kind: |_| range(1, 86_400),
        value: |s| int(s.read_timeout_seconds),
    },
    Spec {
        key: "idle_seconds",
        title: "Idle connections",
        help: "Seconds an unused connection to the shop is kept; keep it below the shop's own keep-alive time.",
        kind: |_| range(0, 3_600),
        value: |s| int(s.idle_seconds),
    },
    Spec {
        key: "health.interval_seconds",
        title: "Health check interval",
        help: "Seconds between two checks of one endpoint.",
        kind: |_| range(1, 3_600),
        value: |s| int(s.health.interval_seconds),
    },
    Spec {
        key: "health.failures",
        title: "Failed checks",
        help: "Failed checks in a row until an endpoint counts as down.",
        kind: |_| range(1, 100),
        value: |s| int(s.health.failures),
    },
    Spec {
        key: "slow_start_seconds",
        title: "Slow start",
        help: "Seconds in which an endpoint that came back gets from a tenth of its requests to all of them.",
        kind: |_| range(0, 3_600),
        value: |s| int(s.slow_start_seconds),
    },
    Spec {
        key: "eject.on",
        title: "What is a failure",
        help: "connect: no connection or no answer; 5xx: answers with a status from 500 as well.",
        kind: |_| SettingKind::Choice { values: EjectOn::ALL.map(|on| on.as_str().to_owned()).to_vec() },
        value: |s| s.eject.on.as_str().into(),
    },
    Spec {
        key: "eject.failures",
        title: "Failed requests",
        help: "Failures in a row until an endpoint gets no requests for a while; 0 does not count them.",
        kind: |_| range(0, 1_000),
        value: |s| int(s.eject.failures),
    },
    Spec {
        key: "eject.percent",
        title: "Share of failed requests",
        help: "Percent of failures until an endpoint gets no requests for a while; 0 does not count them.",
        kind: |_| range(0, 100),
        value: |s| int(s.eject.percent),
    },
    Spec {
        key: "breaker.percent",
        title: "Circuit breaker",
        help: "Percent of failures until the shop is left alone for a few seconds; 0 never does.",
        kind: |_| range(0, 100),
        value: |s| int(s.breaker.percent),
    },
    Spec {
        key: "breaker.open_seconds",
        title: "Circuit breaker: pause",
        help: "Seconds the shop is left alone before one request tries again.",
        kind: |_| range(1, 600),
        value: |s| int(s.breaker.open_seconds),
    },
    Spec {
        key: "retry.percent",
        title: "Retries",
        help: "Percent of the requests that may be sent again.",
        kind: |_| range(0, 100),
        value: |s| int(s.retry.percent),
    },
];

const SITE: &[Spec<SiteSection>] = &[
    Spec {
        key: "server_timing",
        title: "Tell timings",
        help: "Answers say in Server-Timing how long Gabion and the shop took. Everybody can read it.",
        kind: |_| SettingKind::Switch,
        value: |s| s.server_timing.into(),
    },
    Spec {
        key: "headers.hsts_seconds",
        title: "HSTS",
        help: "Seconds browsers insist on HTTPS. They remember it: raise it step by step; 0 sends none.",
        kind: |_| range(0, 63_072_000),
        value: |s| int(s.headers.hsts_seconds),
    },
    Spec {
        key: "headers.nosniff",
        title: "No content sniffing",
        help: "Browsers take the shop's content types at their word.",
        kind: |_| SettingKind::Switch,
        value: |s| s.headers.nosniff.into(),
    },
    Spec {
        key: "headers.frame_sameorigin",
        title: "No foreign frames",
        help: "Other sites cannot show the shop in a frame, unless the shop's own policy says so.",
        kind: |_| SettingKind::Switch,
        value: |s| s.headers.frame_sameorigin.into(),
    },
    Spec {
        key: "headers.referrer_policy",
        title: "Referrer",
        help: "What other sites learn of the page a customer came from, where the shop says nothing.",
        kind: |_| SettingKind::Choice { values: ReferrerPolicy::ALL.map(|p| p.as_str().to_owned()).to_vec() },
        value: |s| s.headers.referrer_policy.as_str().into(),
    },
    Spec {
        key: "headers.hide_software",
        title: "Hide software names",
        help: "Removes Server and X-Powered-By, which tell attackers what runs.",
        kind: |_| SettingKind::Switch,
        value: |s| s.headers.hide_software.into(),
    },
];

const LIMITS: &[Spec<LimitsSection>] = &[
    Spec {
        key: "connections_max",
        title: "Connections",
        help: "Open connections of everybody together; one more is closed at once.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(s.connections_max),
    },
    Spec {
        key: "connections_per_address_max",
        title: "Connections of one address",
        help: "Open connections of one IPv4 address or IPv6 /64; one more is closed at once.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(s.connections_per_address_max),
    },
    Spec {
        key: "handshakes_max",
        title: "Handshakes",
        help: "TLS handshakes at a time; one more connection is closed at once.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(s.handshakes_max),
    },
    Spec {
        key: "handshake_timeout_seconds",
        title: "Handshake time",
        help: "Seconds for a PROXY header and the TLS handshake.",
        kind: |_| range(1, 300),
        value: |s| int(s.handshake_timeout_seconds),
    },
    Spec {
        key: "head_timeout_seconds",
        title: "Request head time",
        help: "Seconds a client may take to send a request head.",
        kind: |_| range(1, 300),
        value: |s| int(s.head_timeout_seconds),
    },
    Spec {
        key: "keepalive_idle_seconds",
        title: "Idle connections",
        help: "Seconds a connection may stay open without a request.",
        kind: |_| range(1, 86_400),
        value: |s| int(s.keepalive_idle_seconds),
    },
    Spec {
        key: "body_idle_seconds",
        title: "Request body silence",
        help: "Seconds a client may stay silent inside a request body.",
        kind: |_| range(1, 3_600),
        value: |s| int(s.body_idle_seconds),
    },
    Spec {
        key: "visitor_requests_per_second",
        title: "Requests of one address",
        help: "Requests a second that one address may send in the long run; 0 turns this limit off.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.visitor_requests_per_second),
    },
    Spec {
        key: "visitor_burst",
        title: "Requests of one address at once",
        help: "Requests that one address may send at once before the rate counts.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(s.visitor_burst),
    },
    Spec {
        key: "overload_lag_ms",
        title: "Overload",
        help: "Milliseconds every task may wait before requests are refused, the cheapest first; 0 never refuses.",
        kind: |_| range(0, 60_000),
        value: |s| int(s.overload_lag_ms),
    },
    Spec {
        key: "body_rate_min",
        title: "Request body rate",
        help: "Bytes a second that a request body has to bring while we wait for it; 0 asks for nothing.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.body_rate_min),
    },
    Spec {
        key: "body_rate_grace_seconds",
        title: "Request body grace",
        help: "Seconds a request body may be slower than that.",
        kind: |_| range(1, 3_600),
        value: |s| int(s.body_rate_grace_seconds),
    },
    Spec {
        key: "write_timeout_seconds",
        title: "Response silence",
        help: "Seconds a client may take nothing of a response.",
        kind: |_| range(1, 3_600),
        value: |s| int(s.write_timeout_seconds),
    },
    Spec {
        key: "http2.resets_before_response_max",
        title: "HTTP/2 requests taken back",
        help: "Requests taken back unanswered, less the answered ones, until the connection is closed.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.resets_before_response_max),
    },
    Spec {
        key: "http2.resets_max",
        title: "HTTP/2 resets",
        help: "Streams a client may reset in a second.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.resets_max),
    },
    Spec {
        key: "http2.emitted_resets_max",
        title: "HTTP/2 resets forced on us",
        help: "Streams of one connection that we may have to reset because of what the client sent.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.emitted_resets_max),
    },
    Spec {
        key: "http2.continuations_max",
        title: "HTTP/2 CONTINUATION",
        help: "CONTINUATION frames of one head.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.continuations_max),
    },
    Spec {
        key: "http2.head_bytes_max",
        title: "HTTP/2 head size",
        help: "Bytes of one head as sent.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.head_bytes_max),
    },
    Spec {
        key: "http2.pings_max",
        title: "HTTP/2 PING",
        help: "PING frames in a second.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.pings_max),
    },
    Spec {
        key: "http2.settings_max",
        title: "HTTP/2 SETTINGS",
        help: "SETTINGS frames in a second.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.settings_max),
    },
    Spec {
        key: "http2.empty_data_max",
        title: "HTTP/2 empty DATA",
        help: "DATA frames that bring nothing, in a second.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.empty_data_max),
    },
    Spec {
        key: "http2.window_updates_max",
        title: "HTTP/2 WINDOW_UPDATE",
        help: "WINDOW_UPDATE frames in a second beyond those our data explains.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.window_updates_max),
    },
    Spec {
        key: "http2.priorities_max",
        title: "HTTP/2 PRIORITY",
        help: "PRIORITY and unknown frames in a second.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.priorities_max),
    },
    Spec {
        key: "http2.glitches_max",
        title: "HTTP/2 oddities",
        help: "All oddities of a second together.",
        kind: |_| range(0, 1_000_000),
        value: |s| int(s.http2.glitches_max),
    },
    Spec {
        key: "http2.refusals_max",
        title: "HTTP/2 refusals",
        help: "Requests of one address, in a row, that were refused for a limit.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(s.http2.refusals_max),
    },
    Spec {
        key: "http2.streams_per_address_max",
        title: "HTTP/2 requests of an address",
        help: "Requests at a time of all connections of an address; each new one may have half of what is left, 6 to 100.",
        kind: |_| range(1, 1_000_000),
        value: |s| int(s.http2.streams_per_address_max),
    },
];

const ACCESS_LOG: &[Spec<AccessLogSection>] = &[
    Spec {
        key: "format",
        title: "Format",
        help: "json has everything; common and combined are what older tools read.",
        kind: |_| SettingKind::Choice { values: vec!["json".into(), "common".into(), "combined".into()] },
        value: |s| match s.format {
            LogFormat::Json => "json".into(),
            LogFormat::Common => "common".into(),
            LogFormat::Combined => "combined".into(),
        },
    },
    Spec {
        key: "sample_percent",
        title: "Share of requests",
        help: "Percent of requests without an error that get a line; errors always do.",
        kind: |_| range(0, 100),
        value: |s| int(s.sample_percent),
    },
];

const WAF: &[Spec<WafSection>] = &[
    Spec {
        key: "mode",
        title: "Mode",
        help: "block stops attacks; learn stops the near-certain and reports the rest; detect only reports. Routes may say otherwise.",
        kind: |_| SettingKind::Choice { values: WafMode::ALL.map(|mode| mode.as_str().to_owned()).to_vec() },
        value: |s| s.mode.as_str().into(),
    },
    Spec {
        key: "paranoia_level",
        title: "Paranoia level",
        help: "How strict the rules are: 1 lets customers pass; above, expect false alarms that need exclusions.",
        kind: |_| range(1, 4),
        value: |s| int(*s.paranoia_level.get_ref()),
    },
    Spec {
        key: "inbound_threshold",
        title: "Score of a request",
        help: "Score from which a request is stopped; one certain sign of an attack is 5.",
        kind: |_| range(1, 1_000),
        value: |s| int(*s.inbound_threshold.get_ref()),
    },
    Spec {
        key: "outbound_threshold",
        title: "Score of an answer",
        help: "Score from which an answer is stopped, where answers are inspected.",
        kind: |_| range(1, 1_000),
        value: |s| int(*s.outbound_threshold.get_ref()),
    },
];

const UPLOAD: &[Spec<UploadSection>] = &[
    Spec {
        key: "mode",
        title: "Mode",
        help: "block stops every refused file; certain stops what nobody sends on purpose; detect only reports. Routes may say otherwise.",
        kind: |_| SettingKind::Choice {
            values: UploadMode::ALL.map(|mode| mode.as_str().to_owned()).to_vec(),
        },
        value: |s| s.mode.as_str().into(),
    },
    Spec {
        key: "when_down",
        title: "Without ClamAV",
        help: "What happens to files while ClamAV does not answer.",
        kind: |_| SettingKind::Choice { values: vec!["refuse".into(), "pass".into()] },
        value: |s| match s.when_down {
            WhenDown::Refuse => "refuse".into(),
            WhenDown::Pass => "pass".into(),
        },
    },
];

/// All settings, in the order they are shown, with the values of the file and those in force.
pub(crate) fn all(file: &Config, in_force: &Config, overlay: &Overlay) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (file, now) in file.sections.upstream.iter().zip(&in_force.sections.upstream) {
        let name = file.name.get_ref();
        push(
            &mut settings,
            UPSTREAM,
            &format!("upstream.{name}"),
            &format!("Upstream {name}"),
            (file, now),
            overlay,
        );
    }
    for (file, now) in file.sections.site.iter().zip(&in_force.sections.site) {
        let name = file.name.get_ref();
        let id = file.id.clone().or_else(|| gabion_core::SiteId::from_name(name).ok());
        if let Some(id) = id {
            push(&mut settings, SITE, &format!("site.{id}"), &format!("Site {name}"), (file, now), overlay);
        }
    }
    let limits = (&file.sections.limits, &in_force.sections.limits);
    push(&mut settings, LIMITS, "limits", "Limits", limits, overlay);
    let waf = (&file.sections.waf, &in_force.sections.waf);
    push(&mut settings, WAF, "waf", "WAF", waf, overlay);
    let upload = (&file.sections.upload, &in_force.sections.upload);
    push(&mut settings, UPLOAD, "upload", "Uploads", upload, overlay);
    let access_log = (&file.sections.access_log, &in_force.sections.access_log);
    push(&mut settings, ACCESS_LOG, "access_log", "Access log", access_log, overlay);
    settings
}

fn push<S>(
    settings: &mut Vec<Setting>,
    specs: &[Spec<S>],
    prefix: &str,
    group: &str,
    (file, now): (&S, &S),
    overlay: &Overlay,
) {
    settings.extend(specs.iter().map(|spec| {
        let path = format!("{prefix}.{}", spec.key);
        Setting {
            group: group.to_owned(),
            title: spec.title,
            help: spec.help,
            kind: (spec.kind)(file),
            value: (spec.value)(now).to_string(),
            file_value: (spec.value)(file).to_string(),
            overlaid: overlay.0.contains_key(&path),
            path,
        }
    }));
}

/// Reads a TOML value for a setting.
///
/// # Errors
/// What would be right.
pub(crate) fn parse(kind: &SettingKind, text: &str) -> Result<Value, String> {
    let table: toml::Table = format!("value = {text}")
        .parse()
        .map_err(|_| format!("{} is not a TOML value", gabion_core::limits::cut(text, 60)))?;
    let value = table.get("value").filter(|_| table.len() == 1).ok_or("one value is expected")?;
    let allowed = |values: &[String], value: &Value| {
        value.as_str().is_some_and(|value| values.iter().any(|allowed| allowed == value))
    };
    let fits = match kind {
        SettingKind::Switch => value.is_bool(),
        SettingKind::Integer { min, max } => value.as_integer().is_some_and(|n| (*min..=*max).contains(&n)),
        SettingKind::Choice { values } => allowed(values, value),
        SettingKind::Choices { values } => {
            value.as_array().is_some_and(|chosen| chosen.iter().all(|value| allowed(values, value)))
        }
    };
    if fits { Ok(value.clone()) } else { Err(expectation(kind)) }
}

fn expectation(kind: &SettingKind) -> String {
    match kind {
        SettingKind::Switch => "true or false is expected".into(),
        SettingKind::Integer { min, max } => format!("a whole number from {min} to {max} is expected"),
        SettingKind::Choice { values } => format!("one of {} is expected", values.join(", ")),
        SettingKind::Choices { values } => format!("a list out of {} is expected", values.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &SettingKind, text: &str, good: bool) {
        assert_eq!(parse(kind, text).is_ok(), good, "{text}");
    }

    #[test]
    fn values_must_fit_their_setting() {
        let choices = SettingKind::Choices { values: vec!["a".into(), "b".into()] };
        check(&SettingKind::Switch, "true", true);
        check(&SettingKind::Switch, "1", false);
        check(&range(1, 10), "10", true);
        check(&range(1, 10), "11", false);
        check(&range(1, 10), "5\nother = 6", false);
        check(&choices, "[\"a\"]", true);
        check(&choices, "[]", true);
        check(&choices, "[\"c\"]", false);
        check(&SettingKind::Choice { values: vec!["a".into()] }, "\"a\"", true);
        check(&SettingKind::Choice { values: vec!["a".into()] }, "a", false);
    }
}
