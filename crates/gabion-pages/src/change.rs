//! Changes: what became different on pages, for a person to look at.

use gabion_core::{Actor, EventKind, Severity, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_markup::script::compare;
use gabion_web::{Cursor, Listing, Page};
use serde::{Deserialize, Serialize};

use crate::identity::words;
use crate::script::VersionComparison;
use crate::{ChangeId, Pages, PagesError, ScriptId, SeenBy, aside, event, store};

/// Changes of one site that are told of in a day because browsers reported them: anybody can send a report. Further ones
/// are counted as reached limits.
pub const REPORTED_CHANGES_PER_DAY_MAX: usize = 200;
/// Bytes of a note about a change.
pub const NOTE_BYTES_MAX: usize = 1_000;

/// What became different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A script was seen for the first time on this class of pages.
    ScriptAppeared,
    /// A known script says something else.
    ScriptChanged,
    /// A script that people denied is in a page.
    ScriptDeniedSeen,
    /// A script that people authorized was not seen for a week.
    ScriptGone,
    /// Pages send to or load from a new place.
    DestinationAppeared,
    /// A form is sent elsewhere than before.
    FormRedirected,
    /// A header that protects the reader is gone or forbids less.
    HeaderWeakened,
    /// An answer says what it should not.
    LeakFound,
}

words!(ChangeKind {
    ScriptAppeared => "script_appeared",
    ScriptChanged => "script_changed",
    ScriptDeniedSeen => "script_denied_seen",
    ScriptGone => "script_gone",
    DestinationAppeared => "destination_appeared",
    FormRedirected => "form_redirected",
    HeaderWeakened => "header_weakened",
    LeakFound => "leak_found",
});

impl ChangeKind {
    /// The event that tells of it.
    pub(crate) const fn event(self) -> &'static EventKind {
        match self {
            Self::ScriptAppeared => &event::SCRIPT_APPEARED,
            Self::ScriptChanged => &event::SCRIPT_CHANGED,
            Self::ScriptDeniedSeen => &event::SCRIPT_DENIED_SEEN,
            Self::ScriptGone => &event::SCRIPT_GONE,
            Self::DestinationAppeared => &event::DESTINATION_APPEARED,
            Self::FormRedirected => &event::FORM_REDIRECTED,
            Self::HeaderWeakened => &event::HEADER_WEAKENED,
            Self::LeakFound => &event::LEAK_FOUND,
        }
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Nobody looked at it yet.
    #[default]
    Open,
    /// It is as it should be.
    Accepted,
    /// It should not be.
    Rejected,
}

words!(ChangeState { Open => "open", Accepted => "accepted", Rejected => "rejected" });

/// Something in a script that is worth a look, in few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskNote {
    /// Its kind, such as `skimmer-shape`.
    pub kind: String,
    /// What exactly: an origin, a name.
    pub detail: String,
    /// How much it matters: `info`, `warning`, `critical`.
    pub severity: String,
}

/// Something that became different.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeView {
    /// Its id.
    pub id: ChangeId,
    /// What the page is for.
    pub class: PageClass,
    /// What became different.
    pub kind: ChangeKind,
    /// How much it matters.
    pub severity: Severity,
    /// The page it was seen on.
    pub page: String,
    /// What it is about: a script's key, an origin, a header, the name of a leak.
    pub subject: String,
    /// The same as a sentence.
    pub sentence: String,
    /// The script, where it is about one; it may be forgotten by now.
    pub script: Option<ScriptId>,
    /// What the script said before.
    pub hash_before: Option<String>,
    /// What it says now.
    pub hash_after: Option<String>,
    /// What is new in it and worth a look.
    pub risks: Vec<RiskNote>,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub state: ChangeState,
    /// Who looked at it.
    pub settled_by: Option<Actor>,
    /// When.
    pub settled_at: Option<Timestamp>,
    /// What they wrote.
    pub note: Option<String>,
}

/// One change with its difference.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeDetail {
    /// The site.
    pub site: SiteId,
    /// The change.
    pub change: ChangeView,
    /// The lines that are different, where both texts are kept; everything is new where a script appeared.
    pub comparison: Option<VersionComparison>,
}

/// Which changes a list holds. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// On this class.
    pub class: Option<PageClass>,
    /// Of this kind.
    pub kind: Option<ChangeKind>,
    /// In this state.
    pub state: Option<ChangeState>,
    /// At least this severe.
    pub severity_min: Option<Severity>,
}

impl Pages {
    /// Changes of a site, the newest first.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn changes(
        &self,
        site: &SiteId,
        filter: ChangeFilter,
        page: Page,
    ) -> Result<Listing<ChangeView>, PagesError> {
        let (site, limit) = (site.clone(), page.limit + 1);
        let before = page.cursor.as_ref().map(|cursor| cursor.position().to_owned());
        let rows = self
            .db()
            .read(move |tx| {
                Ok::<_, PagesError>(store::change::page(tx, &site, &filter, before.as_deref(), limit)?)
            })
            .await?;
        Ok(page.listing(rows, |row: &ChangeView| Cursor::after(row.id)))
    }

    /// One change with what is different.
    ///
    /// # Errors
    /// [`PagesError::NotFound`], [`PagesError::Store`].
    pub async fn change(&self, id: ChangeId) -> Result<ChangeDetail, PagesError> {
        let found = self
            .db()
            .read(move |tx| {
                let Some((site, change)) = store::change::by_id(tx, id)? else { return Ok(None) };
                let mut text = |hash: &Option<String>| match hash {
                    Some(hash) => store::version::text(tx, &site, &change.subject, hash),
                    None => Ok(None),
                };
                let texts = (text(&change.hash_before)?, text(&change.hash_after)?);
                Ok::<_, PagesError>(Some((site, change, texts)))
            })
            .await?;
        let (site, change, texts) = found.ok_or(PagesError::NotFound { what: "change" })?;
        let comparison = match (change.kind, texts) {
            (ChangeKind::ScriptAppeared, (_, Some(new))) => Some((String::new(), new)),
            (_, (Some(old), Some(new))) => Some((old, new)),
            _ => None,
        };
        let Some((old, new)) = comparison else { return Ok(ChangeDetail { site, change, comparison: None }) };
        let comparison = VersionComparison {
            old: change.hash_before.clone().unwrap_or_default(),
            new: change.hash_after.clone().unwrap_or_default(),
            lines: aside(move || compare(&old, &new)).await,
        };
        Ok(ChangeDetail { site, change, comparison: Some(comparison) })
    }
}
