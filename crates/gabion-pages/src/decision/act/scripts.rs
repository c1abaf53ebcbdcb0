//! Decisions about scripts, one by one or all of a class.

use std::collections::BTreeMap;

use gabion_core::{Actor, SiteId};
use gabion_markup::PageClass;
use gabion_markup::holding::ScriptKey;

use super::{Draft, Wishes, bounded, found, headers_of, justification, same_site};
use crate::decision::{
    Approval, Authorization, DecisionKind, DecisionView, ITEMS_MAX, OWNER_BYTES_MAX, State, Subject,
};
use crate::script::ScriptView;
use crate::{Pages, PagesError, ScriptId, Status, store};

impl Pages {
    /// Lets scripts run, each with its justification; their open changes are accepted. All have to be of one site.
    ///
    /// # Errors
    /// [`PagesError::Field`] without a justification; [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn authorize(
        &self,
        authorizations: Vec<Authorization>,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let mut checked = Vec::new();
        for one in authorizations {
            let justification = justification(&one.justification)?;
            checked.push((one.script, justification, owner(one.owner.as_deref())?));
        }
        bounded(checked.len())?;
        let (now, actor) = (self.now(), by.clone());
        self.decide(Draft::new(DecisionKind::Authorize, by), move |tx| {
            let mut wishes = Wishes::new();
            let mut site = None;
            for (id, justification, owner) in &checked {
                let row = found(store::script::by_id(tx, *id)?, "script")?;
                same_site(&mut site, &row.site)?;
                let seen = store::version::newest_seen(tx, &row.site, &row.view.key)?;
                let state = State::Script {
                    status: Status::Authorized,
                    owner: owner.clone().or(row.view.owner),
                    justification: Some(justification.clone()),
                    by: Some(actor.clone()),
                    at: Some(now),
                    // What was approved is what it says now.
                    pin: row.view.pin.and(seen),
                };
                wishes.push((Subject::Script(*id), state));
            }
            Ok((found(site, "script")?, wishes))
        })
        .await
    }

    /// Keeps scripts from running, whatever the stage; their open changes are rejected. All have to be of one site.
    ///
    /// # Errors
    /// [`PagesError::Field`] without a reason; [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn deny(
        &self,
        scripts: Vec<ScriptId>,
        reason: &str,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        bounded(scripts.len())?;
        let reason = justification(reason)?;
        let draft =
            Draft { justification: Some(reason.clone()), ..Draft::new(DecisionKind::Deny, by.clone()) };
        let now = self.now();
        self.decide(draft, move |tx| {
            let mut wishes = Wishes::new();
            let mut site = None;
            for id in &scripts {
                let row = found(store::script::by_id(tx, *id)?, "script")?;
                same_site(&mut site, &row.site)?;
                let state = State::Script {
                    status: Status::Denied,
                    owner: row.view.owner,
                    justification: Some(reason.clone()),
                    by: Some(by.clone()),
                    at: Some(now),
                    pin: None,
                };
                wishes.push((Subject::Script(*id), state));
            }
            Ok((found(site, "script")?, wishes))
        })
        .await
    }

    /// Holds an authorized script to what it says now (`integrity`), or no longer. Only for scripts that do not change by
    /// themselves: a pinned script that changes stops the page from working.
    ///
    /// # Errors
    /// [`PagesError::ChangesByItself`]; [`PagesError::Field`] for a script that is not loaded, not authorized, or of
    /// which nobody saw the content; [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn set_pin(
        &self,
        id: ScriptId,
        is_pinned: bool,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        self.decide(Draft::new(DecisionKind::Pin, by), move |tx| {
            let row = found(store::script::by_id(tx, id)?, "script")?;
            let view = row.view;
            let seen = store::version::newest_seen(tx, &row.site, &view.key)?;
            let pin = if is_pinned { Some(pin_of(&view, seen)?) } else { None };
            let state = State::Script {
                status: view.status,
                owner: view.owner,
                justification: view.justification,
                by: view.decided_by,
                at: view.decided_at,
                pin,
            };
            Ok((row.site, vec![(Subject::Script(id), state)]))
        })
        .await
    }

    /// Approves everything undecided that a class of pages does today: scripts, and where wanted places and headers.
    /// From then on what is new there is told of as critical on payment pages. At most [`ITEMS_MAX`] things at once,
    /// scripts first; call it again for the rest.
    ///
    /// # Errors
    /// [`PagesError::Field`] when a script would be left without a justification; [`PagesError::NotFound`] when there is
    /// nothing to approve; [`PagesError::Store`].
    pub async fn approve_class(
        &self,
        site: &SiteId,
        class: PageClass,
        approval: Approval,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let common = approval.justification.as_deref().map(justification).transpose()?;
        let owner = owner(approval.owner.as_deref())?;
        let mut each = BTreeMap::new();
        for (id, text) in &approval.each {
            each.insert(*id, justification(text)?);
        }
        let draft = Draft {
            class: Some(class),
            justification: common.clone(),
            ..Draft::new(DecisionKind::ApproveClass, by.clone())
        };
        let (now, site) = (self.now(), site.clone());
        self.decide(draft, move |tx| {
            let mut wishes = Wishes::new();
            let scripts = store::script::all(tx, &site, Some(class))?;
            for script in scripts.into_iter().filter(|script| script.status == Status::New) {
                let text = each.get(&script.id).or(script.justification.as_ref()).or(common.as_ref());
                let missing =
                    || PagesError::field("justification", format!("why is {} needed?", script.label));
                let state = State::Script {
                    status: Status::Authorized,
                    owner: script.owner.clone().or_else(|| owner.clone()),
                    justification: Some(text.ok_or_else(missing)?.clone()),
                    by: Some(by.clone()),
                    at: Some(now),
                    pin: None,
                };
                wishes.push((Subject::Script(script.id), state));
            }
            if approval.with_destinations {
                let places = store::destination::all(tx, &site, Some(class))?;
                let undecided = places.into_iter().filter(|place| place.status == Status::New);
                wishes.extend(undecided.map(|place| {
                    let justification = place.justification.or_else(|| common.clone());
                    let (by, at) = (Some(by.clone()), Some(now));
                    let state = State::Destination { status: Status::Authorized, justification, by, at };
                    (Subject::Destination(place.id), state)
                }));
            }
            if approval.with_headers {
                wishes.extend(headers_of(tx, &site, class, &by, now)?);
            }
            wishes.truncate(ITEMS_MAX);
            Ok((site.clone(), wishes))
        })
        .await
    }
}

fn pin_of(view: &ScriptView, seen: Option<String>) -> Result<String, PagesError> {
    let refuse = |reason: &str| Err(PagesError::field("script", reason));
    if !matches!(view.key.parse(), Ok(ScriptKey::Web(_))) {
        return refuse("only a script that is loaded can be pinned; others are known word for word");
    }
    if view.changes_by_itself {
        return Err(PagesError::ChangesByItself { company: view.company.unwrap_or("its company") });
    }
    if view.status != Status::Authorized {
        return refuse("authorize it first");
    }
    seen.map_or_else(|| refuse("Gabion has not seen yet what it says"), Ok)
}

fn owner(text: Option<&str>) -> Result<Option<String>, PagesError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.len() > OWNER_BYTES_MAX || text.chars().any(char::is_control)) {
        let reason = format!("a name has at most {OWNER_BYTES_MAX} bytes and no line breaks");
        return Err(PagesError::field("owner", reason));
    }
    Ok(text.map(str::to_owned))
}
