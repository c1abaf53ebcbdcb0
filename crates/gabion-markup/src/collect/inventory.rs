//! Everything that is collected of a page but the text of its scripts.

use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};

use super::script::OpenScript;
use super::tag::{Attributes, FOLLOWED, Kind};
use super::{Output, fields, text};
use crate::address::{Address, Reference};
use crate::hash::ContentHash;
use crate::page::{
    BEGINNINGS_BYTES_MAX, FIELDS_MAX, FORMS_MAX, FRAMES_MAX, Form, FormField, Frame, FrameSource,
    HANDLERS_MAX, Handler, LINKS_MAX, Link, LinkKind, MEDIA_ORIGINS_MAX, META_BYTES_MAX, METAS_MAX, Meta,
    Outcome, Page, Partial, WORD_BYTES_MAX,
};
use crate::rewrite::Rewrite;

/// Actions of one form that are kept.
const ACTIONS_MAX: usize = 20;
/// Bytes of the shortest name of an event handler: `oncut`.
const HANDLER_BYTES_MIN: usize = 5;

pub(super) struct Inventory {
    pub(super) page: Page,
    pub(super) rewrite: Rewrite,
    pub(super) open_script: Option<OpenScript>,
    /// What became of the open script, where that was decided before its end.
    pub(super) outcome_ahead: Option<Outcome>,
    /// Bytes of inline scripts that may still be kept.
    pub(super) beginnings_left: usize,
    /// Whether nothing is to be put into the head any more.
    pub(super) has_head: bool,
    address: Address,
    encoding: Option<&'static Encoding>,
    open_form: Option<usize>,
    /// The form of fields outside all forms.
    loose_form: Option<usize>,
    fields: usize,
    /// What was looked at last of a picture's address: the next is often from the same place.
    last_media: String,
}

impl Inventory {
    pub(super) fn new(address: &Address, encoding: Option<&'static Encoding>, rewrite: Rewrite) -> Self {
        Self {
            page: Page::default(),
            has_head: rewrite.head.is_none(),
            rewrite,
            open_script: None,
            outcome_ahead: None,
            beginnings_left: BEGINNINGS_BYTES_MAX,
            address: address.clone(),
            encoding,
            open_form: None,
            loose_form: None,
            fields: 0,
            last_media: String::new(),
        }
    }

    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding.unwrap_or(UTF_8)
    }

    pub(super) fn set_encoding(&mut self, encoding: &'static Encoding) {
        self.encoding = Some(encoding);
    }

    pub(super) fn base_address(&self) -> &Address {
        self.page.base.as_ref().unwrap_or(&self.address)
    }

    /// Puts the tag behind `<head>`, or before the first element that makes browsers begin one.
    pub(super) fn put_into_head(&mut self, kind: Kind, tag: &Range<u64>, output: &mut Output) {
        let at = match kind {
            Kind::Html => return,
            Kind::Head => tag.end,
            _ => tag.start,
        };
        self.has_head = true;
        if let Some(head) = &self.rewrite.head {
            output.insert(at, head.as_str().as_bytes().to_vec());
        }
    }

    pub(super) fn handlers(&mut self, element: &[u8], attributes: &Attributes) {
        for (name, value) in attributes.iter() {
            let is_handler = name.len() >= HANDLER_BYTES_MIN && name.starts_with("on");
            let is_address = FOLLOWED.contains(&name) && is_script_address(value);
            if !(is_handler || is_address) {
                continue;
            }
            if self.page.handlers.len() >= HANDLERS_MAX {
                self.page.partial.insert(Partial::Handlers);
                return;
            }
            self.page.handlers.push(Handler {
                element: word(&text::name(element)),
                attribute: word(name),
                hash: ContentHash::of(value.as_bytes()),
                beginning: word(value),
            });
        }
    }

    pub(super) fn base(&mut self, attributes: &Attributes) {
        // The first one with an address counts.
        if let (None, Some(href)) = (&self.page.base, attributes.get("href"))
            && let Reference::Web(address) = Reference::resolve(href, Some(&self.address))
        {
            self.page.base = Some(address);
            self.last_media.clear();
        }
    }

    pub(super) fn form(&mut self, attributes: &Attributes) {
        if self.page.forms.len() >= FORMS_MAX {
            self.page.partial.insert(Partial::Forms);
            return;
        }
        let method = attributes.get("method").unwrap_or_default().to_ascii_lowercase();
        self.open_form = Some(self.page.forms.len());
        self.page.forms.push(Form {
            method: if matches!(method.as_str(), "post" | "dialog") { method } else { "get".to_owned() },
            name: attributes.word("name").or_else(|| attributes.word("id")).unwrap_or_default(),
            ..Form::default()
        });
        self.action(attributes.get("action").filter(|action| !action.trim().is_empty()));
    }

    pub(super) fn form_ends(&mut self) {
        self.open_form = None;
    }

    /// Another place where the open form may be sent to.
    pub(super) fn action(&mut self, action: Option<&str>) {
        let Some(action) = action else { return };
        let target = Reference::resolve(action, Some(self.base_address()));
        let Some(form) = self.current_form() else { return };
        let kept = match target {
            Reference::Web(address) if form.actions.contains(&address) => true,
            Reference::Web(address) => bounded(&mut form.actions, ACTIONS_MAX, address),
            Reference::Other(scheme) => bounded(&mut form.other_schemes, ACTIONS_MAX, word(&scheme)),
            Reference::Unreadable => bounded(&mut form.other_schemes, ACTIONS_MAX, String::new()),
        };
        if !kept {
            self.page.partial.insert(Partial::Forms);
        }
    }

    pub(super) fn field(&mut self, element: &[u8], attributes: &Attributes) {
        let declared = if element == b"input" { attributes.get("type").unwrap_or_default() } else { "" };
        if ["submit", "image", "button", "reset"].iter().any(|kind| declared.eq_ignore_ascii_case(kind)) {
            self.media(attributes);
            return self.action(attributes.get("formaction"));
        }
        let name = attributes.word("name").or_else(|| attributes.word("id")).unwrap_or_default();
        let kind = fields::kind(declared, attributes.get("autocomplete").unwrap_or_default(), &name);
        let has_room = self.fields < FIELDS_MAX;
        match self.current_form() {
            Some(form) if has_room => {
                form.fields.push(FormField { name, kind });
                self.fields += 1;
            }
            _ => {
                self.page.partial.insert(Partial::Forms);
            }
        }
    }

    /// The open form, or the one of what stands outside all forms.
    fn current_form(&mut self) -> Option<&mut Form> {
        let index = match (self.open_form, self.loose_form) {
            (Some(index), _) | (None, Some(index)) => index,
            (None, None) if self.page.forms.len() < FORMS_MAX => {
                self.page.forms.push(Form::default());
                *self.loose_form.insert(self.page.forms.len() - 1)
            }
            (None, None) => return None,
        };
        self.page.forms.get_mut(index)
    }

    pub(super) fn frame(&mut self, element: &[u8], attributes: &Attributes) {
        let element = text::name(element);
        let address = attributes.get(if element == "object" { "data" } else { "src" });
        let source = match (attributes.get("srcdoc"), address) {
            (Some(document), _) if element == "iframe" => {
                FrameSource::Document(ContentHash::of(document.as_bytes()))
            }
            (_, None | Some("")) => FrameSource::Empty,
            (_, Some(address)) => match Reference::resolve(address, Some(self.base_address())) {
                Reference::Web(address) => FrameSource::Web(address),
                Reference::Other(scheme) => FrameSource::Other(word(&scheme)),
                Reference::Unreadable => FrameSource::Other(String::new()),
            },
        };
        let frame = Frame { element, source, sandbox: attributes.word("sandbox") };
        if !bounded(&mut self.page.frames, FRAMES_MAX, frame) {
            self.page.partial.insert(Partial::Frames);
        }
    }

    pub(super) fn media(&mut self, attributes: &Attributes) {
        for name in ["src", "poster", "href"] {
            if let Some(source) = attributes.get(name) {
                self.media_source(source);
            }
        }
        let candidates = attributes.get("srcset").unwrap_or_default().split(", ");
        for candidate in candidates.filter_map(|candidate| candidate.split_ascii_whitespace().next()) {
            self.media_source(candidate);
        }
    }

    fn media_source(&mut self, source: &str) {
        if self.page.base.is_none() && is_path(source) {
            return;
        }
        let source = beginning_of_media(source);
        if self.last_media == source {
            return;
        }
        source.clone_into(&mut self.last_media);
        let origin = match Reference::resolve(source, Some(self.base_address())) {
            Reference::Web(address) if address.has_origin_of(&self.address) => None,
            Reference::Web(address) => Some(address.origin()),
            Reference::Other(scheme) => {
                matches!(scheme.as_str(), "data" | "blob").then(|| format!("{scheme}:"))
            }
            Reference::Unreadable => None,
        };
        let Some(origin) = origin else { return };
        let origins = &mut self.page.media_origins;
        if origins.len() < MEDIA_ORIGINS_MAX {
            origins.insert(origin);
        } else if !origins.contains(&origin) {
            self.page.partial.insert(Partial::Media);
        }
    }

    pub(super) fn link(&mut self, attributes: &Attributes) {
        let rel = attributes.get("rel").unwrap_or_default().to_ascii_lowercase();
        let kind = rel.split_ascii_whitespace().find_map(|word| match word {
            "stylesheet" => Some(LinkKind::Stylesheet),
            "preload" => Some(LinkKind::Preload),
            "modulepreload" => Some(LinkKind::ModulePreload),
            "prefetch" | "prerender" | "dns-prefetch" | "preconnect" => Some(LinkKind::Ahead),
            "manifest" => Some(LinkKind::Manifest),
            _ => None,
        });
        let (Some(kind), Some(href)) = (kind, attributes.get("href")) else { return };
        let Reference::Web(address) = Reference::resolve(href, Some(self.base_address())) else { return };
        let destination = attributes.word("as").unwrap_or_default().to_ascii_lowercase();
        let link = Link { kind, address, destination, integrity: attributes.word("integrity") };
        if !bounded(&mut self.page.links, LINKS_MAX, link) {
            self.page.partial.insert(Partial::Links);
        }
    }

    pub(super) fn meta(&mut self, attributes: &Attributes) {
        if let Some(charset) = attributes.get("charset") {
            self.declared(charset);
        }
        let Some(name) = attributes.get("http-equiv") else { return };
        let content = attributes.get("content").unwrap_or_default();
        let meta = match name.trim().to_ascii_lowercase().as_str() {
            "content-type" => {
                if let Some((_, charset)) = content.to_ascii_lowercase().split_once("charset=") {
                    self.declared(
                        charset.trim_matches(|c: char| c == '"' || c == '\'' || c.is_ascii_whitespace()),
                    );
                }
                return;
            }
            "content-security-policy" => {
                let mut policy = content.to_owned();
                text::truncate(&mut policy, META_BYTES_MAX);
                if policy.len() < content.len() {
                    self.page.partial.insert(Partial::Metas);
                }
                Meta::Policy(policy)
            }
            "refresh" => match self.refresh(content) {
                Some(meta) => meta,
                None => return,
            },
            other => Meta::Other(word(other)),
        };
        if !bounded(&mut self.page.metas, METAS_MAX, meta) {
            self.page.partial.insert(Partial::Metas);
        }
    }

    /// What the page says of its own encoding; the header and a mark outweigh it.
    fn declared(&mut self, charset: &str) {
        if self.encoding.is_none() {
            // A page whose meta element could be read is not in UTF-16. HTML Standard, section 13.2.3.2.
            self.encoding = Some(text::encoding(charset).unwrap_or(UTF_8));
        }
    }

    /// `5; url=/next`; without an address the page is loaded again, which is of no interest.
    fn refresh(&self, content: &str) -> Option<Meta> {
        let at = content.to_ascii_lowercase().find("url")?;
        let address = content[at + 3..].trim_start().strip_prefix('=')?.trim();
        let address = address.trim_matches(['"', '\'']);
        Some(match Reference::resolve(address, Some(self.base_address())) {
            Reference::Web(address) => Meta::Refresh(address),
            Reference::Other(scheme) => Meta::RefreshOther(word(&scheme)),
            Reference::Unreadable => Meta::RefreshOther(String::new()),
        })
    }
}

fn is_script_address(value: &str) -> bool {
    value.trim_start_matches(|c| c <= ' ').starts_with(['j', 'J'])
        && matches!(Reference::resolve(&beginning(value), None), Reference::Other(scheme) if scheme == "javascript")
}

/// Whether the address is one of the page's own origin at first sight: most are, and need not be resolved.
fn is_path(source: &str) -> bool {
    let mut letters = source.bytes();
    letters.next() == Some(b'/')
        && letters.next().is_some_and(|second| second > b' ' && !matches!(second, b'/' | b'\\'))
}

/// As much of an address as says its origin: of a `data:` address its scheme, for the rest is the picture, longer than
/// any address; of a plain one what is before its path.
fn beginning_of_media(source: &str) -> &str {
    if let Some(scheme) = source.trim_start().get(..5)
        && scheme.eq_ignore_ascii_case("data:")
    {
        return scheme;
    }
    let is_plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-".contains(&byte));
    match source.split_once("//") {
        Some((scheme, rest)) if is_plain(scheme) => {
            let host = rest.split('/').next().unwrap_or_default();
            if is_plain(host) { &source[..scheme.len() + 2 + host.len()] } else { source }
        }
        _ => source,
    }
}

/// Enough of an address to see its scheme, however many spaces and line ends a page puts into it.
fn beginning(value: &str) -> String {
    value.chars().filter(|c| *c > ' ').take(64).collect()
}

/// A short text, cut to [`WORD_BYTES_MAX`].
pub(super) fn word(value: &str) -> String {
    let mut end = value.len().min(WORD_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

/// Adds `item` where there is room; says whether there was.
fn bounded<T>(items: &mut Vec<T>, max: usize, item: T) -> bool {
    let has_room = items.len() < max;
    if has_room {
        items.push(item);
    }
    has_room
}
