//! Classes: what pages look like they are for, until a person says what they are for.

use gabion_core::SiteId;
use gabion_markup::PageClass;
use gabion_markup::class::ClassRule;
use serde::Serialize;

use crate::{Pages, PagesError, store};

mod guess;

pub(crate) use guess::{guess, proposed_rules, starred};

/// What pages of a site are for.
#[derive(Clone, Debug, Serialize)]
pub struct ClassesView {
    /// What a person confirmed; none before anybody did.
    pub confirmed: Option<Vec<ClassRule>>,
    /// What pages look like.
    pub proposed: Vec<ClassRule>,
    /// Pages that look as if they were for something that the rules in force do not say.
    pub unexplained: Vec<Unexplained>,
}

/// A page that looks as if it was for something else than the rules in force say.
#[derive(Clone, Debug, Serialize)]
pub struct Unexplained {
    /// Its path.
    pub path: String,
    /// What the rules say.
    pub class: PageClass,
    /// What it looks like.
    pub proposed: PageClass,
    /// Why, as words.
    pub reasons: Vec<String>,
}

impl Pages {
    /// What pages of a site are for: confirmed, and as it looks.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn classes(&self, site: &SiteId) -> Result<ClassesView, PagesError> {
        let site = site.clone();
        let (confirmed, pages) = self
            .db()
            .read(move |tx| {
                Ok::<_, PagesError>((store::site::rules(tx, &site)?, store::page::all(tx, &site)?))
            })
            .await?;
        let pages: Vec<_> = pages.into_iter().map(|row| row.view).collect();
        let proposed = proposed_rules(&pages);
        let rules = confirmed.as_ref().unwrap_or(&proposed);
        let differs = |class: PageClass, proposed: PageClass| class > proposed;
        let unexplained = pages
            .iter()
            .map(|page| (page, PageClass::of(&page.path, rules)))
            .filter(|(page, class)| differs(*class, page.proposed))
            .map(|(page, class)| Unexplained {
                path: page.path.clone(),
                class,
                proposed: page.proposed,
                reasons: page.reasons.clone(),
            })
            .collect();
        Ok(ClassesView { unexplained, confirmed, proposed })
    }
}
