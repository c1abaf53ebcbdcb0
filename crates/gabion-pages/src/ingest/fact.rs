//! Facts: what a sighting says, taken apart. Pure.

mod page;
mod report;

use gabion_core::{SiteId, Timestamp};
use gabion_markup::answer::Leak;
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::holding::ScriptKey;
use gabion_markup::sighting::{ScriptSeen, Seen, SeenBy as Who, Sighting};
use gabion_markup::{Address, PageClass};

use super::assess::Assessment;
use crate::class::starred;
use crate::destination::DestinationKind;
use crate::{Entered, SeenBy};

/// The page's own origin, as a place.
pub(crate) const OWN: &str = "self";

/// Something that is known now.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) site: SiteId,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// What is known.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Class {
        class: PageClass,
        servings: u64,
        reports: u64,
        address: String,
    },
    Page(Box<PageFact>),
    Script(Box<ScriptFact>),
    Content(Box<ContentFact>),
    Destination(PlaceFact),
    Form {
        place: PlaceFact,
        path: String,
        name: String,
    },
    Violation {
        class: PageClass,
        page: String,
        directive: String,
        blocked: String,
        sample: String,
        count: u64,
    },
    Leak {
        address: Address,
        leak: Leak,
    },
}

/// A page was seen.
#[derive(Clone, Debug)]
pub(crate) struct PageFact {
    pub(crate) class: PageClass,
    pub(crate) path: String,
    pub(crate) address: String,
    pub(crate) page: String,
    pub(crate) proposed: PageClass,
    pub(crate) reasons: Vec<String>,
    pub(crate) servings: u64,
    pub(crate) looks: u64,
    pub(crate) scripts: u64,
    pub(crate) headers: SecurityHeaders,
    pub(crate) by: SeenBy,
}

/// A script was seen on a page.
#[derive(Clone, Debug)]
pub(crate) struct ScriptFact {
    pub(crate) class: PageClass,
    pub(crate) key: ScriptKey,
    pub(crate) label: String,
    pub(crate) origin: Option<String>,
    pub(crate) is_own: bool,
    pub(crate) skeleton: Option<String>,
    pub(crate) content: Option<Content>,
    pub(crate) entered: Entered,
    pub(crate) page: String,
    pub(crate) by: SeenBy,
}

/// What a script says was seen, on whatever page.
#[derive(Clone, Debug)]
pub(crate) struct ContentFact {
    pub(crate) key: ScriptKey,
    pub(crate) content: Content,
    pub(crate) by: SeenBy,
}

/// What a script says.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) hash: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) beginning: Option<String>,
    /// What is worth a look in it; filled in where the content is new.
    pub(crate) assessment: Option<Assessment>,
}

/// A page sends to or loads from a place.
#[derive(Clone, Debug)]
pub(crate) struct PlaceFact {
    pub(crate) class: PageClass,
    pub(crate) kind: DestinationKind,
    pub(crate) place: String,
    pub(crate) entered: Entered,
    pub(crate) page: String,
    pub(crate) by: SeenBy,
}

/// Everything that a sighting says.
pub(crate) fn of(sighting: Sighting) -> Vec<Fact> {
    let Sighting { site, at, seen } = sighting;
    let what = match seen {
        Seen::Page(page) => page::of(&page),
        Seen::Script(script) => vec![of_script(script)],
        Seen::Report(report) => report::of(*report),
        Seen::Leak { address, leaks } => {
            let leak = |leak| What::Leak { address: address.clone(), leak };
            leaks.leaks.into_iter().map(leak).collect()
        }
    };
    what.into_iter().map(|what| Fact { site: site.clone(), at, what }).collect()
}

const fn who(by: Who) -> SeenBy {
    match by {
        Who::Serving => SeenBy::SERVED,
        Who::Outside => SeenBy::OUTSIDE,
    }
}

fn of_script(seen: ScriptSeen) -> What {
    let ScriptSeen { address, hash, bytes, beginning, by } = seen;
    let content =
        Content { hash: hash.to_string(), bytes: Some(bytes), beginning: Some(beginning), assessment: None };
    let key = ScriptKey::Web(address.without_query());
    What::Content(Box::new(ContentFact { key, content, by: who(by) }))
}

/// The page as it is kept: without a query, and with a star in place of ids.
fn shown(address: &Address) -> String {
    format!("{}{}", address.origin(), starred(address.path()))
}
