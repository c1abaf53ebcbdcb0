//! `[[site]]`: a shop front.

use std::collections::{HashMap, HashSet};

use gabion_core::SiteId;
use gabion_page::text::Language;
use serde::Deserialize;
use toml::Spanned;

use super::Invalid;
use crate::header_policy::{HeaderPolicy, HeaderSection};
use crate::origin::Origin;

/// `[[site]]`: a shop front.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSection {
    /// Stable id; made from the name when absent. Set it before renaming a site.
    pub id: Option<SiteId>,
    /// The name customers know, shown on error pages.
    pub name: Spanned<String>,
    /// `https://host[:port]` addresses customers use. The first is the main one.
    pub origins: Vec<Spanned<String>>,
    /// Language of error pages: a BCP 47 tag such as `en` or `de`.
    #[serde(default = "english")]
    pub language: Spanned<String>,
    /// Tells browsers in `Server-Timing` how long Gabion and the shop took. Everybody can read it.
    #[serde(default)]
    pub server_timing: bool,
    /// Security headers added to the shop's responses.
    #[serde(default)]
    pub headers: HeaderSection,
}

impl SiteSection {
    /// The id of the site; none where its name has no letter to make one from.
    pub fn known_as(&self) -> Option<SiteId> {
        self.id.clone().or_else(|| SiteId::from_name(self.name.get_ref().trim()).ok())
    }
}

fn english() -> Spanned<String> {
    Spanned::new(0..0, "en".to_owned())
}

/// A checked site.
#[derive(Debug)]
pub struct Site {
    /// Stable id.
    pub id: SiteId,
    /// The name customers know.
    pub name: String,
    /// Where customers reach it; the first is the main one.
    pub origins: Vec<Origin>,
    /// Language of error pages.
    pub language: Language,
    /// Whether answers carry `Server-Timing`.
    pub server_timing: bool,
    /// Security headers.
    pub headers: HeaderPolicy,
}

pub(super) fn check_sites(sections: &[SiteSection]) -> Result<Vec<Site>, Invalid> {
    let mut ids = HashSet::new();
    let mut origins = HashSet::new();
    let mut owners: HashMap<String, SiteId> = HashMap::new();
    let mut sites = Vec::new();
    for section in sections {
        let site = check_site(section)?;
        if !ids.insert(site.id.clone()) {
            return Err(Invalid::at(
                &section.name,
                format!("two sites have the id {}: set id on one", site.id),
            ));
        }
        for (origin, text) in site.origins.iter().zip(&section.origins) {
            if !origins.insert((origin.host.clone(), origin.port)) {
                return Err(Invalid::at(text, format!("{} is listed twice", text.get_ref())));
            }
            let owner = owners.entry(origin.host.clone()).or_insert_with(|| site.id.clone());
            if *owner != site.id {
                return Err(Invalid::at(
                    text,
                    format!(
                        "{} belongs to site {owner}: sites are told apart by host, not by port",
                        origin.host
                    ),
                ));
            }
        }
        sites.push(site);
    }
    Ok(sites)
}

fn check_site(section: &SiteSection) -> Result<Site, Invalid> {
    let name = section.name.get_ref().trim();
    if name.is_empty() || name.len() > 80 {
        return Err(Invalid::at(&section.name, "a site's name has 1 to 80 bytes"));
    }
    let id = section.known_as().ok_or_else(|| {
        Invalid::at(&section.name, "set id = \"...\": the name has no letter to make one from")
    })?;
    if section.origins.is_empty() {
        return Err(Invalid::at(
            &section.name,
            "origins is empty: list the https:// addresses customers use",
        ));
    }
    let origin = |text: &Spanned<String>| {
        text.get_ref().parse().map_err(|error| Invalid::at(text, format!("{}: {error}", text.get_ref())))
    };
    let language = Language::parse(section.language.get_ref()).ok_or_else(|| {
        let known: Vec<_> = Language::ALL.iter().map(|language| language.tag()).collect();
        Invalid::at(&section.language, format!("no texts in this language; there are {}", known.join(", ")))
    })?;
    Ok(Site {
        id,
        name: name.to_owned(),
        origins: section.origins.iter().map(origin).collect::<Result<_, _>>()?,
        language,
        server_timing: section.server_timing,
        headers: HeaderPolicy::new(&section.headers),
    })
}
