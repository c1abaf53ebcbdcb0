//! Letters that were kept instead of sent: as text, and the source of their HTML. It is never drawn here.

use askama::Template;
use axum::extract::State;
use gabion_outbound::mail::Captured;
use gabion_page::shell::Shell;
use gabion_store::outbox::MessageId;
use gabion_web::{Page as Part, PathId, Viewer};

use super::query;
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::words::Moment;

/// What stands in the place of what a role may not see.
const HIDDEN: &str = "hidden";

#[derive(Template)]
#[template(path = "mailbox.html")]
struct List<'a> {
    shell: &'a Shell,
    rows: Vec<Row>,
    newest: String,
    older: String,
}

/// A letter in the list.
struct Row {
    href: String,
    at: Moment,
    to: String,
    subject: String,
    kind: String,
}

pub(super) async fn list(State(console): State<Console>, Viewer(staff): Viewer, part: Part) -> Drawn {
    let found = console.letters(&part).await?;
    let (now, personal) = (console.now(), staff.role.sees_personal());
    let older = found.next_cursor.map(|cursor| query::url("/mailbox", &[("cursor", &cursor.to_string())]));
    let row = |letter: Captured| Row {
        href: format!("/mailbox/{}", letter.id),
        at: Moment::new(letter.at, now),
        to: shown(letter.to, personal),
        subject: shown(letter.subject, personal),
        kind: letter.kind,
    };
    draw(&List {
        shell: &console.frame(&staff, "Mailbox", "/mailbox"),
        rows: found.items.into_iter().map(row).collect(),
        newest: if part.cursor.is_some() { "/mailbox".to_owned() } else { String::new() },
        older: older.unwrap_or_default(),
    })
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Detail<'a> {
    shell: &'a Shell,
    at: Moment,
    to: String,
    subject: String,
    kind: String,
    language: String,
    text: String,
    html: Option<String>,
    personal: bool,
}

pub(super) async fn detail(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    PathId(id): PathId<MessageId>,
) -> Drawn {
    let letter = console.letter(id).await?;
    let personal = staff.role.sees_personal();
    draw(&Detail {
        shell: &console.frame(&staff, "A letter", "/mailbox"),
        at: Moment::new(letter.at, console.now()),
        to: shown(letter.to, personal),
        subject: shown(letter.subject, personal),
        kind: letter.kind,
        language: letter.language,
        text: letter.text,
        html: letter.html,
        personal,
    })
}

fn shown(part: String, personal: bool) -> String {
    if personal { part } else { HIDDEN.to_owned() }
}
