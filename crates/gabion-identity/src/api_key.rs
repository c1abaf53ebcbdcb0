//! API keys: how programs call the API. Random, stored as a digest, shown once.

use std::time::Duration;

use gabion_core::{Secret, Timestamp};
use gabion_store::{StoreError, Tx};
use gabion_web::{ApiKey, ApiKeyId, Cursor, Listing, Page, Principal, Scopes, Staff, StaffId};
use serde::Serialize;

use crate::staff::Name;
use crate::token::{Token, api_key_digest_of};
use crate::{Identity, IdentityError, event, store};

/// Keys that can be used at the same time.
pub const API_KEYS_MAX: usize = 100;
/// The last use is written at most this often.
pub const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// Longest validity of a key that has an end.
pub const LIFETIME_MAX: Duration = Duration::from_secs(3660 * 24 * 60 * 60);

/// A key as shown: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiKeyView {
    /// Its id.
    pub id: ApiKeyId,
    /// What its maker called it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Who made it.
    pub created_by: StaffId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; never when none.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKeyView {
    /// Whether it still works.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A key that was just made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What is known about it from now on.
    pub view: ApiKeyView,
    /// The key, shown once.
    pub key: Secret<String>,
}

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct KeyWish {
    /// 1 to 80 characters.
    pub name: String,
    /// At least one.
    pub scopes: Scopes,
    /// When it stops working; never when none.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Makes a key.
    ///
    /// # Errors
    /// [`IdentityError::Field`] for a wish that cannot be granted, [`IdentityError::LimitReached`],
    /// [`IdentityError::Store`].
    pub async fn create_api_key(&self, wish: KeyWish, by: &Staff) -> Result<NewApiKey, IdentityError> {
        self.create_api_key_and(wish, by, |_, new| Ok(new.clone())).await
    }

    /// Makes a key and gives what `also` makes of it in the same transaction.
    pub(crate) async fn create_api_key_and<T, F>(
        &self,
        wish: KeyWish,
        by: &Staff,
        mut also: F,
    ) -> Result<T, IdentityError>
    where
        F: FnMut(&mut Tx<'_>, &NewApiKey) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let now = self.now();
        let name: Name = wish.name.parse()?;
        check_wish(&wish, now)?;
        let token = Token::api_key(self.entropy());
        let view = ApiKeyView {
            id: ApiKeyId::new(now, self.entropy()),
            name: name.as_str().to_owned(),
            scopes: wish.scopes,
            created_by: by.id,
            created_at: now,
            expires_at: wish.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let event = self
            .event_by(&event::API_KEY_CREATED, by)
            .entity("api_key", view.id)
            .field("name", view.name.as_str())
            .field("scopes", view.scopes.to_string());
        let new = NewApiKey { view, key: token.secret };
        self.db()
            .write(move |tx| {
                if store::api_keys_live(tx, now)? >= API_KEYS_MAX {
                    return Err(IdentityError::LimitReached { what: "API keys", max: API_KEYS_MAX });
                }
                store::api_key_insert(tx, &new.view, &token.digest)?;
                tx.record(&event)?;
                Ok(also(tx, &new)?)
            })
            .await
    }

    /// Keys in the order they were made, revoked and expired ones included.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn api_keys(&self, page: Page) -> Result<Listing<ApiKeyView>, IdentityError> {
        let after = page.cursor.as_ref().map_or_else(String::new, |cursor| cursor.position().to_owned());
        let limit = page.limit + 1;
        let items = self
            .db()
            .read(move |tx| Ok::<_, IdentityError>(store::api_keys_page(tx, &after, limit)?))
            .await?;
        Ok(page.listing(items, |key| Cursor::after(key.id)))
    }

    /// Revokes a key; it stops working with this answer.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] for unknown and revoked keys, [`IdentityError::Store`].
    pub async fn revoke_api_key(&self, id: ApiKeyId, by: &Staff) -> Result<(), IdentityError> {
        let now = self.now();
        let event = self.event_by(&event::API_KEY_REVOKED, by).entity("api_key", id);
        self.db()
            .write(move |tx| {
                if !store::api_key_revoke(tx, id, now)? {
                    return Err(IdentityError::NotFound { what: "live API key" });
                }
                Ok(tx.record(&event)?)
            })
            .await
    }

    /// The program behind an API key; none when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn program(&self, key: &str) -> Result<Option<Principal>, IdentityError> {
        let Some(digest) = api_key_digest_of(key) else { return Ok(None) };
        let found = self.db().read(move |tx| store::api_key_by_digest(tx, &digest)).await?;
        let now = self.now();
        let Some(key) = found.filter(|key| key.is_live(now)) else { return Ok(None) };
        if key.last_used_at.is_none_or(|last| now.since(last) >= TOUCH_EVERY) {
            self.write_aside(move |tx| store::api_key_touch(tx, key.id, now));
        }
        Ok(Some(Principal::ApiKey(ApiKey { id: key.id, name: key.name, scopes: key.scopes })))
    }
}

fn check_wish(wish: &KeyWish, now: Timestamp) -> Result<(), IdentityError> {
    if wish.scopes.is_empty() {
        return Err(IdentityError::field("scopes", "choose at least one scope"));
    }
    match wish.expires_at {
        Some(end) if end <= now => Err(IdentityError::field("expires_at", "this time has passed")),
        Some(end) if end > now.after(LIFETIME_MAX) => {
            Err(IdentityError::field("expires_at", "at most ten years from now, or leave it out"))
        }
        _ => Ok(()),
    }
}
