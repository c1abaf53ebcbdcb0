//! Telling: a change, its event, and how much it matters.

use std::collections::BTreeMap;

use gabion_core::{Actor, Event, EventId, Severity, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::{StoreError, Tx};

use super::assess::Assessment;
use crate::change::{ChangeKind, ChangeState, ChangeView, REPORTED_CHANGES_PER_DAY_MAX};
use crate::class::starred;
use crate::identity::site_bits;
use crate::store::day::{self, Day};
use crate::{ChangeId, ScriptId, SeenBy, event, store};

/// A change before it is weighed.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) class: PageClass,
    /// The address of the page.
    pub(crate) page: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) sentence: String,
    pub(crate) script: Option<ScriptId>,
    pub(crate) hash_before: Option<String>,
    pub(crate) hash_after: Option<String>,
    pub(crate) assessment: Option<&'a Assessment>,
    pub(crate) by: SeenBy,
    pub(crate) severity: Severity,
    /// What makes it the same change when it is found again.
    pub(crate) once: String,
}

/// How much something new matters on pages of a class.
pub(crate) fn severity(
    class: PageClass,
    is_approved: bool,
    is_expected: bool,
    assessment: Option<&Assessment>,
) -> Severity {
    if assessment.is_some_and(Assessment::is_critical) {
        return Severity::Critical;
    }
    match class {
        _ if !is_approved || is_expected => Severity::Info,
        PageClass::Payment => Severity::Critical,
        PageClass::SignIn | PageClass::Account => Severity::Warning,
        PageClass::Other => Severity::Info,
    }
}

/// Whether people approved what is on pages of a class, remembered for one transaction.
#[derive(Default)]
pub(crate) struct Approved(BTreeMap<(SiteId, PageClass), bool>);

impl Approved {
    pub(crate) fn is(
        &mut self,
        tx: &mut Tx<'_>,
        site: &SiteId,
        class: PageClass,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.0.get(&(site.clone(), class)) {
            return Ok(*known);
        }
        let is = store::script::any_authorized(tx, site, class)?
            || store::page::baseline_of_class(tx, site, class)?.is_some();
        self.0.insert((site.clone(), class), is);
        Ok(is)
    }
}

/// Writes a change and its event. Says whether it is new and was told.
pub(crate) fn raise(
    tx: &mut Tx<'_>,
    site: &SiteId,
    at: Timestamp,
    found: Found<'_>,
) -> Result<bool, StoreError> {
    if found.by.is_hearsay() {
        let today = day::start_of(day::number_of(at));
        if store::change::reported_since(tx, site, today)? >= REPORTED_CHANGES_PER_DAY_MAX as u64 {
            limit(tx, site, at, "reported_changes", found.class, REPORTED_CHANGES_PER_DAY_MAX as u64)?;
            return Ok(false);
        }
    }
    let fingerprint = format!("{} {} {} {}", found.kind, found.class, found.subject, found.once);
    let bits = site_bits(at, site, &["change", &fingerprint]);
    let change = ChangeView {
        id: ChangeId::from_bits(bits),
        class: found.class,
        kind: found.kind,
        severity: found.severity,
        page: found.page.to_owned(),
        subject: found.subject.to_owned(),
        sentence: found.sentence,
        script: found.script,
        hash_before: found.hash_before,
        hash_after: found.hash_after,
        risks: found.assessment.map(|assessment| assessment.notes.clone()).unwrap_or_default(),
        seen_by: found.by,
        at,
        state: ChangeState::Open,
        settled_by: None,
        settled_at: None,
        note: None,
    };
    if !store::change::insert(tx, site, &fingerprint, &change)? {
        return Ok(false);
    }
    tx.record(&story(site, &change))?;
    if change.class != PageClass::Other
        && let Some(address) = gabion_markup::Address::parse(&change.page)
    {
        let path = starred(address.path());
        day::add(tx, site, at, &Day { class: change.class, path, changes: 1, ..Day::default() })?;
    }
    Ok(true)
}

fn story(site: &SiteId, change: &ChangeView) -> Event {
    let id = EventId::from_bits(change.id.bits());
    let mut event = Event::new(change.kind.event(), id, change.at, Actor::System)
        .site(site)
        .entity("pages_change", change.id)
        .field("class", change.class.as_str())
        .field("page", change.page.as_str())
        .field("key", change.subject.as_str())
        .field("detail", change.sentence.as_str())
        .field("seen_by", change.seen_by.to_string());
    if let Some(risk) = change.risks.first() {
        event = event.field("risk", format!("{} {}", risk.kind, risk.detail));
    }
    event.severity = change.severity;
    event
}

/// Tells that there are as many of something as are kept; once a day.
pub(crate) fn limit(
    tx: &mut Tx<'_>,
    site: &SiteId,
    at: Timestamp,
    what: &'static str,
    class: PageClass,
    limit: u64,
) -> Result<(), StoreError> {
    let today = day::start_of(day::number_of(at));
    let id = EventId::from_bits(site_bits(today, site, &["limit", what, class.as_str()]));
    let event = Event::new(&event::LIMIT_REACHED, id, at, Actor::System)
        .site(site)
        .field("what", what)
        .field("class", class.as_str())
        .field("limit", i64::try_from(limit).unwrap_or(i64::MAX));
    tx.record(&event)
}
