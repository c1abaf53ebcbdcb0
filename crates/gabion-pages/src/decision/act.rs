//! Making decisions.

mod scripts;
mod site;

use gabion_core::{Actor, Event, EventId, SiteId, Timestamp};
use gabion_markup::PageClass;
use gabion_store::Tx;

use super::{DecisionKind, DecisionView, ITEMS_MAX, Item, JUSTIFICATION_BYTES_MAX, State, Subject};
use crate::store::decision::Row;
use crate::store::headers::Baseline;
use crate::{DecisionId, Pages, PagesError, event, store};

/// What is new about each thing.
type Wishes = Vec<(Subject, State)>;

/// A decision before it is written.
#[derive(Clone)]
struct Draft {
    kind: DecisionKind,
    class: Option<PageClass>,
    justification: Option<String>,
    by: Actor,
    undoes: Option<DecisionId>,
}

impl Pages {
    /// Takes a decision back: everything is as it was before it.
    ///
    /// # Errors
    /// [`PagesError::Superseded`] when something else was decided about one of the things since;
    /// [`PagesError::NotFound`]; [`PagesError::Store`].
    pub async fn undo(&self, id: DecisionId, by: Actor) -> Result<DecisionView, PagesError> {
        let draft = Draft { undoes: Some(id), ..Draft::new(DecisionKind::Undo, by) };
        self.decide(draft, move |tx| {
            let row = found(store::decision::by_id(tx, id)?, "decision")?;
            if row.undone_by.is_some() {
                return Err(PagesError::Superseded);
            }
            for item in &row.items {
                if store::state::now(tx, &row.site, &item.subject)? != Some(item.after.clone()) {
                    return Err(PagesError::Superseded);
                }
            }
            let back = row.items.into_iter().rev().map(|item| (item.subject, item.before));
            Ok((row.site, back.collect()))
        })
        .await
    }

    /// Reads what is, writes what shall be, the decision and its event, and wakes whoever serves the pages.
    async fn decide<F>(&self, draft: Draft, mut wishes: F) -> Result<DecisionView, PagesError>
    where
        F: FnMut(&mut Tx<'_>) -> Result<(SiteId, Wishes), PagesError> + Send + 'static,
    {
        let now = self.now();
        let id = DecisionId::new(now, self.entropy());
        let event = EventId::new(now, self.entropy());
        let row = self
            .db()
            .write(move |tx| {
                let (site, wishes) = wishes(tx)?;
                let items = apply(tx, &site, wishes)?;
                let Draft { kind, class, justification, by, undoes } = draft.clone();
                let row =
                    Row { id, site, class, kind, items, justification, by, at: now, undoes, undone_by: None };
                store::decision::insert(tx, &row)?;
                if let Some(undone) = undoes {
                    store::decision::set_undone(tx, undone, id)?;
                }
                tx.record(&story(&row, event))?;
                Ok::<_, PagesError>(row)
            })
            .await?;
        self.refresh_site(&row.site).await?;
        Ok(row.view())
    }
}

impl Draft {
    fn new(kind: DecisionKind, by: Actor) -> Self {
        Self { kind, class: None, justification: None, by, undoes: None }
    }
}

fn apply(tx: &mut Tx<'_>, site: &SiteId, wishes: Wishes) -> Result<Vec<Item>, PagesError> {
    let mut items = Vec::new();
    for (subject, after) in wishes {
        let before = found(store::state::now(tx, site, &subject)?, "thing to decide about")?;
        let label = store::state::label(tx, &subject)?;
        store::state::set(tx, site, &subject, &after)?;
        items.push(Item { subject, label, before, after });
    }
    if items.is_empty() {
        return Err(PagesError::NotFound { what: "thing left to decide about" });
    }
    Ok(items)
}

/// The event of a decision.
fn story(row: &Row, id: EventId) -> Event {
    let hold = row.items.iter().find_map(|item| match &item.after {
        State::Hold(hold) => Some(hold),
        _ => None,
    });
    let kind = if hold.is_some() { &event::HELD } else { &event::DECIDED };
    let mut event = Event::new(kind, id, row.at, row.by.clone())
        .site(&row.site)
        .entity("pages_decision", row.id)
        .field("kind", row.kind.as_str())
        .field("items", i64::try_from(row.items.len()).unwrap_or(i64::MAX));
    if let Some(class) = row.class {
        event = event.field("class", class.as_str());
    }
    if let Some(item) = row.items.first() {
        event = event.field("first", item.label.as_str());
    }
    if let Some(hold) = hold {
        event = event.field("stage", hold.stage.as_str()).field("undecided", hold.undecided.as_str());
    }
    match &row.justification {
        Some(text) => event.field("justification", text.as_str()),
        None => event,
    }
}

fn headers_of(
    tx: &mut Tx<'_>,
    site: &SiteId,
    class: PageClass,
    by: &Actor,
    at: Timestamp,
) -> Result<Wishes, PagesError> {
    let pages = store::page::all(tx, site)?.into_iter().filter(|row| row.view.class == class);
    let baseline = |row: store::page::Row| {
        let baseline = Baseline { headers: row.headers, by: by.clone(), at };
        (Subject::Headers(row.view.path), State::Headers(Some(baseline)))
    };
    Ok(pages.map(baseline).collect())
}

fn found<T>(thing: Option<T>, what: &'static str) -> Result<T, PagesError> {
    thing.ok_or(PagesError::NotFound { what })
}

fn same_site(site: &mut Option<SiteId>, other: &SiteId) -> Result<(), PagesError> {
    match site.get_or_insert_with(|| other.clone()) == other {
        true => Ok(()),
        false => Err(PagesError::field("site", "one decision is about things of one site")),
    }
}

fn bounded(items: usize) -> Result<(), PagesError> {
    match items {
        0 => Err(PagesError::field("items", "name what you decide about")),
        1..=ITEMS_MAX => Ok(()),
        _ => Err(PagesError::field("items", format!("one decision is about at most {ITEMS_MAX} things"))),
    }
}

fn justification(text: &str) -> Result<String, PagesError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(PagesError::field("justification", "say why, in a sentence"));
    }
    if text.len() > JUSTIFICATION_BYTES_MAX {
        let reason = format!("a justification has at most {JUSTIFICATION_BYTES_MAX} bytes");
        return Err(PagesError::field("justification", reason));
    }
    Ok(text.to_owned())
}
