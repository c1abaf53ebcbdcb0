//! What one page hands to the customer's browser.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::address::Address;
use crate::hash::ContentHash;

/// Scripts of a page that are kept. A shop front has 20 to 80.
pub const SCRIPTS_MAX: usize = 500;
/// Event-handler attributes and `javascript:` addresses of a page that are kept.
pub const HANDLERS_MAX: usize = 500;
/// Forms of a page that are kept.
pub const FORMS_MAX: usize = 100;
/// Fields that are kept of all forms of a page.
pub const FIELDS_MAX: usize = 500;
/// Frames, objects and embeds of a page that are kept.
pub const FRAMES_MAX: usize = 100;
/// Stylesheets and preloads of a page that are kept.
pub const LINKS_MAX: usize = 500;
/// Foreign hosts of pictures and films of a page that are kept.
pub const MEDIA_ORIGINS_MAX: usize = 200;
/// `meta http-equiv` elements of a page that are kept.
pub const METAS_MAX: usize = 50;
/// Bytes of an inline script that are kept for people to read and to compare.
pub const BEGINNING_BYTES_MAX: usize = 32 * 1024;
/// Bytes of all inline scripts of a page that are kept.
pub const BEGINNINGS_BYTES_MAX: usize = 512 * 1024;
/// Bytes of a name, a type or another short text of a page.
pub const WORD_BYTES_MAX: usize = 128;
/// Bytes of a policy in a `meta` element.
pub const META_BYTES_MAX: usize = 8 * 1024;

/// What the collector found. Empty where there was nothing; what is not whole is in `partial`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    /// What `<base>` makes of relative addresses.
    pub base: Option<Address>,
    /// Scripts in the order of the page, with blocks of data.
    pub scripts: Vec<Script>,
    /// Event-handler attributes and `javascript:` addresses.
    pub handlers: Vec<Handler>,
    /// Forms; one without action, method and name has the fields outside all forms.
    pub forms: Vec<Form>,
    /// Frames, objects and embeds.
    pub frames: Vec<Frame>,
    /// Stylesheets and what is loaded ahead.
    pub links: Vec<Link>,
    /// Foreign origins of pictures, sound and film; `data:` and `blob:` for those that have none.
    pub media_origins: BTreeSet<String>,
    /// What the page says in place of headers.
    pub metas: Vec<Meta>,
    /// What is not known as a whole, and why.
    pub partial: BTreeSet<Partial>,
    /// Length of the page in bytes, before anything was added.
    pub bytes: u64,
}

/// What of a page is not known as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partial {
    /// More scripts than [`SCRIPTS_MAX`].
    Scripts,
    /// More handlers than [`HANDLERS_MAX`].
    Handlers,
    /// More forms than [`FORMS_MAX`] or fields than [`FIELDS_MAX`].
    Forms,
    /// More frames than [`FRAMES_MAX`].
    Frames,
    /// More links than [`LINKS_MAX`].
    Links,
    /// More foreign origins than [`MEDIA_ORIGINS_MAX`].
    Media,
    /// More `meta` elements than [`METAS_MAX`], or one longer than [`META_BYTES_MAX`].
    Metas,
    /// An inline script was too long to be held back until it was judged.
    Judged,
    /// The page ended inside a script; browsers do not run it.
    Unfinished,
    /// Browsers may read a part of the page in another way, by their age or by what is around it.
    Ambiguous,
    /// The page needs more memory than it may have: the rest was not looked at.
    Memory,
    /// The page is in an encoding that is not understood (UTF-16, ISO-2022-JP): it was not looked at.
    Encoding,
    /// The page is longer than a page may be: the rest was not looked at.
    Length,
}

impl Partial {
    /// The reason as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Scripts => "The page has more scripts than are kept.",
            Self::Handlers => "The page has more event handlers than are kept.",
            Self::Forms => "The page has more forms or fields than are kept.",
            Self::Frames => "The page has more frames than are kept.",
            Self::Links => "The page has more stylesheets and preloads than are kept.",
            Self::Media => "The page has pictures from more places than are kept.",
            Self::Metas => "The page has more or longer meta elements than are kept.",
            Self::Judged => "A script in the page is too long to be judged before it is sent.",
            Self::Unfinished => "The page ends inside a script.",
            Self::Ambiguous => "Browsers may read a part of the page in different ways.",
            Self::Memory => {
                "The page is too deeply nested or its tags are too long; the rest was not looked at."
            }
            Self::Encoding => "The page is in an encoding that is not understood and was not looked at.",
            Self::Length => "The page is very long; its end was not looked at.",
        }
    }
}

/// A script element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Where the script is, or what it says.
    pub source: ScriptSource,
    /// How the browser treats it.
    pub kind: ScriptKind,
    /// The `integrity` that the shop gave it.
    pub integrity: Option<String>,
    /// Whether the shop gave it a nonce.
    pub has_nonce: bool,
    /// What was done about it on the way.
    pub outcome: Outcome,
}

/// Where a script is, or what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptSource {
    /// It is loaded from there.
    Web(Address),
    /// It is loaded from an address that is not of the web (`data:`, `blob:`) or cannot be read; with its hash.
    Opaque {
        /// The scheme, empty when the address cannot be read.
        scheme: String,
        /// The hash of the address as written.
        hash: ContentHash,
    },
    /// It stands in the page.
    Inline(Inline),
}

/// A script that stands in the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inline {
    /// The hash that a browser computes for it: of the text in UTF-8, with its line ends as `\n`. In `svg` and `math`
    /// character references stay as they are written, and browsers have another hash.
    pub hash: ContentHash,
    /// Bytes of that text.
    pub bytes: u64,
    /// The beginning of that text, at most [`BEGINNING_BYTES_MAX`] bytes.
    pub beginning: String,
}

/// How browsers treat a script element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptKind {
    /// An ordinary script.
    Classic,
    /// A module.
    Module,
    /// Addresses of modules; policies treat it as a script.
    ImportMap,
    /// Which pages to load ahead; policies treat it as a script.
    SpeculationRules,
    /// Anything else, such as JSON: browsers do not run it. With its type.
    Data(String),
}

impl ScriptKind {
    /// Whether a policy of scripts governs it.
    pub fn is_governed(&self) -> bool {
        !matches!(self, Self::Data(_))
    }
}

/// What was done about a script on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It passed as it was.
    #[default]
    Passed,
    /// It got the nonce, or an `integrity`.
    Authorized,
    /// Browsers will not run it.
    Denied,
}

/// Script in an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handler {
    /// The element, in lower case.
    pub element: String,
    /// The attribute, in lower case: `onclick`, or `href` for a `javascript:` address.
    pub attribute: String,
    /// The hash of the attribute's value, as `'unsafe-hashes'` wants it; of a `javascript:` address with its scheme.
    pub hash: ContentHash,
    /// The beginning of the value, at most [`WORD_BYTES_MAX`] bytes.
    pub beginning: String,
}

/// A form and what people enter there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Form {
    /// Where it is sent to: `action`, then every `formaction`. Empty is the page itself.
    pub actions: Vec<Address>,
    /// Schemes of actions that are not of the web, such as `javascript` and `mailto`.
    pub other_schemes: Vec<String>,
    /// `get`, `post` or `dialog`.
    pub method: String,
    /// The name or id of the form.
    pub name: String,
    /// Its fields, without buttons.
    pub fields: Vec<FormField>,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormField {
    /// The name, or the id.
    pub name: String,
    /// What people enter there.
    pub kind: FieldKind,
}

/// What people enter in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// The number of a card.
    CardNumber,
    /// The code on the back of a card.
    CardCode,
    /// When a card expires, and the name on it.
    CardOther,
    /// A password or a code that is sent once.
    Password,
    /// An account at a bank.
    BankAccount,
    /// An address of mail.
    Email,
    /// A telephone number.
    Phone,
    /// A name, a street, a town, a birthday.
    Person,
    /// A file.
    File,
    /// Not shown.
    Hidden,
    /// Anything else.
    Other,
}

/// A frame, object or embed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// `iframe`, `frame`, `object` or `embed`.
    pub element: String,
    /// What it shows.
    pub source: FrameSource,
    /// The `sandbox` attribute.
    pub sandbox: Option<String>,
}

/// What a frame shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameSource {
    /// A page from there.
    Web(Address),
    /// A page that stands in the attribute `srcdoc`; with its hash. What is in it was not looked at.
    Document(ContentHash),
    /// An address that is not of the web; with its scheme, empty when it cannot be read.
    Other(String),
    /// Nothing yet; a script may fill it.
    Empty,
}

/// A stylesheet, or something that is loaded ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What the link is for.
    pub kind: LinkKind,
    /// Where it leads.
    pub address: Address,
    /// The `as` of a preload: `script`, `style`, `font`.
    pub destination: String,
    /// The `integrity` that the shop gave it.
    pub integrity: Option<String>,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// `rel=stylesheet`
    Stylesheet,
    /// `rel=preload`
    Preload,
    /// `rel=modulepreload`
    ModulePreload,
    /// `rel=prefetch`, `prerender`, `dns-prefetch`, `preconnect`
    Ahead,
    /// `rel=manifest`
    Manifest,
}

/// A `meta http-equiv` element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meta {
    /// A content security policy.
    Policy(String),
    /// Browsers go there by themselves.
    Refresh(Address),
    /// A refresh to an address that is not of the web; with its scheme.
    RefreshOther(String),
    /// Another one; with its name.
    Other(String),
}
