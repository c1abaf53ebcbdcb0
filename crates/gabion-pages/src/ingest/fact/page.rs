//! What a page says: its scripts, and where it sends to and loads from.

use gabion_markup::headers::SecurityHeaders;
use gabion_markup::holding::ScriptKey;
use gabion_markup::page::{
    FieldKind, Form, FrameSource, Handler, LinkKind, Meta, Page, Script, ScriptSource,
};
use gabion_markup::sighting::{PageSeen, SeenBy as Who};
use gabion_markup::{Address, PageClass};

use super::{Content, OWN, PageFact, PlaceFact, ScriptFact, What, shown, who};
use crate::class::{guess, starred};
use crate::destination::DestinationKind;
use crate::script::LABEL_BYTES_MAX;
use crate::{Entered, SeenBy};

/// Bytes of what a form is known by.
const FORM_NAME_BYTES_MAX: usize = 120;

/// Everything that a page says.
pub(super) fn of(seen: &PageSeen) -> Vec<What> {
    let PageSeen { class, address, status, page, headers, servings, by } = seen;
    let on = On {
        class: *class,
        address,
        by: who(*by),
        page: shown(address),
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
            page: on.page.clone(),
            // Looks need a real address; other pages are kept without ids, which may be somebody's.
            address: match class {
                PageClass::Payment => address.without_query().to_string(),
                PageClass::SignIn | PageClass::Account | PageClass::Other => on.page.clone(),
            },
            proposed,
            reasons,
            servings: served,
            looks,
            scripts: (governed + page.handlers.len()) as u64,
            headers: with_metas(headers, page),
            by: on.by,
        })));
    }
    facts.extend(page.scripts.iter().filter(|script| script.kind.is_governed()).map(|one| on.script(one)));
    facts.extend(on.handlers(page));
    facts.extend(on.places(page));
    facts.extend(page.forms.iter().flat_map(|form| on.form(form)));
    facts
}

/// The headers with the policies that stand in the page: browsers keep to both.
fn with_metas(headers: &SecurityHeaders, page: &Page) -> SecurityHeaders {
    let policies = page.metas.iter().filter_map(|meta| match meta {
        Meta::Policy(text) => Some(("content-security-policy", text.as_bytes())),
        Meta::Refresh(_) | Meta::RefreshOther(_) | Meta::Other(_) => None,
    });
    let mut all = headers.clone();
    all.policies.extend(SecurityHeaders::read(policies).policies);
    all
}

/// The page on which something is.
pub(super) struct On<'a> {
    pub(super) class: PageClass,
    pub(super) address: &'a Address,
    pub(super) by: SeenBy,
    pub(super) page: String,
    pub(super) entered: Entered,
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
        let handler = |handler: &Handler| {
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

    pub(super) fn fact(
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

    pub(super) fn place(&self, kind: DestinationKind, place: String, entered: Entered) -> PlaceFact {
        PlaceFact { class: self.class, kind, place, entered, page: self.page.clone(), by: self.by }
    }

    pub(super) fn place_of(&self, address: &Address) -> String {
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
    let text = words.join(" ");
    text.trim_end_matches(';').to_owned()
}
