//! The owners' page: who is on the staff, in which role, and how others get in.

use askama::Template;
use axum::extract::State;
use axum::response::{Redirect, Response};
use gabion_core::{Actor, Timestamp};
use gabion_page::shell::{Shell, Status, Tone};
use gabion_web::page::LIMIT_MAX;
use gabion_web::{CsrfForm, Owner, Page, PathId, Problem, Role, Staff, StaffId};
use http::{HeaderMap, Uri};
use serde::Deserialize;

use super::{NoFields, Refusal, absolute, render, when};
use crate::link::{LinkId, LinkView, NewLink, Purpose};
use crate::staff::StaffView;
use crate::{Identity, IdentityError};

const PATH: &str = "/staff";

#[derive(Template)]
#[template(path = "staff.html")]
struct StaffPage<'a> {
    shell: &'a Shell,
    staff: &'a [StaffView],
    older: &'a str,
    links: &'a [LinkView],
    own: StaffId,
    now: Timestamp,
    refused: Option<&'a str>,
}

/// A secret that is shown this one time.
#[derive(Template)]
#[template(path = "shown_once.html")]
pub(super) struct ShownOnce<'a> {
    pub(super) shell: &'a Shell,
    pub(super) text: &'a str,
    pub(super) secret: &'a str,
    pub(super) back: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleForm {
    role: Role,
}

pub(super) async fn page(
    State(identity): State<Identity>,
    Owner(by): Owner,
    page: Page,
) -> Result<Response, Problem> {
    show(&identity, &by, Page { limit: LIMIT_MAX, ..page }, None).await
}

async fn show(
    identity: &Identity,
    by: &Staff,
    page: Page,
    refused: Option<&str>,
) -> Result<Response, Problem> {
    let staff = identity.staff(page).await?;
    let older = staff.next_cursor.map_or_else(String::new, |cursor| format!("{PATH}?cursor={cursor}"));
    let links = identity.open_links().await?;
    render(&StaffPage {
        shell: &identity.console(by, "Staff", PATH),
        staff: &staff.items,
        older: &older,
        links: &links,
        own: by.id,
        now: identity.now(),
        refused,
    })
}

pub(super) async fn invite(
    State(identity): State<Identity>,
    Owner(by): Owner,
    headers: HeaderMap,
    uri: Uri,
    CsrfForm(RoleForm { role }): CsrfForm<RoleForm>,
) -> Result<Response, Problem> {
    match identity.invite(role, actor(&by)).await {
        Ok(link) => {
            let text = format!("Whoever opens this link first can make one account with the role {role}.");
            show_link(&identity, &by, &headers, &uri, &link, &text)
        }
        Err(error) => refuse(&identity, &by, error).await,
    }
}

pub(super) async fn reset(
    State(identity): State<Identity>,
    Owner(by): Owner,
    headers: HeaderMap,
    uri: Uri,
    PathId(id): PathId<StaffId>,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Response, Problem> {
    match identity.issue_reset_link(id, actor(&by)).await {
        Ok(link) => {
            let text = "Whoever opens this link first can set a new password for the account.";
            show_link(&identity, &by, &headers, &uri, &link, text)
        }
        Err(error) => refuse(&identity, &by, error).await,
    }
}

fn show_link(
    identity: &Identity,
    by: &Staff,
    headers: &HeaderMap,
    uri: &Uri,
    link: &NewLink,
    text: &str,
) -> Result<Response, Problem> {
    let address = absolute(headers, uri, link.path.expose());
    let shell = identity.console(by, "One-time link", PATH);
    let text = format!("{text} It works once, until {} UTC.", when::date_time(&link.view.expires_at));
    render(&ShownOnce { shell: &shell, text: &text, secret: &address, back: PATH })
}

pub(super) async fn revoke_link(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<LinkId>,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Redirect, Problem> {
    identity.revoke_link(id, actor(&by)).await?;
    Ok(Redirect::to(PATH))
}

pub(super) async fn set_role(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<StaffId>,
    CsrfForm(RoleForm { role }): CsrfForm<RoleForm>,
) -> Result<Response, Problem> {
    let changed = identity.set_role(id, role, actor(&by)).await;
    back(&identity, &by, changed).await
}

pub(super) async fn disable(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<StaffId>,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Response, Problem> {
    let changed = identity.disable(id, actor(&by)).await;
    back(&identity, &by, changed).await
}

pub(super) async fn enable(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<StaffId>,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Response, Problem> {
    let changed = identity.enable(id, actor(&by)).await;
    back(&identity, &by, changed).await
}

async fn back(
    identity: &Identity,
    by: &Staff,
    changed: Result<StaffView, IdentityError>,
) -> Result<Response, Problem> {
    match changed {
        Ok(_) => Ok(axum::response::IntoResponse::into_response(Redirect::to(PATH))),
        Err(error) => refuse(identity, by, error).await,
    }
}

async fn refuse(identity: &Identity, by: &Staff, error: IdentityError) -> Result<Response, Problem> {
    let refusal = Refusal::of(error)?;
    let first = Page { cursor: None, limit: LIMIT_MAX };
    refusal.show(show(identity, by, first, Some(refusal.text())).await)
}

fn actor(by: &Staff) -> Actor {
    Actor::Staff(by.id.to_string())
}
