//! Destinations: where pages of a class send to and load from, besides scripts.

use gabion_core::{Actor, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_web::{Cursor, Listing, Page};
use serde::Serialize;

use crate::identity::words;
use crate::{DestinationId, Entered, Pages, PagesError, SeenBy, Status, store};

/// Destinations that are kept of one class of a site. A shop has 10 to 50; above it new ones are told of once a day and
/// not kept.
pub const DESTINATIONS_PER_CLASS_MAX: usize = 500;
/// Of those, how many may be known from browsers' reports alone, which anybody can send.
pub const REPORTED_DESTINATIONS_PER_CLASS_MAX: usize = 100;

/// What pages do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// A form is sent there.
    Form,
    /// A frame shows it.
    Frame,
    /// A script sends to it or asks it: fetch, beacons, sockets.
    Connect,
    /// Pictures come from there; their addresses can carry data away.
    Image,
    /// Stylesheets come from there.
    Style,
    /// Fonts come from there.
    Font,
    /// Sound and film come from there.
    Media,
    /// Workers come from there.
    Worker,
    /// Scripts make script of text, as `eval` does; the place is `eval`.
    Eval,
}

words!(DestinationKind {
    Form => "form",
    Frame => "frame",
    Connect => "connect",
    Image => "image",
    Style => "style",
    Font => "font",
    Media => "media",
    Worker => "worker",
    Eval => "eval",
});

impl DestinationKind {
    /// The directive of policies that governs it.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Form => "form-action",
            Self::Frame => "frame-src",
            Self::Connect => "connect-src",
            Self::Image => "img-src",
            Self::Style => "style-src",
            Self::Font => "font-src",
            Self::Media => "media-src",
            Self::Worker => "worker-src",
            Self::Eval => "script-src",
        }
    }

    /// The kind that a directive governs.
    pub fn of_directive(directive: &str) -> Option<Self> {
        match directive {
            "style-src-elem" | "style-src-attr" => Some(Self::Style),
            "child-src" => Some(Self::Frame),
            "script-src" => None,
            _ => Self::ALL.iter().copied().find(|kind| kind.directive() == directive),
        }
    }
}

/// A place that pages of one class send to or load from.
#[derive(Clone, Debug, Serialize)]
pub struct DestinationView {
    /// Its id.
    pub id: DestinationId,
    /// What the pages are for.
    pub class: PageClass,
    /// What pages do there.
    pub kind: DestinationKind,
    /// The origin, `self` for the page's own, `data:` or `blob:`.
    pub place: String,
    /// The company that the host is known to belong to.
    pub company: Option<&'static str>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// A page it was seen on.
    pub page: String,
    /// What people enter in forms that are sent there.
    pub receives: Entered,
    /// What people decided.
    pub status: Status,
    /// Why it is needed.
    pub justification: Option<String>,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

impl DestinationView {
    /// What changes about it are about.
    pub(crate) fn subject(&self) -> String {
        format!("{} {}", self.kind, self.place)
    }
}

/// Which destinations a list holds. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationFilter {
    /// Of this class.
    pub class: Option<PageClass>,
    /// Of this kind.
    pub kind: Option<DestinationKind>,
    /// Of this status.
    pub status: Option<Status>,
}

impl Pages {
    /// Destinations of a site, the newest first.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn destinations(
        &self,
        site: &SiteId,
        filter: DestinationFilter,
        page: Page,
    ) -> Result<Listing<DestinationView>, PagesError> {
        let (site, limit) = (site.clone(), page.limit + 1);
        let before = page.cursor.as_ref().map(|cursor| cursor.position().to_owned());
        let rows = self
            .db()
            .read(move |tx| {
                Ok::<_, PagesError>(store::destination::page(tx, &site, &filter, before.as_deref(), limit)?)
            })
            .await?;
        Ok(page.listing(rows, |row: &DestinationView| Cursor::after(row.id)))
    }
}
