//! Writing facts.

mod page;
mod script;

use std::collections::BTreeSet;
use std::time::Duration;

use gabion_core::{SiteId, Timestamp};
use gabion_markup::answer::Leak;
use gabion_markup::{Address, PageClass};
use gabion_store::Tx;

use super::fact::{Fact, PlaceFact, What};
use super::raise::{Approved, Found, limit, raise, severity};
use crate::change::ChangeKind;
use crate::destination::{DESTINATIONS_PER_CLASS_MAX, DestinationView, REPORTED_DESTINATIONS_PER_CLASS_MAX};
use crate::identity::site_bits;
use crate::store::class::{VIOLATIONS_PER_CLASS_MAX, ViolationRow};
use crate::store::destination::{FORMS_PER_CLASS_MAX, Target};
use crate::{DestinationId, PagesError, SeenBy, Status, company, store};

/// How exact it is when something was seen last: writing it every time would be most of the work.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// What writing facts did.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) changes: usize,
    /// Sites where what pages are held to may be different now.
    pub(crate) renewed: BTreeSet<SiteId>,
}

/// Writes facts in their order.
pub(crate) fn all(tx: &mut Tx<'_>, facts: &[Fact]) -> Result<Effects, PagesError> {
    let mut writer = Writer { tx, approved: Approved::default(), effects: Effects::default() };
    facts.iter().try_for_each(|fact| writer.write(fact))?;
    Ok(writer.effects)
}

struct Writer<'a, 'c> {
    tx: &'a mut Tx<'c>,
    approved: Approved,
    effects: Effects,
}

/// Where and when.
#[derive(Clone, Copy)]
struct There<'f> {
    site: &'f SiteId,
    at: Timestamp,
}

impl Writer<'_, '_> {
    fn write(&mut self, fact: &Fact) -> Result<(), PagesError> {
        let there = There { site: &fact.site, at: fact.at };
        match &fact.what {
            What::Class { class, servings, reports, address } => {
                self.class(there, *class, (*servings, *reports), address)
            }
            What::Page(page) => self.page(there, page),
            What::Script(script) => self.script(there, script),
            What::Content(fact) => self.content(there, &fact.key.to_string(), &fact.content, fact.by),
            What::Destination(place) => self.destination(there, place),
            What::Form { place, path, name } => self.form(there, place, path, name),
            What::Violation { class, page, directive, blocked, sample, count } => {
                let row = ViolationRow {
                    directive: directive.clone(),
                    blocked: blocked.clone(),
                    page: page.clone(),
                    last_seen: there.at,
                    reports: *count,
                };
                if !store::class::note_violation(self.tx, there.site, *class, &row, sample)? {
                    limit(self.tx, there.site, there.at, "violations", *class, VIOLATIONS_PER_CLASS_MAX)?;
                }
                Ok(())
            }
            What::Leak { address, leak } => self.leak(there, address, leak),
        }
    }

    fn class(
        &mut self,
        there: There<'_>,
        class: PageClass,
        counts: (u64, u64),
        address: &str,
    ) -> Result<(), PagesError> {
        if store::class::one(self.tx, there.site, class)?.is_none_or(|row| row.first_seen.is_none()) {
            self.renew(there.site);
        }
        Ok(store::class::note(self.tx, there.site, class, counts, there.at, address)?)
    }

    fn renew(&mut self, site: &SiteId) {
        self.effects.renewed.insert(site.clone());
    }

    fn raise(&mut self, there: There<'_>, found: Found<'_>) -> Result<(), PagesError> {
        self.effects.changes += usize::from(raise(self.tx, there.site, there.at, found)?);
        Ok(())
    }

    fn is_approved(&mut self, there: There<'_>, class: PageClass) -> Result<bool, PagesError> {
        Ok(self.approved.is(self.tx, there.site, class)?)
    }

    fn destination(&mut self, there: There<'_>, fact: &PlaceFact) -> Result<(), PagesError> {
        let PlaceFact { class, kind, place, entered, page, by } = fact;
        let site = there.site;
        if let Some(known) = store::destination::by_place(self.tx, site, *class, *kind, place)? {
            if known.seen_by.is_hearsay() && !by.is_hearsay() {
                self.renew(site);
            }
            let is_noted = known.seen_by.has(*by)
                && known.receives.has(*entered)
                && there.at.since(known.last_seen) < NOTED_EVERY;
            if !is_noted {
                store::destination::touch(self.tx, known.id, there.at, *by, *entered, page)?;
            }
            return Ok(());
        }
        let (all, told) = store::destination::counts(self.tx, site, *class)?;
        if all >= DESTINATIONS_PER_CLASS_MAX as u64 {
            return Ok(limit(self.tx, site, there.at, "destinations", *class, all)?);
        }
        if by.is_hearsay() && told >= REPORTED_DESTINATIONS_PER_CLASS_MAX as u64 {
            return Ok(limit(self.tx, site, there.at, "reported_destinations", *class, told)?);
        }
        let bits = site_bits(there.at, site, &["destination", class.as_str(), kind.as_str(), place]);
        let known = Address::parse(place).and_then(|address| company::of_host(address.host()));
        let view = DestinationView {
            id: DestinationId::from_bits(bits),
            class: *class,
            kind: *kind,
            place: place.clone(),
            company: known.map(|known| known.company),
            first_seen: there.at,
            last_seen: there.at,
            seen_by: *by,
            page: page.clone(),
            receives: *entered,
            status: Status::New,
            justification: None,
            decided_by: None,
            decided_at: None,
        };
        store::destination::insert(self.tx, site, &view)?;
        self.renew(site);
        let is_approved = self.is_approved(there, *class)?;
        let whose = view.company.map(|company| format!(" ({company})")).unwrap_or_default();
        self.raise(
            there,
            Found {
                kind: ChangeKind::DestinationAppeared,
                class: *class,
                page,
                subject: &view.subject(),
                sentence: format!("A new place for {}: {place}{whose}.", purpose(*kind)),
                script: None,
                hash_before: None,
                hash_after: None,
                assessment: None,
                by: *by,
                severity: severity(*class, is_approved, false, None),
                once: there.at.micros().to_string(),
            },
        )
    }

    fn form(
        &mut self,
        there: There<'_>,
        place: &PlaceFact,
        path: &str,
        name: &str,
    ) -> Result<(), PagesError> {
        let PlaceFact { class, place: target, entered, page, by, .. } = place;
        match store::destination::note_form(self.tx, there.site, *class, (path, name, target), there.at)? {
            Target::Expected => Ok(()),
            Target::Beyond => Ok(limit(self.tx, there.site, there.at, "forms", *class, FORMS_PER_CLASS_MAX)?),
            Target::New => {
                let is_approved = self.is_approved(there, *class)?;
                let is_own = target.starts_with('/');
                let weight = severity(*class, is_approved, is_own && entered.is_empty(), None);
                let weight = if is_own { weight } else { weight.max(gabion_core::Severity::Warning) };
                let found = Found {
                    kind: ChangeKind::FormRedirected,
                    class: *class,
                    page,
                    subject: target,
                    sentence: format!("The form \"{name}\" of {path} is sent to {target} now."),
                    script: None,
                    hash_before: None,
                    hash_after: None,
                    assessment: None,
                    by: *by,
                    severity: weight,
                    once: format!("{path} {name} {}", there.at.micros()),
                };
                self.raise(there, found)
            }
        }
    }

    fn leak(&mut self, there: There<'_>, address: &Address, leak: &Leak) -> Result<(), PagesError> {
        let rules = store::site::rules(self.tx, there.site)?.unwrap_or_default();
        let address = address.scrubbed();
        let page = format!("{}{}", address.origin(), crate::class::starred(address.path()));
        let found = Found {
            kind: ChangeKind::LeakFound,
            class: PageClass::of(address.path(), &rules),
            page: &page,
            subject: leak.code,
            sentence: format!("{} {}", leak.sentence, leak.fix),
            script: None,
            hash_before: None,
            hash_after: None,
            assessment: None,
            by: SeenBy::SERVED,
            severity: leak.severity,
            once: crate::class::starred(address.path()),
        };
        self.raise(there, found)
    }
}

const fn purpose(kind: crate::destination::DestinationKind) -> &'static str {
    use crate::destination::DestinationKind as K;
    match kind {
        K::Form => "forms",
        K::Frame => "frames",
        K::Connect => "what scripts send",
        K::Image => "pictures",
        K::Style => "stylesheets",
        K::Font => "fonts",
        K::Media => "sound and film",
        K::Worker => "workers",
        K::Eval => "script made of text",
    }
}
