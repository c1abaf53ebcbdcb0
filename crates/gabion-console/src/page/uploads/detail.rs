//! Everything that is known of one stopped file.

use askama::Template;
use axum::extract::State;
use gabion_edge::upload::StoppedFor;
use gabion_page::format;
use gabion_page::shell::{Shell, Status};
use gabion_web::{PathId, Viewer};

use super::super::query;
use super::{kind, name, site};
use crate::Console;
use crate::problem::{Drawn, draw};
use crate::uploads::{Kept, UploadId, gone};
use crate::words::Moment;

#[derive(Template)]
#[template(path = "upload.html")]
struct Detail<'a> {
    shell: &'a Shell,
    at: Moment,
    /// When it is deleted by itself.
    until: Moment,
    name: String,
    declared_type: String,
    kind: String,
    /// `12.3 kB (12 345 bytes)`.
    size: String,
    sha256: String,
    reasons: Vec<StoppedFor>,
    site: String,
    route: String,
    path: String,
    client: String,
    request: String,
    /// Where the events about it are.
    events_href: String,
    /// Where somebody is asked whether to delete it; none for who may not.
    delete_href: Option<String>,
    personal: bool,
    /// What takes it out on the server.
    command: String,
}

pub(in crate::page) async fn detail(
    State(console): State<Console>,
    Viewer(staff): Viewer,
    PathId(id): PathId<UploadId>,
) -> Drawn {
    let Kept { id, at, facts } = console.0.uploads.get(id).await?.ok_or_else(gone)?;
    let (now, personal) = (console.now(), staff.role.sees_personal());
    let delete_href = || query::url("/uploads/delete", &[("id", &id.to_string())]);
    draw(&Detail {
        shell: &console.frame(&staff, "A stopped file", "/uploads"),
        at: Moment::new(at, now),
        until: Moment::new(at.after(console.0.uploads.room().age_max), now),
        name: name(&facts, personal),
        kind: kind(&facts),
        site: site(&console, &facts),
        declared_type: facts.declared_type,
        size: size(facts.bytes),
        sha256: facts.sha256,
        reasons: facts.reasons,
        route: facts.route,
        path: facts.path,
        client: if personal { facts.client } else { "hidden".to_owned() },
        events_href: query::url("/events", &[("kind", "upload"), ("text", &facts.request)]),
        request: facts.request,
        delete_href: staff.role.operates().then(delete_href),
        personal,
        command: format!("gabion upload release {id} --to FILE"),
    })
}

fn size(bytes: u64) -> String {
    match format::bytes(bytes) {
        short if bytes < 1_000 => short,
        short => format!("{short} ({} bytes)", format::count(bytes)),
    }
}
