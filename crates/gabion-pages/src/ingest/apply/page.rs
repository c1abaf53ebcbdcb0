//! Writing what was seen of a page as a whole: its headers against what was approved, and that it was looked at.

use gabion_core::Severity;
use gabion_markup::PageClass;
use gabion_markup::headers::{Alteration, HeaderChange, SecurityHeaders};

use super::super::fact::PageFact;
use super::super::raise::{Found, limit};
use super::{There, Writer};
use crate::change::ChangeKind;
use crate::overview::PageView;
use crate::store::day::{self, Day};
use crate::store::headers::{Baseline, Stored};
use crate::store::page::PAGES_PER_SITE_MAX;
use crate::{PagesError, store};

impl Writer<'_, '_> {
    pub(super) fn page(&mut self, there: There<'_>, fact: &PageFact) -> Result<(), PagesError> {
        let site = there.site;
        let before = store::page::by_path(self.tx, site, &fact.path)?;
        if before.as_ref().is_none_or(|row| row.view.proposed != fact.proposed) {
            self.renew(site);
        }
        let view = PageView {
            path: fact.path.clone(),
            address: fact.address.clone(),
            class: fact.class,
            proposed: fact.proposed,
            reasons: fact.reasons.clone(),
            first_seen: there.at,
            last_seen: there.at,
            servings: fact.servings,
            has_baseline: false,
            looked_at: None,
            look_ok_at: None,
            look_error: None,
        };
        if !store::page::note(self.tx, site, &view, &Stored::of(&fact.headers))? {
            limit(self.tx, site, there.at, "pages", fact.class, PAGES_PER_SITE_MAX)?;
        }
        if fact.class == PageClass::Other {
            return Ok(());
        }
        let today = Day {
            class: fact.class,
            path: fact.path.clone(),
            servings: fact.servings,
            looks: fact.looks,
            scripts: fact.scripts,
            ..Day::default()
        };
        day::add(self.tx, site, there.at, &today)?;
        let baseline = match before.and_then(|row| row.baseline) {
            Some(own) => Some(own),
            None => store::page::baseline_of_class(self.tx, site, fact.class)?,
        };
        baseline.map_or(Ok(()), |baseline| self.headers(there, fact, &baseline))
    }

    fn headers(&mut self, there: There<'_>, fact: &PageFact, baseline: &Baseline) -> Result<(), PagesError> {
        let approved: SecurityHeaders = baseline.headers.read();
        let is_loss =
            |change: &HeaderChange| matches!(change.alteration, Alteration::Removed | Alteration::Weakened);
        for change in approved.changes_to(&fact.headers).into_iter().filter(is_loss) {
            let found = Found {
                kind: ChangeKind::HeaderWeakened,
                class: fact.class,
                page: &fact.page,
                subject: &change.header,
                once: format!("{} {} {}", fact.path, baseline.at.micros(), change.sentence),
                sentence: change.sentence,
                script: None,
                hash_before: None,
                hash_after: None,
                assessment: None,
                by: fact.by,
                severity: match fact.class {
                    PageClass::Payment => Severity::Critical,
                    PageClass::SignIn | PageClass::Account | PageClass::Other => Severity::Warning,
                },
            };
            self.raise(there, found)?;
        }
        Ok(())
    }
}
