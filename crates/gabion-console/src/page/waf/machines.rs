//! Programs that call the shop again and again, and which of them the operator confirmed.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::Timestamp;
use gabion_edge::config::Machine;
use gabion_edge::waf::MachineSeen;
use gabion_page::format;
use gabion_web::{CsrfForm, Operator, Principal, Problem, Staff};
use serde::Deserialize;

use super::super::ask::{Ask, Mistake};
use super::super::query;
use crate::control::MachineEntry;
use crate::problem::{Drawn, draw};
use crate::words::Moment;
use crate::{Console, steer};

/// Programs that are shown: those that rules found something in, and those that call most.
const SEEN_SHOWN: usize = 30;
/// Where these are shown.
const SECTION: &str = "/waf#machines";

/// A program that nobody confirmed yet.
pub(super) struct Seen {
    pub(super) product: String,
    pub(super) path: String,
    pub(super) from: String,
    pub(super) requests: String,
    /// What rules would have stopped of it; empty where nothing.
    pub(super) flagged: String,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) confirm_href: String,
}

/// A machine that was confirmed.
pub(super) struct Confirmed {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) user_agent: String,
    pub(super) from: String,
    pub(super) remove_href: Option<String>,
}

/// What the page shows of both; addresses only to those who may see them.
pub(super) fn shown(console: &Console, staff: &Staff, now: Timestamp) -> (Vec<Seen>, Vec<Confirmed>) {
    let personal = staff.role.sees_personal();
    let seen = console.0.edge.machines_seen().into_iter().take(SEEN_SHOWN);
    let seen = seen.map(|seen| Seen {
        from: if personal { seen.from.to_string() } else { "hidden".to_owned() },
        requests: format::count(seen.requests),
        flagged: match seen.flagged {
            0 => String::new(),
            flagged => format!("the rules object to {}", format::count(flagged)),
        },
        first: Moment::new(seen.first, now),
        last: Moment::new(seen.last, now),
        confirm_href: query::url("/waf/machine", &[("key", &seen.key)]),
        product: seen.product,
        path: seen.path,
    });
    let confirmed = console.0.control.machines().into_iter().map(|MachineEntry { key, machine }| Confirmed {
        from: networks(&machine),
        name: machine.name,
        path: machine.path,
        user_agent: machine.user_agent,
        remove_href: key.map(|key| query::url("/waf/machine/remove", &[("key", &key)])),
    });
    (seen.collect(), confirmed.collect())
}

fn networks(machine: &Machine) -> String {
    machine.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A wish as the form holds it, to confirm a machine or to take it back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::page) struct Wish {
    key: String,
    reason: String,
}

pub(in crate::page) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let key = query::value(&query.unwrap_or_default(), "key").unwrap_or_default();
    let seen = find(&console, &key)?;
    question(&console, &staff, &seen, "Ours".to_owned(), Mistake::default())
}

pub(in crate::page) async fn confirm(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let seen = find(&console, &wish.key)?;
    let mistake = match steer::reason(&wish.reason) {
        Err(reason) => Mistake::in_reason(reason),
        Ok(reason) => {
            let by = steer::author(&Principal::Staff(staff.clone()));
            match console.0.control.confirm_machine(by, machine(&seen), reason).await {
                Ok(_) => return Ok(Redirect::to(SECTION).into_response()),
                Err(error) => Mistake::of_change(&error)?,
            }
        }
    };
    Ok(question(&console, &staff, &seen, wish.reason, mistake)?.into_response())
}

fn machine(seen: &MachineSeen) -> Machine {
    seen.machine(seen.product.clone())
}

fn find(console: &Console, key: &str) -> Result<MachineSeen, Problem> {
    let seen = console.0.edge.machines_seen().into_iter().find(|seen| seen.key == key);
    seen.ok_or_else(|| {
        Problem::not_found("this program did not call for a while, or it is confirmed already")
    })
}

fn question(console: &Console, staff: &Staff, seen: &MachineSeen, reason: String, mistake: Mistake) -> Drawn {
    let Machine { user_agent, path, .. } = machine(seen);
    let explanation = vec![
        format!(
            "Requests to {path} from {} that call themselves {user_agent} are still inspected and still told of, and \
             never stopped.",
            seen.from
        ),
        "All three must match. Confirm only what you know: a name can be pretended, and whoever else calls from this \
         address with this name is not stopped there either."
            .to_owned(),
        "You can take it back on the page of the rules at any time.".to_owned(),
    ];
    draw(&Ask {
        shell: &console.frame(staff, "Is this machine yours?", "/waf"),
        explanation,
        action: "/waf/machine",
        hidden: vec![("key", seen.key.clone())],
        reason: Some(reason),
        mistake,
        label: "Yes, this is ours".to_owned(),
        back: SECTION,
    })
}

pub(in crate::page) async fn ask_remove(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let key = query::value(&query.unwrap_or_default(), "key").unwrap_or_default();
    question_remove(&console, &staff, key, "No longer ours".to_owned(), Mistake::default())
}

pub(in crate::page) async fn remove(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(wish): CsrfForm<Wish>,
) -> Result<Response, Problem> {
    let mistake = match steer::reason(&wish.reason) {
        Err(reason) => Mistake::in_reason(reason),
        Ok(reason) => {
            let by = steer::author(&Principal::Staff(staff.clone()));
            match console.0.control.remove_machine(by, wish.key.clone(), reason).await {
                Ok(_) => return Ok(Redirect::to(SECTION).into_response()),
                Err(error) => Mistake::of_change(&error)?,
            }
        }
    };
    Ok(question_remove(&console, &staff, wish.key, wish.reason, mistake)?.into_response())
}

fn question_remove(console: &Console, staff: &Staff, key: String, reason: String, mistake: Mistake) -> Drawn {
    let entry = console.0.control.machines().into_iter().find(|entry| entry.key.as_deref() == Some(&key));
    let Some(MachineEntry { machine, .. }) = entry else {
        return Err(Problem::not_found("this machine was removed already"));
    };
    let sentence = format!(
        "Requests of {} to {} from {} are treated as those of everybody else again.",
        machine.name,
        machine.path,
        networks(&machine)
    );
    draw(&Ask {
        shell: &console.frame(staff, "Treat it as a stranger again?", "/waf"),
        explanation: vec![sentence],
        action: "/waf/machine/remove",
        hidden: vec![("key", key)],
        reason: Some(reason),
        mistake,
        label: "Treat it as a stranger".to_owned(),
        back: SECTION,
    })
}
