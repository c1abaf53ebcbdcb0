//! Scripts: what runs on pages of a class, since when, and what people decided about it.

use gabion_core::{Actor, Severity, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_markup::holding::ScriptKey;
use gabion_markup::script::{Comparison, Risk, compare, risks};
use gabion_web::{Cursor, Listing, Page};
use serde::Serialize;

use crate::identity::words;
use crate::{Entered, Pages, PagesError, ScriptId, SeenBy, Status, aside, store};

/// Scripts and event handlers that are kept of one class of a site. A shop has 20 to 200; above it new ones are told of
/// once a day and not kept.
pub const SCRIPTS_PER_CLASS_MAX: usize = 1_000;
/// Of those, how many may be known from browsers' reports alone, which anybody can send.
pub const REPORTED_SCRIPTS_PER_CLASS_MAX: usize = 200;
/// Versions that are kept of one script; those that only browsers told of go first, then the
/// one that was seen longest ago.
pub const VERSIONS_PER_SCRIPT_MAX: usize = 20;
/// Bytes of texts of scripts that are kept of one site. Above it new versions are kept without their text.
pub const TEXT_BYTES_PER_SITE_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of what a script is called in lists.
pub(crate) const LABEL_BYTES_MAX: usize = 160;

/// What kind of script it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptForm {
    /// Loaded from an address.
    Web,
    /// In the page, word for word.
    Inline,
    /// In the page, different in every answer in its numbers and tokens.
    Skeleton,
    /// An event handler or `javascript:` address.
    Handler,
    /// At an address that is not of the web, such as `data:`.
    Opaque,
}

words!(ScriptForm {
    Web => "web",
    Inline => "inline",
    Skeleton => "skeleton",
    Handler => "handler",
    Opaque => "opaque",
});

impl ScriptForm {
    /// The form of a key.
    pub fn of(key: &ScriptKey) -> Self {
        match key {
            ScriptKey::Web(_) => Self::Web,
            ScriptKey::Inline(_) => Self::Inline,
            ScriptKey::Skeleton(_) => Self::Skeleton,
            ScriptKey::Handler(_) => Self::Handler,
            ScriptKey::Opaque(_) => Self::Opaque,
        }
    }
}

/// A script of one class of pages.
#[derive(Clone, Debug, Serialize)]
pub struct ScriptView {
    /// Its id.
    pub id: ScriptId,
    /// What the pages are for.
    pub class: PageClass,
    /// Its key as text: an address, or `inline:sha256-…`.
    pub key: String,
    /// What kind it is.
    pub form: ScriptForm,
    /// What to call it: its address, or its first words.
    pub label: String,
    /// Where it is loaded from, such as `https://cdn.example`; none in the page.
    pub origin: Option<String>,
    /// Whether that is the page's own origin.
    pub is_own: bool,
    /// The company that the host is known to belong to.
    pub company: Option<&'static str>,
    /// Whether that company changes it by itself, so that it is never pinned.
    pub changes_by_itself: bool,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// A page it is on.
    pub page: String,
    /// What people enter on its pages: a script can read all of it.
    pub reads: Entered,
    /// The hash of what it said last, as policies write it.
    pub hash: Option<String>,
    /// The most severe thing found in its text.
    pub risk: Option<Severity>,
    /// What people decided.
    pub status: Status,
    /// Who answers for it in the shop.
    pub owner: Option<String>,
    /// Why it is needed.
    pub justification: Option<String>,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// The hash it is pinned to, for `integrity`.
    pub pin: Option<String>,
}

/// What a script said at some time.
#[derive(Clone, Debug, Serialize)]
pub struct VersionView {
    /// Its hash, as policies write it.
    pub hash: String,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// How long it is in bytes; none where only its hash is known.
    pub bytes: Option<u64>,
    /// Whether its beginning is kept.
    pub has_text: bool,
}

/// One script with everything that is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct ScriptDetail {
    /// The site.
    pub site: SiteId,
    /// The script.
    pub script: ScriptView,
    /// What it said, newest first.
    pub versions: Vec<VersionView>,
    /// The beginning of what it says now.
    pub text: Option<String>,
    /// What in it is worth a look.
    pub risks: Vec<Risk>,
    /// What became different between the last two versions whose text is kept.
    pub comparison: Option<VersionComparison>,
    /// The same script on other classes of pages.
    pub elsewhere: Vec<PageClass>,
}

/// Two versions, compared.
#[derive(Clone, Debug, Serialize)]
pub struct VersionComparison {
    /// The hash of the older one.
    pub old: String,
    /// The hash of the newer one.
    pub new: String,
    /// The lines.
    pub lines: Comparison,
}

/// Which scripts a list holds. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptFilter {
    /// Of this class.
    pub class: Option<PageClass>,
    /// Of this status.
    pub status: Option<Status>,
    /// Of this form.
    pub form: Option<ScriptForm>,
    /// From this origin.
    pub origin: Option<String>,
    /// Only from elsewhere than the page's own origin.
    pub foreign_only: bool,
    /// Whose label has this text, in any case; at most 100 bytes count.
    pub text: Option<String>,
}

impl Pages {
    /// Scripts of a site, the newest first.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn scripts(
        &self,
        site: &SiteId,
        filter: ScriptFilter,
        page: Page,
    ) -> Result<Listing<ScriptView>, PagesError> {
        let (site, limit) = (site.clone(), page.limit + 1);
        let before = page.cursor.as_ref().map(|cursor| cursor.position().to_owned());
        let rows = self
            .db()
            .read(move |tx| {
                Ok::<_, PagesError>(store::script::page(tx, &site, &filter, before.as_deref(), limit)?)
            })
            .await?;
        let views = rows.into_iter().map(|row| row.view).collect();
        Ok(page.listing(views, |script: &ScriptView| Cursor::after(script.id)))
    }

    /// One script with its versions, its text and what became different last.
    ///
    /// # Errors
    /// [`PagesError::NotFound`], [`PagesError::Store`].
    pub async fn script(&self, id: ScriptId) -> Result<ScriptDetail, PagesError> {
        let found = self
            .db()
            .read(move |tx| {
                let Some(row) = store::script::by_id(tx, id)? else { return Ok(None) };
                let versions = store::version::of(tx, &row.site, &row.view.key)?;
                let texts = store::version::last_texts(tx, &row.site, &row.view.key)?;
                let elsewhere = store::script::classes_of(tx, &row.site, &row.view.key)?;
                Ok::<_, PagesError>(Some((row, versions, texts, elsewhere)))
            })
            .await?;
        let (row, versions, texts, mut elsewhere) = found.ok_or(PagesError::NotFound { what: "script" })?;
        elsewhere.retain(|class| *class != row.view.class);
        Ok(aside(move || detail(row.site, row.view, versions, texts, elsewhere)).await)
    }

    /// Two versions of a script, compared line by line.
    ///
    /// # Errors
    /// [`PagesError::NotFound`] when the text of one of them is not kept; [`PagesError::Store`].
    pub async fn compare_versions(
        &self,
        id: ScriptId,
        old: &str,
        new: &str,
    ) -> Result<VersionComparison, PagesError> {
        let hashes = (old.to_owned(), new.to_owned());
        let (site_key, old, new) = (id, old.to_owned(), new.to_owned());
        let texts = self
            .db()
            .read(move |tx| {
                let Some(row) = store::script::by_id(tx, site_key)? else { return Ok((None, None)) };
                let before = store::version::text(tx, &row.site, &row.view.key, &hashes.0)?;
                let after = store::version::text(tx, &row.site, &row.view.key, &hashes.1)?;
                Ok::<_, PagesError>((before, after))
            })
            .await?;
        let (Some(before), Some(after)) = texts else {
            return Err(PagesError::NotFound { what: "text of that version" });
        };
        let lines = aside(move || compare(&before, &after)).await;
        Ok(VersionComparison { old, new, lines })
    }
}

fn detail(
    site: SiteId,
    script: ScriptView,
    versions: Vec<VersionView>,
    mut texts: Vec<(String, String)>,
    elsewhere: Vec<PageClass>,
) -> ScriptDetail {
    let comparison = match texts.as_slice() {
        [(new, after), (old, before)] => {
            let lines = compare(before, after);
            Some(VersionComparison { old: old.clone(), new: new.clone(), lines })
        }
        _ => None,
    };
    let text = if texts.is_empty() { None } else { Some(texts.swap_remove(0).1) };
    let risks = text.as_deref().map(risks).unwrap_or_default();
    ScriptDetail { site, script, versions, text, risks, comparison, elsewhere }
}
