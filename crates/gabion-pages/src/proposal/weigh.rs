//! What a policy would stop of what is in the inventory.

use std::collections::BTreeMap;
use std::time::Duration;

use gabion_core::{SiteId, Timestamp};
use gabion_markup::holding::{ScriptKey, TrustBy};
use gabion_markup::policy::{Mode, Policy, Subject, Verdict, Where};
use gabion_markup::report::{Blocked, Violation};
use gabion_markup::{Address, PageClass};

use super::allow::{Made, SHOWN_NONCE};
use super::{Breakage, Inventory, Only, Proposal, Weighed};
use crate::decision::TrustWord;
use crate::destination::{DestinationKind, DestinationView};
use crate::script::ScriptView;
use crate::store::class::ViolationRow;
use crate::{Pages, PagesError, Status, store};

/// What was not seen for so long is not broken by a policy.
const RECENT: Duration = Duration::from_secs(30 * 24 * 3600);

impl Pages {
    /// The proposal of a class, by another trust than the one that is set where `trust` says so.
    pub(crate) async fn proposal_with(
        &self,
        site: &SiteId,
        class: PageClass,
        trust: Option<TrustWord>,
    ) -> Result<Weighed, PagesError> {
        let site = site.clone();
        let (mut inventory, row, violations) = self
            .db()
            .read(move |tx| {
                let inventory = Inventory::read(tx, &site, class)?;
                let row = store::class::one(tx, &site, class)?;
                Ok::<_, PagesError>((inventory, row, store::class::violations(tx, &site, class)?))
            })
            .await?;
        if let Some(trust) = trust {
            inventory.hold.trust = trust;
        }
        let since = self.now().before(RECENT);
        let page = row.as_ref().and_then(|row| Address::parse(&row.address));
        let seen = inventory.make(Only::Seen, Mode::Enforce);
        let enforced = inventory.make(Only::Authorized, Mode::Enforce);
        let breakage = match (&enforced.answers, &page) {
            (Ok(answers), Some(page)) => {
                let weighing = Weighing { policy: &answers.policy, page, trust: enforced.trust, since };
                weighing.all(&inventory, &violations)
            }
            _ => Vec::new(),
        };
        let undecided = inventory.scripts.iter().map(|script| script.status);
        let undecided = undecided.chain(inventory.destinations.iter().map(|place| place.status));
        let page_views = row.as_ref().map_or(0, |row| row.servings);
        let unmade = [&enforced, &seen].into_iter().find_map(|made| made.answers.as_ref().err());
        let view = Proposal {
            class,
            seen_policy: shown(&seen),
            enforced_policy: shown(&enforced),
            problem: unmade
                .map(ToString::to_string)
                .or_else(|| (page_views == 0).then(|| PagesError::Unseen.to_string())),
            directives: directives(&enforced),
            trust: match enforced.trust {
                TrustBy::Places => TrustWord::Places,
                TrustBy::Nonce => TrustWord::Nonce,
                TrustBy::StrictDynamic => TrustWord::StrictDynamic,
            },
            needs_nonce: inventory.needs_nonce(Only::Seen),
            page_views,
            reports: row.as_ref().map_or(0, |row| row.reports),
            learning_since: row.as_ref().and_then(|row| row.first_seen),
            undecided: undecided.filter(|status| *status == Status::New).count() as u64,
            breakage,
        };
        Ok(Weighed { view, error: enforced.answers.err() })
    }
}

fn shown(made: &Made) -> String {
    let Ok(answers) = &made.answers else { return String::new() };
    let policy = answers.headers.iter().find(|header| header.name.starts_with("content-security-policy"));
    policy.map_or_else(String::new, |header| header.value.replace(SHOWN_NONCE, "…"))
}

fn directives(made: &Made) -> BTreeMap<String, Vec<String>> {
    let text = shown(made);
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut words = part.split_ascii_whitespace().map(str::to_owned);
            (words.next().unwrap_or_default(), words.collect())
        })
        .collect()
}

/// A policy against what pages do.
struct Weighing<'a> {
    policy: &'a Policy,
    page: &'a Address,
    trust: TrustBy,
    since: Timestamp,
}

impl Weighing<'_> {
    fn all(&self, inventory: &Inventory, violations: &[ViolationRow]) -> Vec<Breakage> {
        let reports = |what: &str| {
            violations.iter().filter(|row| row.blocked == what).map(|row| row.reports).sum::<u64>()
        };
        let mut broken = Vec::new();
        for script in inventory.scripts(Only::Seen).filter(|script| script.last_seen >= self.since) {
            if let Some(directive) = self.script(script) {
                broken.push(Breakage {
                    directive,
                    what: script.key.clone(),
                    label: script.label.clone(),
                    page: script.page.clone(),
                    last_seen: script.last_seen,
                    is_reported_only: script.seen_by.is_hearsay(),
                    reports: reports(&script.key),
                });
            }
        }
        let places = inventory.places(Only::Seen);
        for place in places.filter(|place| place.last_seen >= self.since) {
            if let Some(directive) = self.place(place) {
                let own = violations.iter().filter(|row| row.blocked.starts_with(&place.place));
                broken.push(Breakage {
                    directive,
                    what: place.place.clone(),
                    label: place.subject(),
                    page: place.page.clone(),
                    last_seen: place.last_seen,
                    is_reported_only: place.seen_by.is_hearsay(),
                    reports: own.map(|row| row.reports).sum(),
                });
            }
        }
        broken.extend(violations.iter().filter_map(|row| self.inline(row)));
        broken
    }

    fn script(&self, script: &ScriptView) -> Option<String> {
        let has_nonce = script.status == Status::Authorized && !script.seen_by.is_hearsay();
        let nonce = (self.trust != TrustBy::Places && has_nonce).then_some(SHOWN_NONCE);
        let is_in_page = !script.seen_by.is_hearsay();
        match script.key.parse().ok()? {
            ScriptKey::Web(address) => {
                let from = Where::Web(&address);
                self.forbids(&Subject::Script { from, nonce, integrity: None, is_in_page })
            }
            ScriptKey::Inline(hash) | ScriptKey::Skeleton(hash) => {
                self.forbids(&Subject::Inline { hash, nonce })
            }
            ScriptKey::Handler(hash) => self.forbids(&Subject::Handler { hash }),
            ScriptKey::Opaque(_) => {
                let from = Where::Scheme("data");
                self.forbids(&Subject::Script { from, nonce, integrity: None, is_in_page })
            }
        }
    }

    fn place(&self, place: &DestinationView) -> Option<String> {
        if place.kind == DestinationKind::Eval {
            return self.forbids(&Subject::Eval);
        }
        let directive = place.kind.directive();
        let address = Address::parse(&place.place);
        let to = match (&address, place.place.as_str()) {
            (Some(address), _) => Where::Web(address),
            (None, "self") => Where::Web(self.page),
            (None, scheme) => Where::Scheme(scheme.trim_end_matches(':')),
        };
        self.forbids(&Subject::Reach { directive, to })
    }

    fn forbids(&self, subject: &Subject<'_>) -> Option<String> {
        match self.policy.weigh(subject, self.page) {
            Verdict::Forbidden(directive) => Some(directive),
            Verdict::Allowed | Verdict::Ungoverned => None,
        }
    }

    /// What reports told of without saying what it is.
    fn inline(&self, row: &ViolationRow) -> Option<Breakage> {
        let blocked = match row.blocked.as_str() {
            "inline" => Blocked::Inline,
            "wasm" => Blocked::Wasm,
            _ => return None,
        };
        if row.last_seen < self.since {
            return None;
        }
        let violation = Violation {
            directive: row.directive.clone(),
            blocked,
            is_enforced: false,
            source: None,
            line: None,
            column: None,
            sample: String::new(),
        };
        let Some(Verdict::Forbidden(directive)) = violation.under(self.policy, self.page) else {
            return None;
        };
        Some(Breakage {
            directive,
            what: row.blocked.clone(),
            label: format!("{} {}", row.directive, row.blocked),
            page: row.page.clone(),
            last_seen: row.last_seen,
            is_reported_only: true,
            reports: row.reports,
        })
    }
}
