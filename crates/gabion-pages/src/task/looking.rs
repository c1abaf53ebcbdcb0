//! A round of looks from outside: pages that are due, their scripts, and what could not be looked at.

use gabion_core::{Actor, Event, EventId, Severity, SiteId, Timestamp};
use gabion_markup::headers::SecurityHeaders;
use gabion_markup::page::{Page, ScriptSource};
use gabion_markup::sighting::{PageSeen, SCRIPT_BYTES_MAX, ScriptSeen, Seen, SeenBy, Sighting};
use gabion_markup::{Address, Collector, ContentHash, PageClass, Rewrite};

use crate::identity::site_bits;
use crate::look::{Answer, LOOK_OVERDUE_AFTER, LOOKS_PER_ROUND_MAX, Outside, SCRIPTS_PER_LOOK_MAX};
use crate::store::day::{self, Day};
use crate::store::page::Row;
use crate::{Pages, PagesError, event, store};

/// Bytes of the reason why a look saw nothing.
const REASON_BYTES_MAX: usize = 300;
/// Pages that are told of in one round because nobody could look at them.
const OVERDUE_PER_ROUND_MAX: usize = 100;

impl Pages {
    /// Looks at payment pages that are due and at the scripts on them, and tells of those that could not be looked at.
    /// Says how many pages it looked at.
    ///
    /// # Errors
    /// [`PagesError::Store`].
    pub async fn look_round(&self, outside: &dyn Outside) -> Result<usize, PagesError> {
        let before = self.now().before(self.config().look_every());
        let due = self
            .db()
            .read(move |tx| Ok::<_, PagesError>(store::page::due(tx, before, LOOKS_PER_ROUND_MAX)?))
            .await?;
        let count = due.len();
        for row in due {
            let error = self.look_at(outside, &row).await?;
            self.note_look(row, error).await?;
        }
        self.tell_overdue().await?;
        Ok(count)
    }

    /// Looks at one page; says why it saw nothing.
    async fn look_at(&self, outside: &dyn Outside, row: &Row) -> Result<Option<String>, PagesError> {
        let Some(address) = Address::parse(&row.view.address) else {
            return Ok(Some("its address cannot be read".to_owned()));
        };
        let answer = match outside.look(&row.site, &address).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Some(error.to_string())),
        };
        if let Some(reason) = no_page(&answer) {
            return Ok(Some(reason));
        }
        let seen = read_page(&address, row.view.class, &answer);
        let scripts: Vec<Address> = seen
            .page
            .scripts
            .iter()
            .filter(|script| script.kind.is_governed())
            .filter_map(|script| match &script.source {
                ScriptSource::Web(address) => Some(address.clone()),
                ScriptSource::Inline(_) | ScriptSource::Opaque { .. } => None,
            })
            .take(SCRIPTS_PER_LOOK_MAX)
            .collect();
        let mut sightings = vec![self.seen(&row.site, Seen::Page(Box::new(seen)))];
        for script in scripts {
            // A script that does not come is told by its browser's reports; the page was looked at all the same.
            if let Ok(answer) = outside.look(&row.site, &script).await
                && answer.status == 200
                && !answer.is_cut
            {
                sightings.push(self.seen(&row.site, Seen::Script(read_script(&script, &answer))));
            }
        }
        self.take(sightings).await?;
        Ok(None)
    }

    pub(super) fn seen(&self, site: &SiteId, seen: Seen) -> Sighting {
        Sighting { site: site.clone(), at: self.now(), seen }
    }

    async fn note_look(&self, row: Row, error: Option<String>) -> Result<(), PagesError> {
        let now = self.now();
        let error = error.map(|error| gabion_core::limits::cut(&error, REASON_BYTES_MAX).into_owned());
        let begins_to_fail = row.view.look_error.is_none();
        let event = Event::new(&event::LOOK_FAILED, EventId::new(now, self.entropy()), now, Actor::System);
        self.db()
            .write(move |tx| {
                store::page::note_look(tx, &row.site, &row.view.path, now, error.as_deref())?;
                let Some(reason) = &error else { return Ok(()) };
                let (class, path) = (row.view.class, row.view.path.clone());
                day::add(tx, &row.site, now, &Day { class, path, looks_failed: 1, ..Day::default() })?;
                if begins_to_fail {
                    let event = event.clone().site(&row.site);
                    let page = row.view.address.as_str();
                    tx.record(&event.field("page", page).field("reason", reason.as_str()))?;
                }
                Ok(())
            })
            .await
    }

    /// Tells once a week of payment pages that no look saw for a week. It is critical where they were not served either,
    /// so that nobody knows what is there.
    async fn tell_overdue(&self) -> Result<(), PagesError> {
        let now = self.now();
        let before = now.before(LOOK_OVERDUE_AFTER);
        self.db()
            .write(move |tx| {
                for row in store::page::overdue(tx, before, OVERDUE_PER_ROUND_MAX)? {
                    tx.record(&overdue(&row, now, row.view.last_seen >= before))?;
                }
                Ok(())
            })
            .await
    }
}

fn overdue(row: &Row, now: Timestamp, was_served: bool) -> Event {
    let week = day::start_of(day::number_of(now) / 7 * 7);
    let id = EventId::from_bits(site_bits(week, &row.site, &["overdue", &row.view.path]));
    let reason = row.view.look_error.as_deref().unwrap_or("nobody looked");
    let mut event = Event::new(&event::LOOK_OVERDUE, id, now, Actor::System)
        .site(&row.site)
        .field("page", row.view.address.as_str())
        .field("reason", reason);
    if was_served {
        event.severity = Severity::Warning;
    }
    event
}

/// Why an answer is no page to be compared.
fn no_page(answer: &Answer) -> Option<String> {
    match answer.status {
        200..=299 if header(answer, "content-type").is_some_and(|kind| kind.contains("html")) => None,
        200..=299 => Some("the answer is no HTML page".to_owned()),
        300..=399 => Some(format!("the shop leads a visitor without a cart elsewhere ({})", answer.status)),
        status => Some(format!("the shop answered {status}")),
    }
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let mut headers = answer.headers.iter();
    let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(value).to_ascii_lowercase())
}

fn read_page(address: &Address, class: PageClass, answer: &Answer) -> PageSeen {
    let kind = header(answer, "content-type").unwrap_or_default();
    let charset = kind.split_once("charset=").map(|(_, rest)| rest.trim_matches(['"', ' ']));
    let charset =
        charset.map(|charset| charset.split(';').next().unwrap_or_default().trim_matches(['"', ' ']));
    let mut collector = Collector::new(address, charset, Rewrite::default());
    let mut out = Vec::new();
    collector.write(&answer.body, &mut out);
    let page: Page = collector.finish(&mut out);
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    PageSeen {
        class,
        address: address.clone(),
        status: answer.status,
        page,
        headers: SecurityHeaders::read(headers),
        servings: 1,
        by: SeenBy::Outside,
    }
}

pub(super) fn read_script(address: &Address, answer: &Answer) -> ScriptSeen {
    let text = String::from_utf8_lossy(&answer.body);
    let end = text.floor_char_boundary(SCRIPT_BYTES_MAX);
    ScriptSeen {
        address: address.clone(),
        hash: ContentHash::of(&answer.body),
        bytes: answer.body.len() as u64,
        beginning: text[..end].to_owned(),
        by: SeenBy::Outside,
    }
}
