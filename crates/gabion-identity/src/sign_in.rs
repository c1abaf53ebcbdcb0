//! Signing in, signing out, changing one's password.
//!
//! The answer to a wrong password, an unknown address and a disabled account is the same and takes as long: the
//! same reads, one hash, one event.

use gabion_core::{Actor, Secret};
use gabion_crypto::digest::sha256;
use gabion_crypto::password::PasswordHash;
use gabion_web::{ClientAddr, Staff};

use crate::password::NewPassword;
use crate::passwords::Checked;
use crate::session::{Client, NewSession};
use crate::staff::{Email, subject};
use crate::store::{self, Credentials};
use crate::throttle::Key;
use crate::token::digest_of;
use crate::{Identity, IdentityError, event};

/// What somebody typed to sign in.
#[derive(Debug)]
pub struct Attempt {
    /// As typed.
    pub email: String,
    /// As typed.
    pub password: Secret<String>,
    /// The session cookie the browser sent, if any: it ends when the new session begins.
    pub replaces: Option<String>,
}

impl Identity {
    /// Checks an attempt and begins a session.
    ///
    /// # Errors
    /// [`IdentityError::SignInRefused`] whatever was wrong; [`IdentityError::Throttled`] before anything is
    /// checked; [`IdentityError::Busy`]; [`IdentityError::Store`].
    pub async fn sign_in(&self, attempt: Attempt, client: &Client) -> Result<NewSession, IdentityError> {
        let typed = attempt.email.trim().to_lowercase();
        let account = Key::Account(sha256(typed.as_bytes()));
        let keys = [account, Key::Network(ClientAddr(client.address).network())];
        self.admit(&keys)?;

        let known = match typed.parse::<Email>() {
            Ok(email) => self.db().read(move |tx| store::staff_by_email(tx, &email)).await,
            Err(_) => Ok(None),
        };
        let known = known.inspect_err(|_| self.withdraw(&keys))?;
        let usable = known.as_ref().filter(|known| known.staff.disabled_at.is_none());
        let hash = usable.map(|known| known.hash.clone());
        let checked = self.check(attempt.password, hash).await.inspect_err(|_| self.withdraw(&keys))?;
        match (known, checked.matches) {
            (Some(known), true) => {
                let session = self.begin_session(known, checked, attempt.replaces, client).await?;
                self.throttle(|throttle| throttle.succeeded(keys[0], keys[1]));
                Ok(session)
            }
            (known, _) => Err(self.refuse(known, client).await?),
        }
    }

    fn admit(&self, keys: &[Key]) -> Result<(), IdentityError> {
        let now = self.now();
        self.throttle(|throttle| throttle.admit(keys, now)).map_err(|wait| IdentityError::Throttled { wait })
    }

    fn withdraw(&self, keys: &[Key]) {
        self.throttle(|throttle| throttle.withdrawn(keys));
    }

    async fn begin_session(
        &self,
        known: Credentials,
        checked: Checked,
        replaces: Option<String>,
        client: &Client,
    ) -> Result<NewSession, IdentityError> {
        let draft = self.draft_session(client);
        let replaced = replaces.as_deref().and_then(digest_of);
        let (id, old_hash) = (known.staff.id, known.hash);
        let event = self
            .event(&event::SIGNED_IN, Actor::Staff(id.to_string()))
            .subject(subject(id))
            .entity("session", draft.id())
            .personal("address", client.address.to_string());
        self.db()
            .write(move |tx| {
                // The account may have been disabled while the password was checked.
                if store::staff_by_id(tx, id)?.is_none_or(|now| now.staff.disabled_at.is_some()) {
                    return Err(IdentityError::SignInRefused);
                }
                if let Some(digest) = &replaced {
                    store::session_delete_by_token(tx, digest)?;
                }
                if let Some(better) = &checked.better {
                    store::staff_rehash(tx, id, &old_hash, better)?;
                }
                let session = draft.begin(tx, id)?;
                tx.record(&event)?;
                Ok(session)
            })
            .await
    }

    /// Tells the journal why; the caller learns only that it was refused.
    async fn refuse(
        &self,
        known: Option<Credentials>,
        client: &Client,
    ) -> Result<IdentityError, IdentityError> {
        let reason = match &known {
            None => "unknown account",
            Some(known) if known.staff.disabled_at.is_some() => "disabled account",
            Some(_) => "wrong password",
        };
        let mut event = self
            .event(&event::SIGN_IN_FAILED, Actor::Visitor)
            .field("reason", reason)
            .personal("address", client.address.to_string());
        if let Some(Credentials { staff, .. }) = known {
            event = event.subject(subject(staff.id)).entity("staff", staff.id);
        }
        self.db().write(move |tx| tx.record(&event)).await?;
        Ok(IdentityError::SignInRefused)
    }

    async fn check(
        &self,
        given: Secret<String>,
        stored: Option<PasswordHash>,
    ) -> Result<Checked, IdentityError> {
        Ok(self.0.passwords.check(given, stored).await?)
    }

    pub(crate) async fn hash(&self, password: NewPassword) -> Result<PasswordHash, IdentityError> {
        Ok(self.0.passwords.hash(password.into_secret()).await?)
    }

    /// Replaces a person's password, ends all their sessions and begins a new one. Needs the current password,
    /// and failures count like those of a sign-in.
    ///
    /// # Errors
    /// [`IdentityError::PasswordWrong`], [`IdentityError::Weak`], [`IdentityError::Throttled`],
    /// [`IdentityError::Busy`], [`IdentityError::Store`].
    pub async fn change_password(
        &self,
        by: &Staff,
        current: Secret<String>,
        chosen: &Secret<String>,
        client: &Client,
    ) -> Result<NewSession, IdentityError> {
        let id = by.id;
        let found = self.db().read(move |tx| store::staff_by_id(tx, id)).await?;
        let known = found.ok_or(IdentityError::NotFound { what: "account" })?;
        let chosen = NewPassword::accept(chosen, &[&known.staff.email, &known.staff.name])?;

        let account = Key::Account(sha256(known.staff.email.as_bytes()));
        self.admit(&[account])?;
        let checked =
            self.check(current, Some(known.hash)).await.inspect_err(|_| self.withdraw(&[account]))?;
        if !checked.matches {
            return Err(IdentityError::PasswordWrong);
        }
        let hash = self.hash(chosen).await?;
        let draft = self.draft_session(client);
        let event = self
            .event_by(&event::PASSWORD_CHANGED, by)
            .subject(subject(id))
            .entity("staff", id)
            .personal("address", client.address.to_string());
        let session = self
            .db()
            .write(move |tx| {
                store::staff_set_password(tx, id, &hash)?;
                store::sessions_delete(tx, id, None)?;
                store::links_delete_of(tx, id)?;
                tx.record(&event)?;
                draft.begin(tx, id)
            })
            .await?;
        self.throttle(|throttle| throttle.withdrawn(&[account]));
        Ok(session)
    }
}
