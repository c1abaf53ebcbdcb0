//! Making decisions.

use std::collections::BTreeMap;

use gabion_core::{Actor, Event, EventId, SiteId};
use gabion_markup::class::{CLASS_RULES_MAX, ClassRule};
use gabion_markup::holding::ScriptKey;
use gabion_markup::{Address, PageClass};
use gabion_store::Tx;

use super::{
    Approval, Authorization, DecisionKind, DecisionView, HoldState, HoldWish, ITEMS_MAX, Item,
    JUSTIFICATION_BYTES_MAX, OWNER_BYTES_MAX, StageWord, State, Stop, Subject, UndecidedWord,
};
use crate::change::{ChangeState, NOTE_BYTES_MAX};
use crate::store::decision::Row;
use crate::store::headers::Baseline;
use crate::{ChangeId, DecisionId, DestinationId, Pages, PagesError, ScriptId, Status, event, store};

/// What is new about each thing.
type Wishes = Vec<(Subject, State)>;

/// A decision before it is written.
#[derive(Clone)]
struct Draft {
    kind: DecisionKind,
    class: Option<PageClass>,
    justification: Option<String>,
    by: Actor,
    undoes: Option<DecisionId>,
}

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
                let state = State::Script {
                    status: Status::Authorized,
                    owner: owner.clone().or(row.view.owner),
                    justification: Some(justification.clone()),
                    by: Some(actor.clone()),
                    at: Some(now),
                    pin: row.view.pin.and(row.view.hash),
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
            let pin = if is_pinned { Some(pin_of(&view)?) } else { None };
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

    /// Allows places, denies them, or leaves them undecided again. All have to be of one site.
    ///
    /// # Errors
    /// [`PagesError::Field`] without a justification; [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn decide_destinations(
        &self,
        destinations: Vec<DestinationId>,
        status: Status,
        reason: &str,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        bounded(destinations.len())?;
        let reason = justification(reason)?;
        let kind = DecisionKind::Destinations;
        let draft = Draft { justification: Some(reason.clone()), ..Draft::new(kind, by.clone()) };
        let now = self.now();
        self.decide(draft, move |tx| {
            let mut wishes = Wishes::new();
            let mut site = None;
            for id in &destinations {
                let (of, _) = found(store::destination::by_id(tx, *id)?, "destination")?;
                same_site(&mut site, &of)?;
                let state = State::Destination {
                    status,
                    justification: Some(reason.clone()),
                    by: Some(by.clone()),
                    at: Some(now),
                };
                wishes.push((Subject::Destination(*id), state));
            }
            Ok((found(site, "destination")?, wishes))
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

    /// Makes the headers that pages of a class have now the ones they are compared with. Open changes of headers are
    /// accepted.
    ///
    /// # Errors
    /// [`PagesError::NotFound`] when no page of the class was seen; [`PagesError::Store`].
    pub async fn approve_headers(
        &self,
        site: &SiteId,
        class: PageClass,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let draft = Draft { class: Some(class), ..Draft::new(DecisionKind::ApproveHeaders, by.clone()) };
        let (now, site) = (self.now(), site.clone());
        self.decide(draft, move |tx| Ok((site.clone(), headers_of(tx, &site, class, &by, now)?))).await
    }

    /// Keeps scripts of an origin from running on any page of the site, at once.
    ///
    /// # Errors
    /// [`PagesError::Field`] when the text is no origin or there is no reason; [`PagesError::Store`].
    pub async fn stop_origin(
        &self,
        site: &SiteId,
        origin: &str,
        reason: &str,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let origin = checked_origin(origin)?;
        let reason = justification(reason)?;
        let kind = DecisionKind::StopOrigin;
        let draft = Draft { justification: Some(reason.clone()), ..Draft::new(kind, by.clone()) };
        let (site, at) = (site.clone(), self.now());
        self.decide(draft, move |tx| {
            let others = store::site::stopped(tx, &site)?.len();
            bounded(others + 1)?;
            let stop = Stop { reason: reason.clone(), by: by.clone(), at };
            Ok((site.clone(), vec![(Subject::Origin(origin.clone()), State::Origin(Some(stop)))]))
        })
        .await
    }

    /// Lets scripts of a stopped origin run again.
    ///
    /// # Errors
    /// [`PagesError::Field`] when the text is no origin; [`PagesError::Store`].
    pub async fn allow_origin(
        &self,
        site: &SiteId,
        origin: &str,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let (site, origin) = (site.clone(), checked_origin(origin)?);
        self.decide(Draft::new(DecisionKind::AllowOrigin, by), move |_| {
            Ok((site.clone(), vec![(Subject::Origin(origin.clone()), State::Origin(None))]))
        })
        .await
    }

    /// Says how a class of pages is held from now on.
    ///
    /// # Errors
    /// [`PagesError::ClassesUnconfirmed`], [`PagesError::Breaks`] and [`PagesError::Plan`] when a policy is to be
    /// enforced; [`PagesError::Field`] when the address is none; [`PagesError::Store`].
    pub async fn set_hold(
        &self,
        site: &SiteId,
        class: PageClass,
        wish: HoldWish,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let elsewhere = elsewhere(&wish)?;
        if wish.stage == StageWord::Enforce {
            let proposal = self.proposal_with(site, class, Some(wish.trust)).await?;
            if let Some(error) = proposal.error {
                return Err(error.into());
            }
            let count = proposal.view.breakage.len();
            if count > 0 && !wish.despite_breakage {
                return Err(PagesError::Breaks { count });
            }
        }
        let draft = Draft { class: Some(class), ..Draft::new(DecisionKind::Hold, by) };
        let site = site.clone();
        let hold = HoldState { stage: wish.stage, undecided: wish.undecided, elsewhere, trust: wish.trust };
        let acts = wish.stage == StageWord::Enforce || wish.undecided != UndecidedWord::Told;
        self.decide(draft, move |tx| {
            if acts && store::site::rules(tx, &site)?.is_none() {
                return Err(PagesError::ClassesUnconfirmed);
            }
            Ok((site.clone(), vec![(Subject::Hold(class), State::Hold(hold.clone()))]))
        })
        .await
    }

    /// Says what pages of a site are for: the first rule that fits counts. Until somebody does, what pages look like
    /// ([`Pages::classes`]) is taken for it.
    ///
    /// # Errors
    /// [`PagesError::Field`] with more than 200 rules; [`PagesError::Store`].
    pub async fn set_classes(
        &self,
        site: &SiteId,
        rules: Vec<ClassRule>,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        if rules.len() > CLASS_RULES_MAX {
            return Err(PagesError::field("rules", format!("at most {CLASS_RULES_MAX} rules are kept")));
        }
        let site = site.clone();
        self.decide(Draft::new(DecisionKind::Classes, by), move |_| {
            Ok((site.clone(), vec![(Subject::Classes, State::Classes(Some(rules.clone())))]))
        })
        .await
    }

    /// Says what became of a change.
    ///
    /// # Errors
    /// [`PagesError::Field`] when the note is too long; [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn settle_change(
        &self,
        id: ChangeId,
        state: ChangeState,
        note: Option<&str>,
        by: Actor,
    ) -> Result<DecisionView, PagesError> {
        let note = note.map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
        if note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return Err(PagesError::field("note", format!("a note has at most {NOTE_BYTES_MAX} bytes")));
        }
        let kind = DecisionKind::SettleChange;
        let draft = Draft { justification: note.clone(), ..Draft::new(kind, by.clone()) };
        let now = self.now();
        self.decide(draft, move |tx| {
            let (site, _) = found(store::change::by_id(tx, id)?, "change")?;
            let after = State::Change { state, by: Some(by.clone()), at: Some(now), note: note.clone() };
            Ok((site, vec![(Subject::Change(id), after)]))
        })
        .await
    }

    /// Takes a decision back: everything is as it was before it.
    ///
    /// # Errors
    /// [`PagesError::Superseded`] when something else was decided about one of the things since;
    /// [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn undo(&self, id: DecisionId, by: Actor) -> Result<DecisionView, PagesError> {
        let draft = Draft { undoes: Some(id), ..Draft::new(DecisionKind::Undo, by) };
        self.decide(draft, move |tx| {
            let row = found(store::decision::by_id(tx, id)?, "decision")?;
            if row.undone_by.is_some() {
                return Err(PagesError::Superseded);
            }
            for item in &row.items {
                if store::state::now(tx, &row.site, &item.subject)? != Some(item.after.clone()) {
                    return Err(PagesError::Superseded);
                }
            }
            let back = row.items.into_iter().rev().map(|item| (item.subject, item.before));
            Ok((row.site, back.collect()))
        })
        .await
    }

    /// Reads what is, writes what shall be, the decision and its event, and wakes whoever serves the pages.
    async fn decide<F>(&self, draft: Draft, mut wishes: F) -> Result<DecisionView, PagesError>
    where
        F: FnMut(&mut Tx<'_>) -> Result<(SiteId, Wishes), PagesError> + Send + 'static,
    {
        let now = self.now();
        let id = DecisionId::new(now, self.entropy());
        let event = EventId::new(now, self.entropy());
        let row = self
            .db()
            .write(move |tx| {
                let (site, wishes) = wishes(tx)?;
                let items = apply(tx, &site, wishes)?;
                let Draft { kind, class, justification, by, undoes } = draft.clone();
                let row =
                    Row { id, site, class, kind, items, justification, by, at: now, undoes, undone_by: None };
                store::decision::insert(tx, &row)?;
                if let Some(undone) = undoes {
                    store::decision::set_undone(tx, undone, id)?;
                }
                tx.record(&story(&row, event))?;
                Ok::<_, PagesError>(row)
            })
            .await?;
        self.refresh_site(&row.site).await?;
        Ok(row.view())
    }
}

impl Draft {
    fn new(kind: DecisionKind, by: Actor) -> Self {
        Self { kind, class: None, justification: None, by, undoes: None }
    }
}

fn apply(tx: &mut Tx<'_>, site: &SiteId, wishes: Wishes) -> Result<Vec<Item>, PagesError> {
    let mut items = Vec::new();
    for (subject, after) in wishes {
        let before = found(store::state::now(tx, site, &subject)?, "thing to decide about")?;
        let label = store::state::label(tx, &subject)?;
        store::state::set(tx, site, &subject, &after)?;
        items.push(Item { subject, label, before, after });
    }
    if items.is_empty() {
        return Err(PagesError::NotFound { what: "thing left to decide about" });
    }
    Ok(items)
}

/// The event of a decision.
fn story(row: &Row, id: EventId) -> Event {
    let hold = row.items.iter().find_map(|item| match &item.after {
        State::Hold(hold) => Some(hold),
        _ => None,
    });
    let kind = if hold.is_some() { &event::HELD } else { &event::DECIDED };
    let mut event = Event::new(kind, id, row.at, row.by.clone())
        .site(&row.site)
        .entity("pages_decision", row.id)
        .field("kind", row.kind.as_str())
        .field("items", i64::try_from(row.items.len()).unwrap_or(i64::MAX));
    if let Some(class) = row.class {
        event = event.field("class", class.as_str());
    }
    if let Some(item) = row.items.first() {
        event = event.field("first", item.label.as_str());
    }
    if let Some(hold) = hold {
        event = event.field("stage", hold.stage.as_str()).field("undecided", hold.undecided.as_str());
    }
    match &row.justification {
        Some(text) => event.field("justification", text.as_str()),
        None => event,
    }
}

fn headers_of(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    by: &Actor,
    at: gabion_core::Timestamp,
) -> Result<Wishes, PagesError> {
    let pages = store::page::all(tx, site)?.into_iter().filter(|row| row.view.class == class);
    let baseline = |row: store::page::Row| {
        let baseline = Baseline { headers: row.headers, by: by.clone(), at };
        (Subject::Headers(row.view.path), State::Headers(Some(baseline)))
    };
    Ok(pages.map(baseline).collect())
}

fn pin_of(view: &crate::script::ScriptView) -> Result<String, PagesError> {
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
    view.hash.clone().map_or_else(|| refuse("nobody saw yet what it says"), Ok)
}

fn found<T>(thing: Option<T>, what: &'static str) -> Result<T, PagesError> {
    thing.ok_or(PagesError::NotFound { what })
}

fn same_site(site: &mut Option<SiteId>, other: &SiteId) -> Result<(), PagesError> {
    match site.get_or_insert_with(|| other.clone()) == other {
        true => Ok(()),
        false => Err(PagesError::field("site", "one decision is about things of one site")),
    }
}

fn bounded(items: usize) -> Result<(), PagesError> {
    match items {
        0 => Err(PagesError::field("items", "name what you decide about")),
        1..=ITEMS_MAX => Ok(()),
        _ => Err(PagesError::field("items", format!("one decision is about at most {ITEMS_MAX} things"))),
    }
}

fn justification(text: &str) -> Result<String, PagesError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(PagesError::field("justification", "say why, in a sentence"));
    }
    if text.len() > JUSTIFICATION_BYTES_MAX {
        let reason = format!("a justification has at most {JUSTIFICATION_BYTES_MAX} bytes");
        return Err(PagesError::field("justification", reason));
    }
    Ok(text.to_owned())
}

fn owner(text: Option<&str>) -> Result<Option<String>, PagesError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.len() > OWNER_BYTES_MAX || text.chars().any(char::is_control)) {
        let reason = format!("a name has at most {OWNER_BYTES_MAX} bytes and no line breaks");
        return Err(PagesError::field("owner", reason));
    }
    Ok(text.map(str::to_owned))
}

fn checked_origin(text: &str) -> Result<String, PagesError> {
    let address = Address::parse(text.trim()).filter(|address| address.path() == "/");
    let refuse = || PagesError::field("origin", "an origin is like https://cdn.example");
    address.map(|address| address.origin()).ok_or_else(refuse)
}

fn elsewhere(wish: &HoldWish) -> Result<Option<String>, PagesError> {
    if wish.undecided != UndecidedWord::Elsewhere {
        return Ok(None);
    }
    let address = wish.elsewhere.as_deref().and_then(|text| Address::parse(text.trim()));
    let address = address.filter(|address| address.scheme() == "https");
    let refuse =
        || PagesError::field("elsewhere", "customers are led to an address like https://pay.example/link");
    address.map(|address| Some(address.to_string())).ok_or_else(refuse)
}
