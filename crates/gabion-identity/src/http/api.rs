//! The JSON API. Staff and keys are changed only by an owner in person: a leaked key cannot make another.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gabion_core::{Actor, Timestamp};
use gabion_store::journal::HIDDEN;
use gabion_web::{
    Answer, ApiKeyId, By, CappedJson, Listing, OnceJson, Owner, Page, PathId, Principal, Problem, Read,
    ReadStaff, Role, Scopes, SessionId, Staff, StaffId, Viewer,
};
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::api_key::{ApiKeyView, KeyWish};
use crate::link::{LinkId, LinkView, Purpose};
use crate::session::clear_cookie;
use crate::staff::StaffView;

/// Who is calling.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Caller {
    Staff { id: StaffId, name: String, role: Role, session: SessionId },
    ApiKey { id: ApiKeyId, name: String, scopes: Scopes },
}

pub(super) async fn session(by: By<Read>) -> Json<Caller> {
    Json(match by.principal {
        Principal::Staff(Staff { id, name, role, session }) => Caller::Staff { id, name, role, session },
        Principal::ApiKey(key) => Caller::ApiKey { id: key.id, name: key.name, scopes: key.scopes },
    })
}

pub(super) async fn end_session(
    State(identity): State<Identity>,
    Viewer(by): Viewer,
) -> Result<Response, Problem> {
    identity.end_session(&by, by.session).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, clear_cookie())]).into_response())
}

pub(super) async fn staff(
    State(identity): State<Identity>,
    by: By<ReadStaff>,
    page: Page,
) -> Result<Json<Listing<StaffView>>, Problem> {
    let mut listing = identity.staff(page).await?;
    for staff in &mut listing.items {
        mask(staff, &by.principal);
    }
    Ok(Json(listing))
}

pub(super) async fn member(
    State(identity): State<Identity>,
    by: By<ReadStaff>,
    PathId(id): PathId<StaffId>,
) -> Result<Json<StaffView>, Problem> {
    let mut staff = identity.staff_member(id).await?;
    mask(&mut staff, &by.principal);
    Ok(Json(staff))
}

/// Auditors see that there are accounts and what they may do, not whose they are.
fn mask(staff: &mut StaffView, by: &Principal) {
    if matches!(by, Principal::Staff(person) if !person.role.sees_personal()) {
        staff.email = HIDDEN.to_owned();
        staff.name = HIDDEN.to_owned();
    }
}

/// One change at a time, so that each is done or refused as a whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberChange {
    role: Option<Role>,
    disabled: Option<bool>,
}

pub(super) async fn change_member(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<StaffId>,
    CappedJson(change): CappedJson<MemberChange>,
) -> Result<Json<StaffView>, Problem> {
    let by = actor(&by);
    let changed = match (change.role, change.disabled) {
        (Some(role), None) => identity.set_role(id, role, by).await,
        (None, Some(true)) => identity.disable(id, by).await,
        (None, Some(false)) => identity.enable(id, by).await,
        _ => return Err(Problem::invalid("send either role or disabled")),
    };
    Ok(Json(changed?))
}

pub(super) async fn links(
    State(identity): State<Identity>,
    Owner(_): Owner,
) -> Result<Json<Listing<LinkView>>, Problem> {
    Ok(Json(Listing { items: identity.open_links().await?, next_cursor: None }))
}

/// `{"join": "operator"}` for a new account, `{"reset": "stf_..."}` for a new password.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LinkWish {
    Join(Role),
    Reset(StaffId),
}

#[derive(Debug, Serialize)]
struct LinkMade<'a> {
    #[serde(flatten)]
    link: &'a LinkView,
    /// Shown once.
    path: &'a str,
}

pub(super) async fn issue_link(
    State(identity): State<Identity>,
    Owner(by): Owner,
    OnceJson(wish, once): OnceJson<LinkWish>,
) -> Response {
    let purpose = match wish {
        LinkWish::Join(role) => Purpose::Join(role),
        LinkWish::Reset(staff) => Purpose::Reset(staff),
    };
    let own = identity.clone();
    let act = async move |keeper: gabion_web::idempotency::Keeper| {
        let kept = identity.issue(purpose, actor(&by), move |tx, new| {
            let made = LinkMade { link: &new.view, path: new.path.expose() };
            keeper.keep(tx, &Answer::json(StatusCode::CREATED, &made))
        });
        Ok(kept.await?)
    };
    once.run(own.db(), own.now(), own.entropy(), act).await
}

pub(super) async fn revoke_link(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<LinkId>,
) -> Result<StatusCode, Problem> {
    identity.revoke_link(id, actor(&by)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn api_keys(
    State(identity): State<Identity>,
    Owner(_): Owner,
    page: Page,
) -> Result<Json<Listing<ApiKeyView>>, Problem> {
    Ok(Json(identity.api_keys(page).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyWish {
    name: String,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct ApiKeyMade<'a> {
    #[serde(flatten)]
    api_key: &'a ApiKeyView,
    /// Shown once.
    key: &'a str,
}

pub(super) async fn create_api_key(
    State(identity): State<Identity>,
    Owner(by): Owner,
    OnceJson(wish, once): OnceJson<ApiKeyWish>,
) -> Response {
    let ApiKeyWish { name, scopes, expires_at } = wish;
    let own = identity.clone();
    let act = async move |keeper: gabion_web::idempotency::Keeper| {
        let wish = KeyWish { name, scopes, expires_at };
        let kept = identity.create_api_key_and(wish, &by, move |tx, new| {
            let made = ApiKeyMade { api_key: &new.view, key: new.key.expose() };
            keeper.keep(tx, &Answer::json(StatusCode::CREATED, &made))
        });
        Ok(kept.await?)
    };
    once.run(own.db(), own.now(), own.entropy(), act).await
}

pub(super) async fn revoke_api_key(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    identity.revoke_api_key(id, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn actor(by: &Staff) -> Actor {
    Actor::Staff(by.id.to_string())
}
