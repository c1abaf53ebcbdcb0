//! Which site is looked at, and the views of it.

use gabion_core::SiteId;
use gabion_page::shell::Tab;
use gabion_web::Problem;

use crate::Console;
use crate::page::query;

/// The views of a site: word and address.
const VIEWS: [(&str, &str); 6] = [
    ("At a glance", "/pages"),
    ("Approve", "/pages/desk"),
    ("Changes", "/pages/changes"),
    ("Third parties", "/pages/third-parties"),
    ("Policy", "/pages/policy"),
    ("Evidence", "/pages/evidence"),
];

/// The site that is looked at.
pub(super) struct Chosen {
    pub(super) id: SiteId,
    pub(super) name: String,
    /// All sites by id and name.
    sites: Vec<(String, String)>,
}

/// What stands above each view.
pub(super) struct Head {
    pub(super) tabs: Vec<Tab>,
    /// Where the switch between sites leads; with each site's id, name and whether it is shown. Empty for one site.
    pub(super) here: &'static str,
    pub(super) sites: Vec<(String, String, bool)>,
}

impl Chosen {
    /// The site that a query names, or the first one.
    ///
    /// # Errors
    /// 404 when there is no such site.
    pub(super) fn of(console: &Console, query: &str) -> Result<Self, Problem> {
        Self::named(console, query::value(query, "site").as_deref())
    }

    /// The site of this id, or the first one.
    ///
    /// # Errors
    /// As [`Chosen::of`].
    pub(super) fn named(console: &Console, wanted: Option<&str>) -> Result<Self, Problem> {
        let sites: Vec<_> = console.0.edge.sites().into_iter().map(|site| (site.id, site.name)).collect();
        let found = match wanted {
            Some(wanted) => sites.iter().find(|(id, _)| id == wanted),
            None => sites.first(),
        };
        let unknown = || Problem::not_found("there is no such site");
        let (id, name) = found.cloned().ok_or_else(unknown)?;
        Ok(Self { id: id.parse().map_err(|_| unknown())?, name, sites })
    }

    /// The address of a view of this site.
    pub(super) fn url(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let mut all = pairs.to_vec();
        if self.sites.len() > 1 {
            all.push(("site", self.id.as_str()));
        }
        if all.is_empty() { path.to_owned() } else { query::url(path, &all) }
    }

    /// What stands above the view at `here`.
    pub(super) fn head(&self, here: &'static str) -> Head {
        let tab = |(label, path): (&str, &str)| Tab {
            label: label.to_owned(),
            href: self.url(path, &[]),
            current: path == here,
        };
        let several: &[_] = if self.sites.len() > 1 { self.sites.as_slice() } else { &[] };
        let site = |(id, name): &(String, String)| (id.clone(), name.clone(), id == self.id.as_str());
        Head { tabs: VIEWS.into_iter().map(tab).collect(), here, sites: several.iter().map(site).collect() }
    }
}
