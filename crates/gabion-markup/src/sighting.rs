//! What whoever serves pages saw of them, told to whoever keeps account of it.

use gabion_core::{SiteId, Timestamp};

use crate::address::Address;
use crate::answer::Leaks;
use crate::class::PageClass;
use crate::hash::ContentHash;
use crate::headers::SecurityHeaders;
use crate::page::Page;
use crate::report::Report;

/// Bytes of a script of the shop's own that are kept to be compared.
pub const SCRIPT_BYTES_MAX: usize = 256 * 1024;

/// Something that was seen of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The site.
    pub site: SiteId,
    /// When it was seen; the last time, where it was seen more than once.
    pub at: Timestamp,
    /// What was seen.
    pub seen: Seen,
}

/// What was seen of a site. Addresses are scrubbed: no query, no card number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A page was served.
    Page(Box<PageSeen>),
    /// A script of the shop's own was served.
    Script(ScriptSeen),
    /// A browser reported something.
    Report(Box<ReportSeen>),
    /// An answer says what it should not.
    Leak {
        /// The answer's address.
        address: Address,
        /// What it says.
        leaks: Leaks,
    },
}

/// A page that was served. The same page with the same content is told once, and from time to time again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSeen {
    /// What the page is for.
    pub class: PageClass,
    /// Where it is.
    pub address: Address,
    /// The status of the answer.
    pub status: u16,
    /// What it runs and where it sends.
    pub page: Page,
    /// Headers that protect its reader, as the customer got them but for Gabion's own policy.
    pub headers: SecurityHeaders,
    /// How often it was served like that since it was last told, at least 1.
    pub servings: u64,
    /// Who looked.
    pub by: SeenBy,
}

/// A script of the shop's own that was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptSeen {
    /// Where it is.
    pub address: Address,
    /// What it says.
    pub hash: ContentHash,
    /// How long it is in bytes.
    pub bytes: u64,
    /// Its beginning, at most [`SCRIPT_BYTES_MAX`] bytes; what is not UTF-8 replaced.
    pub beginning: String,
    /// Who looked.
    pub by: SeenBy,
}

/// Reports of browsers that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSeen {
    /// What the page is for.
    pub class: PageClass,
    /// The first of them.
    pub report: Report,
    /// How many there were since they were last told, at least 1.
    pub count: u64,
}

/// Who looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeenBy {
    /// Gabion, while it served.
    Serving,
    /// Gabion, from outside, as a browser would.
    Outside,
}
