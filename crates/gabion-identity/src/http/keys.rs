//! The owners' page of API keys.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::{Redirect, Response};
use gabion_core::Timestamp;
use gabion_page::shell::{Shell, Status, Tone};
use gabion_web::page::LIMIT_MAX;
use gabion_web::{ApiKeyId, CsrfForm, Owner, Page, PathId, Problem, Scope, Scopes, Staff};
use serde::Deserialize;

use super::staff::ShownOnce;
use super::{NoFields, Refusal, render, when};
use crate::api_key::{ApiKeyView, KeyWish};
use crate::{Identity, IdentityError};

const PATH: &str = "/api-keys";

#[derive(Template)]
#[template(path = "api_keys.html")]
struct KeysPage<'a> {
    shell: &'a Shell,
    keys: &'a [ApiKeyView],
    older: &'a str,
    now: Timestamp,
    /// Not `name`: the component's own parameter would hide it.
    given_name: &'a str,
    refused: Option<&'a str>,
}

/// Every box that is checked arrives as a field named like its scope.
#[derive(Debug, Deserialize)]
pub(super) struct KeyForm {
    name: String,
    days: String,
    #[serde(flatten)]
    scopes: BTreeMap<String, String>,
}

impl KeyForm {
    fn wish(&self, now: Timestamp) -> Result<KeyWish, IdentityError> {
        let scopes: Result<Scopes, _> = self.scopes.keys().map(|scope| scope.parse::<Scope>()).collect();
        let scopes = scopes.map_err(|error| IdentityError::field("scopes", error.to_string()))?;
        let expires_at = match self.days.as_str() {
            "" => None,
            days => {
                let days: u32 =
                    days.parse().map_err(|_| IdentityError::field("days", "not a number of days"))?;
                Some(now.after(Duration::from_secs(u64::from(days) * 24 * 60 * 60)))
            }
        };
        Ok(KeyWish { name: self.name.clone(), scopes, expires_at })
    }
}

pub(super) async fn page(
    State(identity): State<Identity>,
    Owner(by): Owner,
    page: Page,
) -> Result<Response, Problem> {
    show(&identity, &by, Page { limit: LIMIT_MAX, ..page }, "", None).await
}

async fn show(
    identity: &Identity,
    by: &Staff,
    page: Page,
    name: &str,
    refused: Option<&str>,
) -> Result<Response, Problem> {
    let keys = identity.api_keys(page).await?;
    let older = keys.next_cursor.map_or_else(String::new, |cursor| format!("{PATH}?cursor={cursor}"));
    let shell = identity.console(by, "API keys", PATH);
    let now = identity.now();
    render(&KeysPage { shell: &shell, keys: &keys.items, older: &older, now, given_name: name, refused })
}

pub(super) async fn create(
    State(identity): State<Identity>,
    Owner(by): Owner,
    CsrfForm(form): CsrfForm<KeyForm>,
) -> Result<Response, Problem> {
    let created = match form.wish(identity.now()) {
        Ok(wish) => identity.create_api_key(wish, &by).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(new) => {
            let shell = identity.console(&by, "New API key", PATH);
            let scopes = new.view.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", ");
            let name = &new.view.name;
            let text = format!("{name} may use {scopes}. Keep the key where only your program can read it.");
            render(&ShownOnce { shell: &shell, text: &text, secret: new.key.expose(), back: PATH })
        }
        Err(error) => {
            let refusal = Refusal::of(error)?;
            let first = Page { cursor: None, limit: LIMIT_MAX };
            refusal.show(show(&identity, &by, first, &form.name, Some(refusal.text())).await)
        }
    }
}

pub(super) async fn revoke(
    State(identity): State<Identity>,
    Owner(by): Owner,
    PathId(id): PathId<ApiKeyId>,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> Result<Redirect, Problem> {
    identity.revoke_api_key(id, &by).await?;
    Ok(Redirect::to(PATH))
}
