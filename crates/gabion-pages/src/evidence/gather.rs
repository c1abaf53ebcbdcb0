//! Gathering what an export says.

use std::time::Duration;

use gabion_core::{Actor, Event, EventId, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::Tx;
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::{EVIDENCE_DAYS_MAX, EvidenceHead, Period, REQUIREMENTS, Requirement};
use crate::change::ChangeView;
use crate::decision::DecisionView;
use crate::destination::DestinationView;
use crate::overview::{BaselineView, ClassOverview, PageView, StoppedOrigin};
use crate::script::{ScriptView, VersionView};
use crate::store::day::Day;
use crate::{Pages, PagesError, event, store};

/// Changes and decisions that one export holds at most; with more it says so.
const ROWS_MAX: usize = 5_000;
/// Longer than a year has seconds, so that a year's last day counts.
const PERIOD_MAX: Duration = Duration::from_secs(EVIDENCE_DAYS_MAX * 24 * 3600);

/// What an export says.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    head: EvidenceHead,
    /// What this is, in a sentence.
    about: &'static str,
    requirements: [Requirement; 5],
    classes: Vec<ClassOverview>,
    payment_pages: Vec<PageView>,
    scripts: Vec<ScriptEvidence>,
    destinations: Vec<DestinationView>,
    stopped_origins: Vec<StoppedOrigin>,
    baselines: Vec<BaselineView>,
    decisions: Vec<DecisionView>,
    changes: Vec<ChangeView>,
    evaluations: Vec<Day>,
    /// Whether there were more decisions, changes or evaluations than an export holds.
    is_partial: bool,
}

/// A script with what it said.
#[derive(Serialize)]
struct ScriptEvidence {
    #[serde(flatten)]
    script: ScriptView,
    versions: Vec<VersionView>,
}

const ABOUT: &str = "What Gabion saw of the payment pages of this site and what people decided about it. \
    It records what was observed; it does not judge whether a requirement is met.";

impl Pages {
    /// Everything that is known of the payment pages of a site in a period, as signed JSON. See
    /// [`verify_evidence`](super::verify_evidence).
    ///
    /// # Errors
    /// [`PagesError::Field`] when the period is longer than a year or ends before it begins; [`PagesError::Store`].
    pub async fn evidence(&self, site: &SiteId, period: Period, by: Actor) -> Result<String, PagesError> {
        checked(period)?;
        let now = self.now();
        let head = EvidenceHead { site: site.clone(), period, made_at: now };
        let of = site.clone();
        let document = self.db().read(move |tx| document(tx, &of, &head, now)).await?;
        let raw = to_raw_value(&document).expect("evidence serializes");
        let signed = self.sign_evidence(&raw);
        let event = Event::new(&event::EVIDENCE_EXPORTED, EventId::new(now, self.entropy()), now, by)
            .site(site)
            .field("from", period.from.to_string())
            .field("until", period.until.to_string())
            .field("digest", signed.digest.to_string());
        self.db().write(move |tx| tx.record(&event)).await?;
        Ok(signed.text)
    }
}

pub(crate) fn checked(period: Period) -> Result<(), PagesError> {
    if period.from >= period.until {
        return Err(PagesError::field("until", "the period ends before it begins"));
    }
    if period.until.since(period.from) > PERIOD_MAX {
        let reason = format!("evidence covers at most {EVIDENCE_DAYS_MAX} days");
        return Err(PagesError::field("from", reason));
    }
    Ok(())
}

fn document(
    tx: &mut Tx<'_>,
    site: &SiteId,
    head: &EvidenceHead,
    now: Timestamp,
) -> Result<Document, PagesError> {
    let payment = PageClass::Payment;
    let period = (head.period.from, head.period.until);
    let mut scripts = Vec::new();
    for script in store::script::all(tx, site, Some(payment))? {
        let versions = store::version::of(tx, site, &script.key)?;
        scripts.push(ScriptEvidence { script, versions });
    }
    let pages = store::page::all(tx, site)?;
    let payment_pages: Vec<_> = pages.into_iter().filter(|row| row.view.class == payment).collect();
    let mut changes = store::change::between(tx, site, period, "", ROWS_MAX + 1)?;
    let mut decisions = store::decision::between(tx, site, period, "", ROWS_MAX + 1)?;
    let evaluations = store::day::between(tx, site, payment, period)?;
    let is_partial = changes.len() > ROWS_MAX
        || decisions.len() > ROWS_MAX
        || evaluations.len() == store::day::DAYS_PER_READ;
    changes.truncate(ROWS_MAX);
    changes.retain(|change| change.class == payment);
    decisions.truncate(ROWS_MAX);
    Ok(Document {
        head: head.clone(),
        about: ABOUT,
        requirements: REQUIREMENTS,
        classes: store::overview::classes(tx, site, now)?,
        payment_pages: payment_pages.iter().map(|row| row.view.clone()).collect(),
        scripts,
        destinations: store::destination::all(tx, site, Some(payment))?,
        stopped_origins: store::site::stopped(tx, site)?,
        baselines: payment_pages.into_iter().filter_map(store::page::Row::baseline).collect(),
        decisions: decisions.into_iter().map(store::decision::Row::view).collect(),
        changes,
        evaluations,
        is_partial,
    })
}
