//! Looking at new content of scripts before it is written: reading words takes longer than a transaction may.

use gabion_core::Severity;
use gabion_markup::script::{Risk, RiskKind, new_risks, risks};

use super::fact::{Content, Fact, What};
use crate::change::RiskNote;
use crate::{Pages, PagesError, aside, store};

/// Risks that are kept with a change.
const RISKS_KEPT_MAX: usize = 12;

/// What in new content is worth a look.
#[derive(Clone, Debug)]
pub(crate) struct Assessment {
    /// The most severe of all.
    pub(crate) severity: Option<Severity>,
    /// Those that matter most.
    pub(crate) notes: Vec<RiskNote>,
}

impl Assessment {
    fn of(mut risks: Vec<Risk>) -> Self {
        // A place that is only mentioned says nothing by itself.
        risks.retain(|risk| risk.kind != RiskKind::NamesOrigin);
        risks.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
        let severity = risks.first().map(|risk| risk.severity);
        let note = |risk: &Risk| RiskNote {
            kind: risk.kind.code().to_owned(),
            detail: risk.detail.clone(),
            severity: risk.severity.as_str().to_owned(),
        };
        Self { severity, notes: risks.iter().take(RISKS_KEPT_MAX).map(note).collect() }
    }

    /// Whether it looks like what steals cards.
    pub(crate) fn is_critical(&self) -> bool {
        self.severity == Some(Severity::Critical)
    }
}

impl Pages {
    /// Says of content that is not known yet what is worth a look in it.
    pub(super) async fn assess(&self, facts: Vec<Fact>) -> Result<Vec<Fact>, PagesError> {
        let asked: Vec<_> = facts
            .iter()
            .enumerate()
            .filter_map(|(at, fact)| {
                let (key, content) = content_of(&fact.what)?;
                content.beginning.as_ref()?;
                Some((at, fact.site.clone(), key, content.hash.clone()))
            })
            .collect();
        if asked.is_empty() {
            return Ok(facts);
        }
        let unknown = self
            .db()
            .read(move |tx| {
                let mut unknown = Vec::new();
                for (at, site, key, hash) in &asked {
                    if store::version::known(tx, site, key, hash)? != Some(true) {
                        let before = store::version::last_texts(tx, site, key)?;
                        unknown.push((*at, before.into_iter().next().map(|(_, text)| text)));
                    }
                }
                Ok::<_, PagesError>(unknown)
            })
            .await?;
        Ok(aside(move || weigh(facts, unknown)).await)
    }
}

/// Fills in assessments of facts, by their place, given what the script said before.
fn weigh(mut facts: Vec<Fact>, unknown: Vec<(usize, Option<String>)>) -> Vec<Fact> {
    for (at, before) in unknown {
        if let Some(content) = content_of_mut(&mut facts[at].what) {
            let text = content.beginning.as_deref().unwrap_or_default();
            let found = before.map_or_else(|| risks(text), |before| new_risks(&before, text));
            content.assessment = Some(Assessment::of(found));
        }
    }
    facts
}

fn content_of(what: &What) -> Option<(String, &Content)> {
    match what {
        What::Script(script) => Some((script.key.to_string(), script.content.as_ref()?)),
        What::Content(fact) => Some((fact.key.to_string(), &fact.content)),
        _ => None,
    }
}

fn content_of_mut(what: &mut What) -> Option<&mut Content> {
    match what {
        What::Script(script) => script.content.as_mut(),
        What::Content(fact) => Some(&mut fact.content),
        _ => None,
    }
}
