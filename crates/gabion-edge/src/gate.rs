//! Gates: routes that let in only who is signed in, in front of a shop that knows nothing of it.
//!
//! Nothing of a request that may not come in reaches the rules, a file on disk or the shop. A gate is no module: the
//! bypass does not open it. It holds for every way in which a shop may read the path (`readings`).

mod answer;
mod readings;
mod tell;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gabion_core::Timestamp;
use http::{HeaderMap, HeaderValue, Response};

use crate::config::{Gate, Requires};
use crate::forward::cookie_pairs;
use crate::layer::{Layer, Next, Outcome, Visit};
use crate::metrics::Metrics;
use crate::route::host;
use crate::sessions::{
    COOKIE_BYTES_MAX, CUSTOMER_COOKIE, Customer, LOOKUP_TIMEOUT, Level, Lookup, STAFF_COOKIE, StaffMember,
    Unavailable,
};
use crate::{Body, Refusal};
use answer::{keep_private, led, navigates};

pub(crate) use readings::{Unclear, fold, is_plain, readings};
pub(crate) use tell::Knocks;

/// How far ahead of this clock a sign-in may be, as another machine's clock says; more is taken for too old.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Lets in who may come in, and says who it is.
#[derive(Clone)]
pub(crate) struct Session;

impl Layer for Session {
    async fn call(self, mut visit: Box<Visit>, next: impl Next) -> Outcome {
        let gate = gate(&visit)?;
        if gate.is_open() && !visit.matched().route.forward_identity {
            return next.call(visit).await;
        }
        // Boxed, so that requests of open routes carry nothing of it.
        if let Some(elsewhere) = Box::pin(enter(&mut visit, gate)).await? {
            return Ok(elsewhere);
        }
        let mut response = next.call(visit).await?;
        if !gate.is_open() {
            keep_private(response.headers_mut());
        }
        Ok(response)
    }
}

/// The gate that a request has to pass.
fn gate(visit: &Visit) -> Result<Gate, Refusal> {
    let Visit { request, state, .. } = visit;
    let route = &visit.matched().route;
    let path = request.uri().path();
    if state.is_clear(path) {
        return Ok(route.gate);
    }
    let host = host(request)?.to_ascii_lowercase();
    state.gate(&host, path, route).map_err(|Unclear| Refusal::UnclearPath)
}

/// What is known of who comes in.
struct Entrant {
    level: Level,
    authenticated_at: Timestamp,
    statement: Option<HeaderValue>,
}

impl From<&Customer> for Entrant {
    fn from(customer: &Customer) -> Self {
        let Customer { level, authenticated_at, statement, .. } = customer;
        Self { level: *level, authenticated_at: *authenticated_at, statement: statement.clone() }
    }
}

impl From<&StaffMember> for Entrant {
    fn from(member: &StaffMember) -> Self {
        let StaffMember { authenticated_at, statement, .. } = member;
        Self { level: Level::SecondFactor, authenticated_at: *authenticated_at, statement: statement.clone() }
    }
}

/// What a gate says of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    In,
    /// Nobody is signed in.
    Nobody,
    /// Somebody is, with one factor where two are needed.
    TooLow,
    /// Somebody is, for too long.
    TooOld,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Nobody => "not signed in",
            Self::TooLow => "no second factor",
            Self::TooOld => "signed in too long ago",
        }
    }
}

/// Lets the visit in, with what the shop is told of it, or answers.
async fn enter(visit: &mut Visit, gate: Gate) -> Result<Option<Response<Body>>, Refusal> {
    let now = visit.edge.now();
    let found = match found(visit, gate.requires).await {
        Ok(found) => found,
        // An open route is no gate: somebody whom nobody knows is somebody who is not signed in.
        Err(Unavailable) if gate.is_open() => None,
        Err(Unavailable) => {
            count(visit.edge.metrics(), |metrics| &metrics.gate_unavailable);
            return Err(Refusal::Unavailable { what: "the keeper of sessions" });
        }
    };
    let verdict = judge(gate, found.as_ref(), now);
    if verdict != Verdict::In {
        return turn_away(visit, gate, verdict);
    }
    if !gate.is_open() {
        count(visit.edge.metrics(), |metrics| &metrics.gate_passed);
    }
    if visit.matched().route.forward_identity {
        visit.statement = found.and_then(|found| found.statement);
    }
    Ok(None)
}

/// Who asks. The visit is not changed; but bodies are not `Sync`, so that a shared reference could not wait.
async fn found(visit: &mut Visit, requires: Requires) -> Result<Option<Entrant>, Unavailable> {
    let sessions = visit.edge.sessions().ok_or(Unavailable)?;
    let site = &visit.matched().site.id;
    let headers = visit.request.headers();
    if requires == Requires::Staff {
        let Some(cookie) = cookie(headers, STAFF_COOKIE) else { return Ok(None) };
        return Ok(settled(sessions.staff(site, cookie)).await?.as_deref().map(Entrant::from));
    }
    let Some(cookie) = cookie(headers, CUSTOMER_COOKIE) else { return Ok(None) };
    Ok(settled(sessions.customer(site, cookie)).await?.as_deref().map(Entrant::from))
}

async fn settled<T>(lookup: Lookup<T>) -> Result<Option<Arc<T>>, Unavailable> {
    match lookup {
        Lookup::Known(known) => Ok(known),
        Lookup::Ask(asking) => tokio::time::timeout(LOOKUP_TIMEOUT, asking).await.unwrap_or(Err(Unavailable)),
    }
}

/// The value of a cookie of ours. Where there are several it is nobody's: browsers send one of this prefix, and who could
/// slip in another would choose who somebody is (RFC 6265bis section 4.1.3.2).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = |pair: &'a [u8]| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
    let mut values = cookie_pairs(headers).filter_map(value);
    let (value, None) = (values.next()?, values.next()) else { return None };
    let good = (1..=COOKIE_BYTES_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(value).ok().filter(|_| good)
}

fn judge(gate: Gate, found: Option<&Entrant>, now: Timestamp) -> Verdict {
    let Some(Entrant { level, authenticated_at, .. }) = found.filter(|_| !gate.is_open()) else {
        return if gate.is_open() { Verdict::In } else { Verdict::Nobody };
    };
    let old = |within| now.since(*authenticated_at) > within || authenticated_at.since(now) > CLOCK_SKEW;
    if gate.requires == Requires::SecondFactor && *level < Level::SecondFactor {
        Verdict::TooLow
    } else if gate.within.is_some_and(old) {
        Verdict::TooOld
    } else {
        Verdict::In
    }
}

/// Browsers are led to where they can sign in; everything else is refused.
fn turn_away(visit: &Visit, gate: Gate, verdict: Verdict) -> Result<Option<Response<Body>>, Refusal> {
    let metrics = visit.edge.metrics();
    let refusal = match (gate.requires, verdict) {
        (Requires::Staff, _) => Refusal::SignIn { staff: true },
        (_, Verdict::Nobody) => Refusal::SignIn { staff: false },
        _ => Refusal::StepUp,
    };
    if navigates(&visit.request) {
        count(metrics, |metrics| &metrics.gate_led);
        return Ok(Some(led(&refusal, gate.requires, visit.request.uri())));
    }
    count(metrics, |metrics| &metrics.gate_refused);
    tell::refused(visit, gate, verdict);
    Err(refusal)
}

fn count(metrics: &Metrics, counter: impl Fn(&Metrics) -> &std::sync::atomic::AtomicU64) {
    counter(metrics).fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_once_or_not_at_all() {
        let long = format!("{CUSTOMER_COOKIE}={}", "x".repeat(COOKIE_BYTES_MAX + 1));
        for (fields, expected) in [
            (vec!["a=1; __Host-gabion-customer=x; b=2"], Some("x")),
            (vec!["a=1", "__Host-gabion-customer=x"], Some("x")),
            (vec!["__Host-gabion-customer=x=y"], Some("x=y")),
            (vec!["__Host-gabion-customer=x; __Host-gabion-customer=y"], None),
            (vec!["__Host-gabion-customer=x", "__Host-gabion-customer=x"], None),
            (vec!["__Host-gabion-customer="], None),
            (vec!["__Host-gabion-customer"], None),
            (vec!["__host-gabion-customer=x"], None),
            (vec!["__Host-gabion-customer2=x; __Host-gabion-staff=y"], None),
            (vec!["__Host-gabion-customer=x y"], None),
            (vec![long.as_str()], None),
            (vec![], None),
        ] {
            let mut headers = HeaderMap::new();
            for field in &fields {
                headers.append(http::header::COOKIE, HeaderValue::from_str(field).expect("a value"));
            }
            assert_eq!(cookie(&headers, CUSTOMER_COOKIE), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_sign_in_has_to_be_strong_and_young_enough() {
        let now = Timestamp::from_seconds(10_000);
        let entrant = |level, age: i64| Entrant {
            level,
            authenticated_at: Timestamp::from_seconds(10_000 - age),
            statement: None,
        };
        let (one, two) = (Level::Password, Level::SecondFactor);
        for (requires, within, found, expected) in [
            (Requires::Nothing, 0, None, Verdict::In),
            (Requires::Nothing, 0, Some(entrant(one, 9_000)), Verdict::In),
            (Requires::Customer, 0, None, Verdict::Nobody),
            (Requires::Customer, 0, Some(entrant(one, 9_000)), Verdict::In),
            (Requires::Customer, 600, Some(entrant(two, 600)), Verdict::In),
            (Requires::Customer, 600, Some(entrant(two, 601)), Verdict::TooOld),
            (Requires::Customer, 600, Some(entrant(two, -60)), Verdict::In),
            (Requires::Customer, 600, Some(entrant(two, -61)), Verdict::TooOld),
            (Requires::SecondFactor, 600, Some(entrant(one, 0)), Verdict::TooLow),
            (Requires::SecondFactor, 600, Some(entrant(two, 0)), Verdict::In),
            (Requires::Staff, 0, None, Verdict::Nobody),
            (Requires::Staff, 60, Some(entrant(two, 61)), Verdict::TooOld),
        ] {
            let gate = Gate { requires, within: (within > 0).then(|| Duration::from_secs(within)) };
            assert_eq!(judge(gate, found.as_ref(), now), expected, "{gate:?}");
        }
    }
}
