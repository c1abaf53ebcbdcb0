//! The shop's endpoints: how they are, draining, maintenance.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_edge::status::{BreakerState, EndpointStatus, UpstreamStatus};
use gabion_page::chart::{self, Meter, Svg, Unit};
use gabion_page::format;
use gabion_page::shell::{Shell, Status};
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff, Viewer};
use serde::Deserialize;

use super::ask::{Ask, Mistake};
use super::overview::REFRESH_SECONDS;
use super::query;
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::standing::endpoint_state;
use crate::steer::{self, Act};

#[derive(Template)]
#[template(path = "upstreams.html")]
struct List<'a> {
    shell: &'a Shell,
    upstreams: Vec<Upstream>,
    operates: bool,
}

struct Upstream {
    name: String,
    caption: String,
    id: usize,
    maintenance: bool,
    tripped: bool,
    maintenance_href: String,
    places: Svg,
    queue: Svg,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    url: String,
    detail: String,
    status: Status,
    word: &'static str,
    in_flight: String,
    idle: String,
    requests: String,
    failures: String,
    last_error: String,
    drained: bool,
    drain_href: String,
}

pub(super) async fn list(State(console): State<Console>, Viewer(staff): Viewer) -> Drawn {
    let shell = Shell { refresh: Some(REFRESH_SECONDS), ..console.frame(&staff, "Upstreams", "/upstreams") };
    let upstreams = console.0.edge.upstreams();
    let upstreams = upstreams.iter().enumerate().map(|(id, upstream)| shown(id, upstream)).collect();
    draw(&List { shell: &shell, upstreams, operates: staff.role.operates() })
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn shown(id: usize, upstream: &UpstreamStatus) -> Upstream {
    let meter = |label: &str, value: usize, limit: usize| {
        let (value, limit) = (value as f64, limit as f64);
        chart::meter(&Meter { label: label.to_owned(), value, limit, unit: Unit::Count })
    };
    let act = if upstream.maintenance { "maintenance_off" } else { "maintenance_on" };
    Upstream {
        name: upstream.name.clone(),
        caption: format!("Endpoints of {}", upstream.name),
        id,
        maintenance: upstream.maintenance,
        tripped: upstream.breaker != BreakerState::Closed,
        maintenance_href: query::url("/upstreams/change", &[("upstream", &upstream.name), ("act", act)]),
        places: meter("Requests in flight", upstream.in_flight, upstream.requests_max),
        queue: meter("Requests waiting", upstream.waiting, upstream.queue_max),
        endpoints: upstream.endpoints.iter().map(|endpoint| endpoint_shown(upstream, endpoint)).collect(),
    }
}

fn endpoint_shown(upstream: &UpstreamStatus, endpoint: &EndpointStatus) -> Endpoint {
    let (status, word) = endpoint_state(endpoint);
    let act = if endpoint.drained { "undrain" } else { "drain" };
    let pairs = [("upstream", upstream.name.as_str()), ("act", act), ("endpoint", &endpoint.url)];
    Endpoint {
        url: endpoint.url.clone(),
        detail: detail(endpoint),
        status,
        word,
        in_flight: format::count(endpoint.in_flight as u64),
        idle: format::count(endpoint.idle_connections as u64),
        requests: format::count(endpoint.requests),
        failures: format::count(endpoint.failures),
        last_error: endpoint.last_error.clone().unwrap_or_default(),
        drained: endpoint.drained,
        drain_href: query::url("/upstreams/change", &pairs),
    }
}

/// What is spoken to an endpoint, how fast it answers, how much it gets, where its name leads.
#[expect(clippy::cast_precision_loss, reason = "microseconds of an answer stay far below 2^52")]
fn detail(endpoint: &EndpointStatus) -> String {
    let mut parts = vec![endpoint.protocol.to_owned()];
    if endpoint.response_us > 0 {
        parts.push(format!("answers in {}", format::milliseconds(endpoint.response_us as f64 / 1e3)));
    }
    if endpoint.weight_percent < 100 && !endpoint.ejected {
        parts.push(format!("gets {} % of its requests", endpoint.weight_percent));
    }
    if endpoint.addresses.len() > 1 {
        parts.push(endpoint.addresses.join(", "));
    }
    parts.join(" · ")
}

/// A wish as link and form hold it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    upstream: String,
    act: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    reason: String,
}

impl Wish {
    /// The upstream and what it should do.
    fn read(&self, console: &Console) -> Result<(UpstreamStatus, Act), Problem> {
        let upstream = steer::upstream(console, &self.upstream)
            .ok_or_else(|| Problem::not_found("there is no upstream of this name any more"))?;
        let drain = |drained| {
            let known = upstream.endpoints.iter().any(|endpoint| endpoint.url == self.endpoint);
            let act = Act::Drain(self.endpoint.clone(), drained);
            known.then_some(act).ok_or_else(|| Problem::not_found("there is no such endpoint any more"))
        };
        let act = match self.act.as_str() {
            "maintenance_on" => Act::Maintenance(true),
            "maintenance_off" => Act::Maintenance(false),
            "drain" => drain(true)?,
            "undrain" => drain(false)?,
            _ => return Err(Problem::invalid("there is no such act")),
        };
        Ok((upstream, act))
    }
}

pub(super) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let query = query.unwrap_or_default();
    let field = |name| query::value(&query, name).unwrap_or_default();
    let wish = Wish {
        upstream: field("upstream"),
        act: field("act"),
        endpoint: field("endpoint"),
        reason: String::new(),
    };
    let (upstream, act) = wish.read(&console)?;
    question(&console, &staff, &upstream, &act, wish, Mistake::default())
}

pub(super) async fn change(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let base = console.0.control.version();
    let (upstream, act) = wish.read(&console)?;
    let mistake = match steer::reason(&wish.reason) {
        Err(reason) => Mistake::in_reason(reason),
        Ok(reason) => {
            let by = steer::author(&Principal::Staff(staff.clone()));
            match steer::steer(&console, by, &upstream, base, &act, reason).await {
                Ok(_) => return Ok(Redirect::to("/upstreams").into_response()),
                Err(error) => Mistake::of_change(&error)?,
            }
        }
    };
    Ok(question(&console, &staff, &upstream, &act, wish, mistake)?.into_response())
}

fn question(
    console: &Console,
    staff: &Staff,
    upstream: &UpstreamStatus,
    act: &Act,
    wish: Wish,
    mistake: Mistake,
) -> Drawn {
    let (title, label) = match act {
        Act::Maintenance(true) => {
            (format!("Put {} into maintenance?", upstream.name), "Show the maintenance page")
        }
        Act::Maintenance(false) => {
            (format!("End the maintenance of {}?", upstream.name), "Serve customers again")
        }
        Act::Drain(url, true) => (format!("Drain {url}?"), "Drain it"),
        Act::Drain(url, false) => (format!("Give {url} requests again?"), "End draining"),
    };
    let hidden = vec![("upstream", wish.upstream), ("act", wish.act), ("endpoint", wish.endpoint)];
    draw(&Ask {
        shell: &console.frame(staff, &title, "/upstreams"),
        explanation: explanation(upstream, act),
        action: "/upstreams/change",
        hidden,
        reason: Some(wish.reason),
        mistake,
        label: label.to_owned(),
        back: "/upstreams",
    })
}

fn explanation(upstream: &UpstreamStatus, act: &Act) -> Vec<String> {
    let name = &upstream.name;
    match act {
        Act::Maintenance(true) => vec![
            format!(
                "Every customer of {name} sees a calm page that says the shop is back soon (status 503)."
            ),
            "Requests that are being answered now finish. Health checks go on.".to_owned(),
        ],
        Act::Maintenance(false) => vec![format!("Requests go to the endpoints of {name} again.")],
        Act::Drain(url, true) => {
            let mut sentences = vec![
                "It gets no new requests. Those it is answering now finish, and health checks go on."
                    .to_owned(),
            ];
            let others =
                upstream.endpoints.iter().any(|other| other.url != *url && other.up && !other.drained);
            if !others {
                let last =
                    format!("No other endpoint of {name} takes requests: customers will see an error page.");
                sentences.push(last);
            }
            sentences
        }
        Act::Drain(_, false) => vec!["It gets its share of new requests as soon as it is up.".to_owned()],
    }
}
