//! How mail stands, and letters that were kept instead of sent.

use axum::Json;
use axum::extract::State;
use gabion_core::Timestamp;
use gabion_outbound::mail::{Captured, Counts, Kind, Queue};
use gabion_store::outbox::MessageId;
use gabion_web::{By, Listing, Page, PathId, Problem, Read};
use serde::Serialize;

use crate::Console;

#[derive(Debug, Serialize)]
pub(super) struct Standing {
    kind: &'static str,
    waiting: u64,
    oldest: Option<Timestamp>,
    last_error: Option<String>,
    failing: Option<Failing>,
    sent: u64,
    captured: u64,
    retried: u64,
    gave_up: u64,
    expired: u64,
}

#[derive(Debug, Serialize)]
struct Failing {
    since: Timestamp,
    reason: String,
}

pub(super) async fn standing(State(console): State<Console>, _: By<Read>) -> Json<Standing> {
    let Queue { waiting, oldest, last_error, trouble } = console.0.mail.queue();
    let Counts { sent, captured, retried, gave_up, expired } = console.0.mail.counts();
    Json(Standing {
        kind: match console.0.mail.kind() {
            Kind::Off => "off",
            Kind::Captured => "captured",
            Kind::Smtp => "smtp",
        },
        waiting,
        oldest,
        last_error,
        failing: trouble.map(|(since, reason)| Failing { since, reason }),
        sent,
        captured,
        retried,
        gave_up,
        expired,
    })
}

/// A kept letter. Personal parts are `null` for who may not see them.
#[derive(Debug, Serialize)]
pub(super) struct LetterView {
    id: MessageId,
    at: Timestamp,
    kind: String,
    language: String,
    to: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
}

impl LetterView {
    fn new(letter: Captured, personal: bool) -> Self {
        let Captured { id, at, kind, to, subject, text, html, language } = letter;
        let seen = |part: String| personal.then_some(part);
        let html = html.and_then(seen);
        Self { id, at, kind, language, to: seen(to), subject: seen(subject), text: seen(text), html }
    }
}

pub(super) async fn list(
    State(console): State<Console>,
    by: By<Read>,
    page: Page,
) -> Result<Json<Listing<LetterView>>, Problem> {
    let personal = by.principal.sees_personal();
    let Listing { items, next_cursor } = console.letters(&page).await?;
    let items = items.into_iter().map(|letter| LetterView::new(letter, personal)).collect();
    Ok(Json(Listing { items, next_cursor }))
}

pub(super) async fn letter(
    State(console): State<Console>,
    by: By<Read>,
    PathId(id): PathId<MessageId>,
) -> Result<Json<LetterView>, Problem> {
    Ok(Json(LetterView::new(console.letter(id).await?, by.principal.sees_personal())))
}
