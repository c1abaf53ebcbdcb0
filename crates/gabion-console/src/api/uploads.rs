//! Stopped uploads: facts, and deleting. Content leaves the server by `gabion upload release` only.

use axum::Json;
use axum::extract::State;
use gabion_core::Timestamp;
use gabion_edge::upload::{StoppedFile, StoppedFor};
use gabion_web::{By, EdgeWrite, Listing, Page, PathId, Problem, Read};
use http::StatusCode;
use serde::Serialize;

use crate::Console;
use crate::uploads::{Kept, UploadId, gone};

/// A file in quarantine.
#[derive(Debug, Serialize)]
pub(super) struct UploadView {
    id: UploadId,
    at: Timestamp,
    site: String,
    route: String,
    path: String,
    request: String,
    /// `null` for who may not see personal fields.
    client: Option<String>,
    /// As `client`; empty where it had none.
    name: Option<String>,
    declared_type: String,
    kind: Option<String>,
    bytes: u64,
    sha256: String,
    reasons: Vec<StoppedFor>,
}

impl UploadView {
    fn new(kept: Kept, personal: bool) -> Self {
        let Kept { id, at, facts } = kept;
        let StoppedFile { request, site, route, path, client, name, .. } = facts;
        Self {
            id,
            at,
            site,
            route,
            path,
            request,
            client: personal.then_some(client),
            name: personal.then_some(name),
            declared_type: facts.declared_type,
            kind: facts.kind,
            bytes: facts.bytes,
            sha256: facts.sha256,
            reasons: facts.reasons,
        }
    }
}

pub(super) async fn list(
    State(console): State<Console>,
    by: By<Read>,
    page: Page,
) -> Result<Json<Listing<UploadView>>, Problem> {
    let personal = by.principal.sees_personal();
    let Listing { items, next_cursor } = console.kept(&page).await?;
    let items = items.into_iter().map(|kept| UploadView::new(kept, personal)).collect();
    Ok(Json(Listing { items, next_cursor }))
}

pub(super) async fn upload(
    State(console): State<Console>,
    by: By<Read>,
    PathId(id): PathId<UploadId>,
) -> Result<Json<UploadView>, Problem> {
    let kept = console.0.uploads.get(id).await?.ok_or_else(gone)?;
    Ok(Json(UploadView::new(kept, by.principal.sees_personal())))
}

pub(super) async fn delete(
    State(console): State<Console>,
    by: By<EdgeWrite>,
    PathId(id): PathId<UploadId>,
) -> Result<StatusCode, Problem> {
    let deleted = console.0.uploads.delete(by.principal.actor(), id).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(gone()) }
}
