//! What pages of one class may do: seen on pages, decided by people.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::hash::ContentHash;
use crate::page::{FrameSource, LinkKind, Page, ScriptSource};

/// What pages of one class may do. Everything that is not here is forbidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowlist {
    /// Scripts that are loaded.
    pub scripts: BTreeSet<Allowed>,
    /// Scripts that stand in the page.
    pub inline: BTreeSet<ContentHash>,
    /// Event handlers and `javascript:` addresses.
    pub handlers: BTreeSet<ContentHash>,
    /// Whether scripts may make script of text.
    pub may_eval: bool,
    /// Where scripts may send to: fetch, beacons, sockets.
    pub connect: BTreeSet<Allowed>,
    /// Where forms may be sent to.
    pub forms: BTreeSet<Allowed>,
    /// What frames may show.
    pub frames: BTreeSet<Allowed>,
    /// Who may show the page in a frame. Nobody when empty.
    pub ancestors: BTreeSet<Allowed>,
    /// Where pictures come from. A picture's address can carry data away.
    pub images: BTreeSet<Allowed>,
    /// Where stylesheets come from. Inline styles are always allowed: they are not what skimmers are made of.
    pub styles: BTreeSet<Allowed>,
    /// Where fonts come from.
    pub fonts: BTreeSet<Allowed>,
    /// Where sound and film come from.
    pub media: BTreeSet<Allowed>,
    /// Where workers come from.
    pub workers: BTreeSet<Allowed>,
}

/// A place that is allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allowed {
    /// The page's own origin.
    Own,
    /// A whole origin; the rest of the address does not matter.
    Origin(Address),
    /// That very path, whatever its query.
    Path(Address),
    /// `data:`
    Data,
    /// `blob:`
    Blob,
}

impl Allowlist {
    /// Begins a proposal: what is on the page's own origin may be loaded, sent to and shown, but for scripts and frames.
    /// Much of that is not in the page's markup.
    pub fn of_own() -> Self {
        let own = || BTreeSet::from([Allowed::Own]);
        Self {
            connect: own(),
            forms: own(),
            images: own(),
            styles: own(),
            fonts: own(),
            media: own(),
            ..Self::default()
        }
    }

    /// Adds everything that `page` at `at` does: a proposal, for people to look at.
    pub fn add_page(&mut self, page: &Page, at: &Address) {
        let place = |address: &Address| match address.origin() == at.origin() {
            true => Allowed::Own,
            false => Allowed::Origin(address.clone()).without_rest(),
        };
        for script in page.scripts.iter().filter(|script| script.kind.is_governed()) {
            match &script.source {
                ScriptSource::Web(address) => self.scripts.insert(place(address)),
                ScriptSource::Inline(inline) => self.inline.insert(inline.hash),
                // A script in a `data:` address is never proposed: allowing it allows any.
                ScriptSource::Opaque { .. } => false,
            };
        }
        self.handlers.extend(page.handlers.iter().map(|handler| handler.hash));
        for form in &page.forms {
            self.forms.extend(form.actions.iter().map(place));
        }
        for frame in &page.frames {
            if let FrameSource::Web(address) = &frame.source {
                self.frames.insert(place(address));
            }
        }
        for link in page.links.iter().filter(|link| link.kind == LinkKind::Stylesheet) {
            self.styles.insert(place(&link.address));
        }
        for origin in &page.media_origins {
            let allowed = match origin.as_str() {
                "data:" => Some(Allowed::Data),
                "blob:" => Some(Allowed::Blob),
                origin => Address::parse(origin).map(|address| place(&address)),
            };
            self.images.extend(allowed.clone());
            self.media.extend(allowed);
        }
    }
}

impl Allowed {
    /// The same, so that two addresses of one origin are one entry.
    fn without_rest(self) -> Self {
        match self {
            Self::Origin(address) => {
                Address::parse(&address.origin()).map_or(Self::Origin(address), Self::Origin)
            }
            other => other,
        }
    }

    pub(super) fn source(&self) -> String {
        match self {
            Self::Own => "'self'".to_owned(),
            Self::Origin(address) => ascii(&address.origin()),
            Self::Path(address) => ascii(&format!(
                "{}{}",
                address.origin(),
                address.path().replace(';', "%3B").replace(',', "%2C")
            )),
            Self::Data => "data:".to_owned(),
            Self::Blob => "blob:".to_owned(),
        }
    }
}

/// What is outside ASCII or would end a word, escaped: a policy is ASCII.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b';' | b',' | b'\'' | b'"') => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
