//! Facts: what a sighting says, taken apart. Pure.

use gabion_core::{SiteId, Timestamp};
use gabion_markup::answer::Leak;
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::holding::ScriptKey;
use gabion_markup::page::{FieldKind, Form, FrameSource, LinkKind, Page, Script, ScriptSource};
use gabion_markup::report::{Blocked, ReportKind, ScriptHash, Violation};
use gabion_markup::sighting::{PageSeen, ReportSeen, ScriptSeen, Seen, SeenBy as Who, Sighting};
use gabion_markup::{Address, PageClass};

use super::assess::Assessment;
use crate::class::{guess, starred};
use crate::destination::DestinationKind;
use crate::script::LABEL_BYTES_MAX;
use crate::{Entered, SeenBy};

/// Bytes of what a form is known by.
const FORM_NAME_BYTES_MAX: usize = 120;
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
        Seen::Page(page) => of_page(&page),
        Seen::Script(script) => vec![of_script(script)],
        Seen::Report(report) => of_report(*report),
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

fn of_page(seen: &PageSeen) -> Vec<What> {
    let PageSeen { class, address, status, page, headers, servings, by } = seen;
    let on = On {
        class: *class,
        address,
        by: who(*by),
        page: address.without_query().to_string(),
        entered: page.forms.iter().map(entered).fold(Entered::default(), std::ops::BitOr::bitor),
    };
    let (served, looks) = match by {
        Who::Serving => (*servings, 0),
        Who::Outside => (0, 1),
    };
    let mut facts = Vec::new();
    if *by == Who::Serving {
        let address = on.page.clone();
        facts.push(What::Class { class: *class, servings: served, reports: 0, address });
    }
    let (proposed, reasons) = guess(page, address);
    let is_watched = *class != PageClass::Other || proposed != PageClass::Other;
    if (200..300).contains(status) && is_watched {
        let governed = page.scripts.iter().filter(|script| script.kind.is_governed()).count();
        facts.push(What::Page(Box::new(PageFact {
            class: *class,
            path: starred(address.path()),
            address: on.page.clone(),
            proposed,
            reasons,
            servings: served,
            looks,
            scripts: (governed + page.handlers.len()) as u64,
            headers: headers.clone(),
            by: on.by,
        })));
    }
    facts.extend(page.scripts.iter().filter(|script| script.kind.is_governed()).map(|one| on.script(one)));
    facts.extend(on.handlers(page));
    facts.extend(on.places(page));
    facts.extend(page.forms.iter().flat_map(|form| on.form(form)));
    facts
}

/// The page on which something is.
struct On<'a> {
    class: PageClass,
    address: &'a Address,
    by: SeenBy,
    page: String,
    entered: Entered,
}

impl On<'_> {
    fn script(&self, script: &Script) -> What {
        let (label, origin, skeleton, content) = match &script.source {
            ScriptSource::Web(address) => {
                (address.without_query().to_string(), Some(address.origin()), None, None)
            }
            ScriptSource::Inline(inline) => {
                let is_whole = inline.beginning.len() as u64 == inline.bytes;
                let content = Content {
                    hash: inline.hash.to_string(),
                    bytes: Some(inline.bytes),
                    beginning: Some(inline.beginning.clone()),
                    assessment: None,
                };
                let skeleton = if is_whole { ScriptKey::skeleton_of(inline) } else { None };
                (first_words(&inline.beginning), None, skeleton.map(|key| key.to_string()), Some(content))
            }
            ScriptSource::Opaque { scheme, .. } => (format!("{scheme}: address"), None, None, None),
        };
        let is_own = origin.as_ref().is_none_or(|origin| *origin == self.address.origin());
        self.fact(ScriptKey::of(&script.source), label, origin, is_own, skeleton, content)
    }

    fn handlers(&self, page: &Page) -> Vec<What> {
        let handler = |handler: &gabion_markup::page::Handler| {
            let content = Content {
                hash: handler.hash.to_string(),
                bytes: None,
                beginning: Some(handler.beginning.clone()),
                assessment: None,
            };
            let label = format!("{}: {}", handler.attribute, first_words(&handler.beginning));
            self.fact(ScriptKey::Handler(handler.hash), label, None, true, None, Some(content))
        };
        page.handlers.iter().map(handler).collect()
    }

    fn fact(
        &self,
        key: ScriptKey,
        label: String,
        origin: Option<String>,
        is_own: bool,
        skeleton: Option<String>,
        content: Option<Content>,
    ) -> What {
        let label = gabion_core::limits::cut(&gabion_core::card::mask(&label), LABEL_BYTES_MAX).into_owned();
        What::Script(Box::new(ScriptFact {
            class: self.class,
            key,
            label,
            origin,
            is_own,
            skeleton,
            content,
            entered: self.entered,
            page: self.page.clone(),
            by: self.by,
        }))
    }

    /// Frames, stylesheets and pictures. What comes from the page's own origin is not told apart, but for frames.
    fn places(&self, page: &Page) -> Vec<What> {
        let mut places = Vec::new();
        for frame in &page.frames {
            if let FrameSource::Web(address) = &frame.source {
                places.push(self.place(DestinationKind::Frame, self.place_of(address), Entered::default()));
            }
        }
        for link in page.links.iter().filter(|link| link.kind == LinkKind::Stylesheet) {
            places.push(self.place(DestinationKind::Style, self.place_of(&link.address), Entered::default()));
        }
        for origin in &page.media_origins {
            let place =
                Address::parse(origin).map_or_else(|| origin.clone(), |address| self.place_of(&address));
            places.push(self.place(DestinationKind::Image, place, Entered::default()));
        }
        let is_told = |fact: &PlaceFact| fact.place != OWN || fact.kind == DestinationKind::Frame;
        places.into_iter().filter(is_told).map(What::Destination).collect()
    }

    fn form(&self, form: &Form) -> Vec<What> {
        let entered = entered(form);
        let mut facts = Vec::new();
        let own = Vec::from([self.address.clone()]);
        let actions = if form.actions.is_empty() { &own } else { &form.actions };
        for action in actions {
            let place = self.place_of(action);
            if place != OWN {
                facts.push(What::Destination(self.place(DestinationKind::Form, place.clone(), entered)));
            }
            if self.class != PageClass::Other && !form.fields.is_empty() {
                let target = if place == OWN { starred(action.path()) } else { place };
                facts.push(What::Form {
                    place: self.place(DestinationKind::Form, target, entered),
                    path: starred(self.address.path()),
                    name: form_name(form),
                });
            }
        }
        facts
    }

    fn place(&self, kind: DestinationKind, place: String, entered: Entered) -> PlaceFact {
        PlaceFact { class: self.class, kind, place, entered, page: self.page.clone(), by: self.by }
    }

    fn place_of(&self, address: &Address) -> String {
        if address.origin() == self.address.origin() { OWN.to_owned() } else { address.origin() }
    }
}

/// What a form is known by: its name, or its fields.
fn form_name(form: &Form) -> String {
    let name = match form.name.is_empty() {
        false => form.name.clone(),
        true => form.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(","),
    };
    gabion_core::limits::cut(&format!("{} {name}", form.method), FORM_NAME_BYTES_MAX).into_owned()
}

fn entered(form: &Form) -> Entered {
    let bits = form.fields.iter().map(|field| match field.kind {
        FieldKind::CardNumber | FieldKind::CardCode | FieldKind::CardOther | FieldKind::BankAccount => {
            Entered::CARD
        }
        FieldKind::Password => Entered::PASSWORD,
        FieldKind::Email | FieldKind::Phone | FieldKind::Person => Entered::CONTACT,
        FieldKind::File | FieldKind::Hidden | FieldKind::Other => Entered::default(),
    });
    bits.fold(Entered::default(), std::ops::BitOr::bitor)
}

fn first_words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(30).collect();
    words.join(" ")
}

fn of_script(seen: ScriptSeen) -> What {
    let ScriptSeen { address, hash, bytes, beginning, by } = seen;
    let content =
        Content { hash: hash.to_string(), bytes: Some(bytes), beginning: Some(beginning), assessment: None };
    let key = ScriptKey::Web(address.without_query());
    What::Content(Box::new(ContentFact { key, content, by: who(by) }))
}

fn of_report(seen: ReportSeen) -> Vec<What> {
    let ReportSeen { class, report, count } = seen;
    let page = report.page.without_query().to_string();
    let mut facts = vec![What::Class { class, servings: 0, reports: count, address: page.clone() }];
    let on = |by| On { class, address: &report.page, by, page: page.clone(), entered: Entered::default() };
    match &report.kind {
        ReportKind::Violation(violation) => {
            facts.extend(of_violation(&on(SeenBy::REPORT), violation));
            facts.push(What::Violation {
                class,
                directive: violation.directive.clone(),
                blocked: match &violation.blocked {
                    Blocked::Web(address) => address.without_query().to_string(),
                    other => other.to_string(),
                },
                sample: violation.sample.clone(),
                page,
                count,
            });
        }
        ReportKind::Hash(hash) => facts.extend(of_hash(&on(SeenBy::HASH_REPORT), hash)),
        ReportKind::Integrity(violation) => facts.push(What::Violation {
            class,
            directive: "integrity".to_owned(),
            blocked: violation.blocked.to_string(),
            sample: String::new(),
            page,
            count,
        }),
        ReportKind::Other(_) => {}
    }
    facts
}

/// What a violation says that the page wanted to do.
fn of_violation(on: &On<'_>, violation: &Violation) -> Option<What> {
    let directive = violation.directive.as_str();
    let is_script = matches!(directive, "script-src-elem" | "script-src");
    match &violation.blocked {
        Blocked::Web(address) if is_script => Some(web_script(on, address, None)),
        Blocked::Eval => {
            Some(What::Destination(on.place(DestinationKind::Eval, "eval".to_owned(), Entered::default())))
        }
        Blocked::Web(address) => {
            let place = on.place_of(address);
            let kind = DestinationKind::of_directive(directive)?;
            (place != OWN || kind == DestinationKind::Frame)
                .then(|| What::Destination(on.place(kind, place, Entered::default())))
        }
        Blocked::Scheme(scheme) if matches!(scheme.as_str(), "data" | "blob") && !is_script => {
            let kind = DestinationKind::of_directive(directive)?;
            Some(What::Destination(on.place(kind, format!("{scheme}:"), Entered::default())))
        }
        Blocked::Scheme(_) | Blocked::Inline | Blocked::Wasm | Blocked::Unknown => None,
    }
}

fn of_hash(on: &On<'_>, report: &ScriptHash) -> Option<What> {
    if !matches!(report.destination.as_str(), "script" | "") {
        return None;
    }
    let hash = report.hash.parse::<gabion_markup::ContentHash>().ok();
    let content = |hash: gabion_markup::ContentHash| Content {
        hash: hash.to_string(),
        bytes: None,
        beginning: None,
        assessment: None,
    };
    match (&report.script, hash) {
        (Some(address), hash) => Some(web_script(on, address, hash.map(content))),
        (None, Some(hash)) => {
            let label = "a script that a script put into the page".to_owned();
            Some(on.fact(ScriptKey::Inline(hash), label, None, true, None, Some(content(hash))))
        }
        (None, None) => None,
    }
}

fn web_script(on: &On<'_>, address: &Address, content: Option<Content>) -> What {
    let address = address.without_query();
    let is_own = address.origin() == on.address.origin();
    let (label, origin) = (address.to_string(), Some(address.origin()));
    on.fact(ScriptKey::Web(address), label, origin, is_own, None, content)
}
