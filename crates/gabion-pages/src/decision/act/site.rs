//! Decisions about places, headers, origins, changes, and how pages of a site are held.

use gabion_core::{Actor, SiteId};
use gabion_markup::class::{CLASS_RULES_MAX, ClassRule};
use gabion_markup::{Address, PageClass};

use super::{Draft, Wishes, bounded, found, headers_of, justification, same_site};
use crate::change::{ChangeState, NOTE_BYTES_MAX};
use crate::decision::{
    DecisionKind, DecisionView, HoldState, HoldWish, StageWord, State, Stop, Subject, UndecidedWord,
};
use crate::{ChangeId, DestinationId, Pages, PagesError, Status, store};

impl Pages {
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
    /// [`PagesError::ClassesUnconfirmed`], [`PagesError::Unseen`], [`PagesError::Breaks`] and [`PagesError::Plan`] when a policy is to be
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
            if proposal.view.page_views == 0 {
                return Err(PagesError::Unseen);
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
