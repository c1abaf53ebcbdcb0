//! What is decided about, whatever kind of thing it is: read and written the same way, so that a decision can be taken
//! back.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::Address;
use gabion_store::{Param, StoreError, Tx, params};

use super::headers::Baseline;
use super::{json, page, script, site};
use crate::change::ChangeState;
use crate::class::starred;
use crate::decision::{State, Subject};
use crate::{ScriptId, Status, store};

/// How a thing is now; none when there is no such thing.
pub(crate) fn now(tx: &mut Tx<'_>, of: &SiteId, subject: &Subject) -> Result<Option<State>, StoreError> {
    Ok(match subject {
        Subject::Script(id) => script::by_id(tx, *id)?.map(|row| State::Script {
            status: row.view.status,
            owner: row.view.owner,
            justification: row.view.justification,
            by: row.view.decided_by,
            at: row.view.decided_at,
            pin: row.view.pin,
        }),
        Subject::Destination(id) => store::destination::by_id(tx, *id)?.map(|(_, view)| State::Destination {
            status: view.status,
            justification: view.justification,
            by: view.decided_by,
            at: view.decided_at,
        }),
        Subject::Headers(path) => {
            let row = page::by_path(tx, of, path)?;
            row.map(|row| State::Headers(row.baseline))
        }
        Subject::Origin(origin) => Some(site::stop(tx, of, origin)?),
        Subject::Hold(class) => {
            let row = store::class::one(tx, of, *class)?;
            Some(State::Hold(row.map(|row| row.hold).unwrap_or_default()))
        }
        Subject::Classes => Some(State::Classes(site::rules(tx, of)?)),
        Subject::Change(id) => store::change::by_id(tx, *id)?.map(|(_, view)| State::Change {
            state: view.state,
            by: view.settled_by,
            at: view.settled_at,
            note: view.note,
        }),
    })
}

/// What to call a thing.
pub(crate) fn label(tx: &mut Tx<'_>, subject: &Subject) -> Result<String, StoreError> {
    Ok(match subject {
        Subject::Script(id) => script::by_id(tx, *id)?.map(|row| row.view.label),
        Subject::Destination(id) => {
            let found = store::destination::by_id(tx, *id)?;
            found.map(|(_, view)| format!("{} {}", view.kind, view.place))
        }
        Subject::Change(id) => store::change::by_id(tx, *id)?.map(|(_, view)| view.sentence),
        Subject::Headers(_) | Subject::Origin(_) | Subject::Hold(_) | Subject::Classes => None,
    }
    .unwrap_or_else(|| subject.name()))
}

/// Makes a thing be like that, and settles what follows from it.
pub(crate) fn set(tx: &mut Tx<'_>, of: &SiteId, subject: &Subject, state: &State) -> Result<(), StoreError> {
    match (subject, state) {
        (Subject::Script(id), State::Script { status, owner, justification, by, at, pin }) => {
            let sql = "UPDATE pages_script SET status = $2, owner = $3, justification = $4, decided_by = $5,
                decided_at = $6, pin = $7 WHERE id = $1";
            let by = by.as_ref().map(json);
            let (owner, text) = (owner.as_deref(), justification.as_deref());
            let id_text = Param::text(id);
            tx.execute(
                sql,
                params![id_text, status.as_str(), owner, text, by.as_deref(), *at, pin.as_deref()],
            )?;
            settle_script(tx, *id, *status, by.as_deref(), *at)
        }
        (Subject::Destination(id), State::Destination { status, justification, by, at }) => {
            let sql = "UPDATE pages_destination SET status = $2, justification = $3, decided_by = $4,
                decided_at = $5 WHERE id = $1";
            let (by, text) = (by.as_ref().map(json), justification.as_deref());
            tx.execute(sql, params![Param::text(id), status.as_str(), text, by.as_deref(), *at])?;
            settle_destination(tx, of, *id, *status, by.as_deref(), *at)
        }
        (Subject::Headers(path), State::Headers(baseline)) => {
            let sql = "UPDATE pages_page SET baseline = $3 WHERE site = $1 AND path = $2";
            tx.execute(sql, params![of, path, baseline.as_ref().map(json)])?;
            baseline.as_ref().map_or(Ok(()), |baseline| settle_headers(tx, of, path, baseline))
        }
        (Subject::Origin(origin), State::Origin(stop)) => site::set_stop(tx, of, origin, stop.as_ref()),
        (Subject::Hold(class), State::Hold(hold)) => store::class::set_hold(tx, of, *class, hold),
        (Subject::Classes, State::Classes(rules)) => site::set_rules(tx, of, rules.as_deref()),
        (Subject::Change(id), State::Change { state, by, at, note }) => {
            let sql = "UPDATE pages_change SET state = $2, settled_by = $3, settled_at = $4, note = $5
                WHERE id = $1";
            let by = by.as_ref().map(json);
            tx.execute(sql, params![Param::text(id), state.as_str(), by.as_deref(), *at, note.as_deref()])
                .map(drop)
        }
        _ => unreachable!("a subject and its state are made together"),
    }
}

/// What becomes of open changes about a thing that was decided about.
fn verdict(status: Status) -> Option<ChangeState> {
    match status {
        Status::New => None,
        Status::Authorized => Some(ChangeState::Accepted),
        Status::Denied => Some(ChangeState::Rejected),
    }
}

fn settle_script(
    tx: &mut Tx<'_>,
    id: ScriptId,
    status: Status,
    by: Option<&str>,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let Some(state) = verdict(status) else { return Ok(()) };
    let sql = "UPDATE pages_change SET state = $2, settled_by = $3, settled_at = $4
        WHERE script = $1 AND state = 'open'";
    tx.execute(sql, params![Param::text(id), state.as_str(), by, at]).map(drop)
}

fn settle_destination(
    tx: &mut Tx<'_>,
    of: &SiteId,
    id: crate::DestinationId,
    status: Status,
    by: Option<&str>,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let Some(state) = verdict(status) else { return Ok(()) };
    let Some((_, view)) = store::destination::by_id(tx, id)? else { return Ok(()) };
    let sql = "UPDATE pages_change SET state = $4, settled_by = $5, settled_at = $6
        WHERE site = $1 AND class = $2 AND subject = $3 AND kind = 'destination_appeared' AND state = 'open'";
    let subject = view.subject();
    tx.execute(sql, params![of, view.class.as_str(), &subject, state.as_str(), by, at]).map(drop)
}

fn settle_headers(tx: &mut Tx<'_>, of: &SiteId, path: &str, baseline: &Baseline) -> Result<(), StoreError> {
    for change in store::change::open_of_headers(tx, of)? {
        let is_same = Address::parse(&change.page).is_some_and(|page| starred(page.path()) == path);
        if is_same {
            let sql =
                "UPDATE pages_change SET state = 'accepted', settled_by = $2, settled_at = $3 WHERE id = $1";
            tx.execute(sql, params![Param::text(change.id), json(&baseline.by), baseline.at])?;
        }
    }
    Ok(())
}
