//! Stopped uploads: what is known of them, and how to be rid of one. Content is never shown.

mod detail;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use gabion_core::{Timestamp, limits::cut};
use gabion_edge::config::UploadMode;
use gabion_edge::upload::{StoppedFile, UploadStatus};
use gabion_page::format;
use gabion_page::shell::Shell;
use gabion_web::{CsrfForm, Operator, Page as Part, Principal, Problem, Viewer};
use serde::Deserialize;

pub(super) use self::detail::detail;
use super::ask::{Ask, Mistake};
use super::query;
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::uploads::{Kept, Room, UploadId, gone};
use crate::words::{Moment, counted, plural};

/// Digits of a SHA-256 that a row shows; the whole is behind them.
const DIGEST_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "uploads.html")]
struct List<'a> {
    shell: &'a Shell,
    numbers: [Number; 4],
    scanner_down: bool,
    /// What is said where nothing is kept: heading and sentence.
    empty: [String; 2],
    rows: Vec<Row>,
    newest: String,
    older: String,
    operates: bool,
}

struct Number {
    label: &'static str,
    value: String,
    note: String,
}

/// A stopped file in a list.
struct Row {
    href: String,
    at: Moment,
    name: String,
    /// What it is and how long.
    what: String,
    why: String,
    /// Further reasons, in words; empty where there is one.
    more: String,
    site: String,
    path: String,
    sha256: String,
    digest: String,
}

pub(super) async fn list(State(console): State<Console>, Viewer(staff): Viewer, part: Part) -> Drawn {
    let found = console.kept(&part).await?;
    let (now, personal) = (console.now(), staff.role.sees_personal());
    let status = console.0.edge.uploads();
    let room = console.0.uploads.room();
    let older = found.next_cursor.map(|cursor| query::url("/uploads", &[("cursor", &cursor.to_string())]));
    draw(&List {
        shell: &console.frame(&staff, "Uploads", "/uploads"),
        numbers: numbers(&console, &status, &room),
        scanner_down: status.scanner_down,
        empty: empty(&status, &room),
        rows: found.items.into_iter().map(|kept| Row::new(&console, kept, personal, now)).collect(),
        newest: if part.cursor.is_some() { "/uploads".to_owned() } else { String::new() },
        older: older.unwrap_or_default(),
        operates: staff.role.operates(),
    })
}

impl Row {
    fn new(console: &Console, kept: Kept, personal: bool, now: Timestamp) -> Self {
        let Kept { id, at, facts } = kept;
        Self {
            href: format!("/uploads/{id}"),
            at: Moment::new(at, now),
            name: name(&facts, personal),
            what: format!("{}, {}", kind(&facts), format::bytes(facts.bytes)),
            why: facts.reasons.first().map(|reason| reason.what.clone()).unwrap_or_default(),
            more: match facts.reasons.len().saturating_sub(1) {
                0 => String::new(),
                more => format!("and {}", plural(more, "more reason", "more reasons")),
            },
            site: site(console, &facts),
            path: facts.path,
            digest: cut(&facts.sha256, DIGEST_SHOWN).into_owned(),
            sha256: facts.sha256,
        }
    }
}

/// The name a file was sent under, for who may see it.
fn name(facts: &StoppedFile, personal: bool) -> String {
    match (personal, facts.name.as_str()) {
        (false, _) => "name hidden".to_owned(),
        (true, "") => "without a name".to_owned(),
        (true, name) => name.to_owned(),
    }
}

/// What a file is, whatever it says.
fn kind(facts: &StoppedFile) -> String {
    facts.kind.clone().unwrap_or_else(|| "not looked into".to_owned())
}

/// The name of the site that a file was sent to; its id where it is configured no longer.
fn site(console: &Console, facts: &StoppedFile) -> String {
    let site = console.0.edge.sites().into_iter().find(|site| site.id == facts.site);
    site.map_or_else(|| facts.site.clone(), |site| site.name)
}

fn numbers(console: &Console, status: &UploadStatus, room: &Room) -> [Number; 4] {
    use std::sync::atomic::{AtomicU64, Ordering};

    let counts = console.0.edge.metrics();
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (mode, note) = match (status.bypassed, strictest(status)) {
        (true, _) => ("Bypassed", "nothing is looked at for a while"),
        (_, UploadMode::Block) => ("Block", "every refused file is stopped"),
        (_, UploadMode::Certain) => ("Certain", "what nobody sends on purpose is stopped"),
        (_, UploadMode::Detect) => ("Detect", "refused files pass, with an event"),
        (_, UploadMode::Off) => ("Off", "nothing is looked at"),
    };
    let modes: Vec<_> = status.modes.iter().map(|mode| mode.as_str()).collect();
    let note = if modes.len() > 1 { format!("routes differ: {}", modes.join(", ")) } else { note.to_owned() };
    let files = counted(count(&counts.upload_files), "file", "files");
    [
        Number { label: "Mode", value: mode.to_owned(), note },
        Number {
            label: "Stopped",
            value: format::count(count(&counts.upload_refused)),
            note: format!("requests since the start; {files} looked at"),
        },
        Number {
            label: "Would be stopped",
            value: format::count(count(&counts.upload_flagged)),
            note: "passed because of the mode".to_owned(),
        },
        Number {
            label: "In quarantine",
            value: format::count(room.files as u64),
            note: match room.bytes_max {
                0 => "nothing is kept: quarantine_bytes_max is 0".to_owned(),
                max => format!(
                    "{} of {}; each for {}",
                    format::bytes(room.bytes),
                    format::bytes(max),
                    plural(days(room), "day", "days")
                ),
            },
        },
    ]
}

fn strictest(status: &UploadStatus) -> UploadMode {
    status.modes.last().copied().unwrap_or(UploadMode::Off)
}

fn days(room: &Room) -> usize {
    usize::try_from(room.age_max.as_secs() / (24 * 60 * 60)).unwrap_or(usize::MAX)
}

/// What is said where nothing is kept: whether that is good news, and what would be here.
fn empty(status: &UploadStatus, room: &Room) -> [String; 2] {
    let (title, text) = match (status.bypassed, strictest(status)) {
        (true, _) => ("Nothing is kept", "The look at uploads is bypassed for a while; every file passes."),
        (_, UploadMode::Off) => (
            "Nothing is kept",
            "Uploads are off: no file is looked at. On certain, files that nobody sends on purpose are stopped and \
             kept here.",
        ),
        (_, UploadMode::Detect) => (
            "Nothing is kept",
            "Uploads are on detect: files that would be refused pass, and an event says so. On certain or block, those \
             that are stopped are kept here.",
        ),
        (..) if room.bytes_max == 0 => (
            "Nothing is kept",
            "Files are stopped, and none is kept, because quarantine_bytes_max is 0. The events say what they were.",
        ),
        (_, UploadMode::Certain) => (
            "No file was stopped",
            "Uploads are on certain: shells in pictures, names that a server would run, archive bombs and viruses are \
             stopped and kept here, encrypted, with what is known of them.",
        ),
        (_, UploadMode::Block) => (
            "No file was stopped",
            "Uploads are on block: every file that is refused is stopped and kept here, encrypted, with what is known \
             of it.",
        ),
    };
    [title.to_owned(), text.to_owned()]
}

pub(super) async fn ask(
    State(console): State<Console>,
    Operator(staff): Operator,
    RawQuery(query): RawQuery,
) -> Drawn {
    let id = query::value(&query.unwrap_or_default(), "id").unwrap_or_default();
    let id: UploadId = id.parse().map_err(|_| gone())?;
    let Kept { facts, .. } = console.0.uploads.get(id).await?.ok_or_else(gone)?;
    draw(&Ask {
        shell: &console.frame(&staff, "Delete this file for good?", "/uploads"),
        explanation: vec![
            format!(
                "{}, {}, {}, sent to {} on {}.",
                name(&facts, staff.role.sees_personal()),
                kind(&facts),
                format::bytes(facts.bytes),
                facts.path,
                site(&console, &facts)
            ),
            "It is removed from quarantine and cannot be brought back. The shop never had it. The events about it stay, \
             and one more says that you deleted it."
                .to_owned(),
        ],
        action: "/uploads/delete",
        hidden: vec![("id", id.to_string())],
        reason: None,
        mistake: Mistake::default(),
        label: "Delete it for good".to_owned(),
        back: "/uploads",
    })
}

/// A wish as the form holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gone {
    id: String,
}

/// Deleting what is gone already is fine: that is what was wanted.
pub(super) async fn delete(
    State(console): State<Console>,
    Operator(staff): Operator,
    CsrfForm(gone): CsrfForm<Gone>,
) -> Result<Response, Problem> {
    let id: UploadId = gone.id.parse().map_err(|_| self::gone())?;
    console.0.uploads.delete(Principal::Staff(staff).actor(), id).await?;
    Ok(Redirect::to("/uploads").into_response())
}
