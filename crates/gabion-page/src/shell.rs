//! What every console page carries around its content, and the vocabulary of the components.

use crate::asset;
use crate::text::Language;
use askama::filters::HtmlSafe;
use std::fmt;

mod icon;

pub use icon::Icon;

/// The frame of a page. Layouts expect it as `shell`.
///
/// The console layout posts its sign-out form to `/sign-out` with the field `csrf`; the brand links to `/`.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// Heading of the page and, with the product's name, title of the window.
    pub title: String,
    /// Language of the page.
    pub language: Language,
    /// Main navigation in the order it is shown; the plain layout shows none.
    pub nav: Vec<NavItem>,
    /// Who is signed in; `None` also leaves out the sign-out button.
    pub staff: Option<StaffBadge>,
    /// Messages above the content, most important first.
    pub banners: Vec<Banner>,
    /// Token for the sign-out form.
    pub csrf: String,
    /// Name of the site or the installation, shown below the product's name.
    pub site_name: String,
    /// Seconds after which the elements marked `data-refresh` (they need an `id`) are fetched again; `None` is never.
    pub refresh: Option<u32>,
}

impl Shell {
    /// Address of a built-in file; see [`asset::url`].
    #[must_use]
    pub fn asset(&self, name: &str) -> &'static str {
        asset::url(name)
    }
}

/// One entry of the main navigation.
#[derive(Debug, Clone)]
pub struct NavItem {
    /// The word shown.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// Picture before the word.
    pub icon: Icon,
    /// Whether the page belongs to this entry.
    pub current: bool,
    /// Short count of what waits there, with its unit understood from the label.
    pub badge: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct StaffBadge {
    /// Name of the person.
    pub name: String,
    /// Their role in words.
    pub role: String,
}

/// A message that stays on every page while its cause lasts.
#[derive(Debug, Clone)]
pub struct Banner {
    /// How urgent it is.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
    /// What to do about it: label and address.
    pub action: Option<(String, String)>,
}

/// How urgent a message is; prints as the suffix of its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Info,
    /// Something worked.
    Ok,
    /// Needs a look soon.
    Warn,
    /// Needs a look now.
    Danger,
}

impl Tone {
    /// Whether screen readers should announce the message at once.
    #[must_use]
    pub fn is_urgent(self) -> bool {
        self == Self::Danger
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Danger => "danger",
        })
    }
}

impl HtmlSafe for Tone {}

/// State of a part of the installation; prints as the suffix of its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Works.
    Ok,
    /// Works, but not as well as it should.
    Degraded,
    /// Does not work.
    Down,
    /// Gets no new requests, on purpose.
    Drained,
    /// Taken out for work.
    Maintenance,
    /// Nothing known, or nothing to say.
    Neutral,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Drained => "drained",
            Self::Maintenance => "maintenance",
            Self::Neutral => "neutral",
        })
    }
}

impl HtmlSafe for Status {}

/// One of several views of a thing.
#[derive(Debug, Clone)]
pub struct Tab {
    /// The word shown.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// Whether this view is shown.
    pub current: bool,
}
