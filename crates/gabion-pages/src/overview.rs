//! A site's pages at a glance, for the console.

use gabion_core::{Actor, SiteId, Timestamp};
use gabion_markup::PageClass;
use serde::Serialize;

use crate::decision::{StageWord, TrustWord, UndecidedWord};
use crate::{Pages, PagesError, store};

/// How many there are of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByStatus {
    /// Nobody decided yet.
    pub new: u64,
    /// They may be there.
    pub authorized: u64,
    /// They may not.
    pub denied: u64,
}

/// One class of pages at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct ClassOverview {
    /// What the pages are for.
    pub class: PageClass,
    /// How far the policy is.
    pub stage: StageWord,
    /// What happens to a script that nobody decided about.
    pub undecided: UndecidedWord,
    /// Where customers are led instead.
    pub elsewhere: Option<String>,
    /// How scripts are told from each other.
    pub trust: TrustWord,
    /// Scripts by status.
    pub scripts: ByStatus,
    /// Destinations by status.
    pub destinations: ByStatus,
    /// Changes nobody looked at yet.
    pub changes_open: u64,
    /// Of those, how many are critical.
    pub changes_critical: u64,
    /// Pages served and told of.
    pub page_views: u64,
    /// Reports of browsers.
    pub reports: u64,
    /// When the first page of the class was seen.
    pub learning_since: Option<Timestamp>,
    /// When the last one was.
    pub last_seen: Option<Timestamp>,
    /// When its headers were approved.
    pub baseline_at: Option<Timestamp>,
    /// By whom.
    pub baseline_by: Option<Actor>,
    /// When a look from outside last saw one of its pages; payment pages only.
    pub last_look: Option<Timestamp>,
    /// Payment pages that no look from outside saw for seven days.
    pub looks_overdue: u64,
}

/// A site at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct SiteOverview {
    /// The site.
    pub site: SiteId,
    /// Whether a person confirmed what its pages are for.
    pub classes_confirmed: bool,
    /// Its classes, the most watched first.
    pub classes: Vec<ClassOverview>,
    /// Origins whose scripts do not run.
    pub stopped_origins: Vec<StoppedOrigin>,
}

/// An origin whose scripts do not run.
#[derive(Clone, Debug, Serialize)]
pub struct StoppedOrigin {
    /// The origin, such as `https://cdn.example`.
    pub origin: String,
    /// Why.
    pub reason: String,
    /// Who stopped it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// A page that is watched, or that looks as if it should be. Numbers and ids in its path are `*`.
#[derive(Clone, Debug, Serialize)]
pub struct PageView {
    /// The path.
    pub path: String,
    /// An address it was served at.
    pub address: String,
    /// What it is taken for.
    pub class: PageClass,
    /// What it looks like.
    pub proposed: PageClass,
    /// Why it looks like that, as words: `card_fields`, `password_field`, `path`, `payment_provider`.
    pub reasons: Vec<String>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// How often it was served.
    pub servings: u64,
    /// Whether its headers were approved.
    pub has_baseline: bool,
    /// When somebody last looked from outside.
    pub looked_at: Option<Timestamp>,
    /// When a look from outside last saw it.
    pub look_ok_at: Option<Timestamp>,
    /// Why the last look saw nothing.
    pub look_error: Option<String>,
}

/// A baseline of headers.
#[derive(Clone, Debug, Serialize)]
pub struct BaselineView {
    /// What the pages are for.
    pub class: PageClass,
    /// The page.
    pub path: String,
    /// The headers, by name; policies as text.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Who approved it.
    pub by: Option<Actor>,
    /// When.
    pub at: Option<Timestamp>,
    /// What is different now, as sentences.
    pub differences: Vec<String>,
}

impl Pages {
    /// A site at a glance.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn overview(&self, site: &SiteId) -> Result<SiteOverview, PagesError> {
        let (site, now) = (site.clone(), self.now());
        self.db()
            .read(move |tx| {
                let classes_confirmed = store::site::rules(tx, &site)?.is_some();
                let classes = store::overview::classes(tx, &site, now)?;
                let stopped_origins = store::site::stopped(tx, &site)?;
                Ok(SiteOverview { site: site.clone(), classes_confirmed, classes, stopped_origins })
            })
            .await
    }

    /// Pages that are watched, or that look as if they should be, the most served first.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn pages(&self, site: &SiteId) -> Result<Vec<PageView>, PagesError> {
        let site = site.clone();
        let rows = self.db().read(move |tx| Ok::<_, PagesError>(store::page::all(tx, &site)?)).await?;
        Ok(rows.into_iter().map(|row| row.view).collect())
    }

    /// The approved headers of every page that has some, and what is different now.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn baselines(&self, site: &SiteId) -> Result<Vec<BaselineView>, PagesError> {
        let site = site.clone();
        let rows = self.db().read(move |tx| Ok::<_, PagesError>(store::page::all(tx, &site)?)).await?;
        Ok(rows.into_iter().filter_map(|row| row.baseline()).collect())
    }
}
