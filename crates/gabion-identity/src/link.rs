//! One-time links: how a first owner, a new member of staff or a forgotten password gets in.
//!
//! A link carries 256 random bits; the database keeps their digest. It works once, for 24 hours. It is handed
//! over by whoever asked for it: printed on the shell, or copied by an owner to the person it is for.

use std::time::Duration;

use gabion_core::{Actor, Secret, Timestamp};
use gabion_store::{StoreError, Tx};
use gabion_web::{Role, StaffId};
use serde::Serialize;

use crate::password::NewPassword;
use crate::session::{Client, NewSession};
use crate::staff::{Email, Name, STAFF_MAX, StaffView, subject};
use crate::token::{Token, digest_of};
use crate::{Identity, IdentityError, event, store};

gabion_core::id!(
    /// A one-time link. Not the secret in it.
    pub LinkId, "lnk"
);

/// How long a link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Links that wait to be used.
pub const LINKS_OPEN_MAX: usize = 50;
/// Where links lead: the token follows.
pub const LINK_PATH: &str = "/setup/";

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Making an account with this role.
    Join(Role),
    /// Setting a new password for this account.
    Reset(StaffId),
}

/// A link as shown to owners: never its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkView {
    /// Its id.
    pub id: LinkId,
    /// What it is for.
    #[serde(flatten)]
    pub purpose: Purpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A link that was just made. The path is shown once.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What is known about it from now on.
    pub view: LinkView,
    /// Path on the console, secret included: `/setup/<token>`.
    pub path: Secret<String>,
}

/// What somebody enters who joins.
#[derive(Debug)]
pub struct Joining {
    /// As typed.
    pub email: String,
    /// As typed.
    pub name: String,
    /// As typed.
    pub password: Secret<String>,
}

impl Identity {
    /// A link that makes an owner: for the first start, and from the shell when no owner can sign in.
    ///
    /// # Errors
    /// [`IdentityError::LimitReached`] and [`IdentityError::Store`].
    pub async fn issue_setup_link(&self, by: Actor) -> Result<NewLink, IdentityError> {
        self.invite(Role::Owner, by).await
    }

    /// A link that makes an account with a role.
    ///
    /// # Errors
    /// [`IdentityError::LimitReached`] and [`IdentityError::Store`].
    pub async fn invite(&self, role: Role, by: Actor) -> Result<NewLink, IdentityError> {
        self.issue(Purpose::Join(role), by, |_, new| Ok(new.clone())).await
    }

    /// A link that sets a new password for an account. Earlier ones for it stop working.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] for unknown and disabled accounts, [`IdentityError::LimitReached`],
    /// [`IdentityError::Store`].
    pub async fn issue_reset_link(&self, staff: StaffId, by: Actor) -> Result<NewLink, IdentityError> {
        self.issue(Purpose::Reset(staff), by, |_, new| Ok(new.clone())).await
    }

    /// Makes a link and gives what `also` makes of it in the same transaction.
    pub(crate) async fn issue<T, F>(
        &self,
        purpose: Purpose,
        by: Actor,
        mut also: F,
    ) -> Result<T, IdentityError>
    where
        F: FnMut(&mut Tx<'_>, &NewLink) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let event = match purpose {
            Purpose::Join(role) => self.event(&event::LINK_ISSUED, by).field("role", role.as_str()),
            Purpose::Reset(staff) => self.event(&event::RESET_ISSUED, by).entity("staff", staff),
        };
        let now = self.now();
        let token = Token::new(self.entropy());
        let expires_at = now.after(LINK_LIFETIME);
        let view = LinkView { id: LinkId::new(now, self.entropy()), purpose, created_at: now, expires_at };
        let event = event.entity("link", view.id);
        let path = Secret::new(format!("{LINK_PATH}{}", token.secret.expose()));
        let new = NewLink { view, path };
        self.db()
            .write(move |tx| {
                if let Purpose::Reset(staff) = purpose {
                    usable(tx, staff)?;
                    store::links_delete_of(tx, staff)?;
                }
                if store::links_open(tx, now)?.len() >= LINKS_OPEN_MAX {
                    return Err(IdentityError::LimitReached { what: "open links", max: LINKS_OPEN_MAX });
                }
                store::link_insert(tx, &new.view, &token.digest)?;
                tx.record(&event)?;
                Ok(also(tx, &new)?)
            })
            .await
    }

    /// Links that wait to be used.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn open_links(&self) -> Result<Vec<LinkView>, IdentityError> {
        let now = self.now();
        self.db().read(move |tx| Ok(store::links_open(tx, now)?)).await
    }

    /// Takes a link back.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] and [`IdentityError::Store`].
    pub async fn revoke_link(&self, id: LinkId, by: Actor) -> Result<(), IdentityError> {
        let event = self.event(&event::LINK_REVOKED, by).entity("link", id);
        self.db()
            .write(move |tx| {
                if !store::link_delete(tx, id)? {
                    return Err(IdentityError::NotFound { what: "link" });
                }
                Ok(tx.record(&event)?)
            })
            .await
    }

    /// What a link is for, while it works.
    ///
    /// # Errors
    /// [`IdentityError::LinkGone`] and [`IdentityError::Store`].
    pub async fn link(&self, token: &str) -> Result<LinkView, IdentityError> {
        let digest = digest_of(token).ok_or(IdentityError::LinkGone)?;
        let now = self.now();
        self.db().read(move |tx| open_link(tx, &digest, now)).await
    }

    /// Uses a link: makes the account and signs it in.
    ///
    /// # Errors
    /// [`IdentityError::LinkGone`], [`IdentityError::Field`], [`IdentityError::Weak`],
    /// [`IdentityError::EmailTaken`], [`IdentityError::LimitReached`], [`IdentityError::Busy`],
    /// [`IdentityError::Store`]. The link still works after any of the others.
    pub async fn join(
        &self,
        token: &str,
        joining: Joining,
        client: &Client,
    ) -> Result<NewSession, IdentityError> {
        let digest = digest_of(token).ok_or(IdentityError::LinkGone)?;
        let Purpose::Join(role) = self.link(token).await?.purpose else {
            return Err(IdentityError::LinkGone);
        };
        let (email, name): (Email, Name) = (joining.email.parse()?, joining.name.parse()?);
        let chosen = NewPassword::accept(&joining.password, &[email.as_str(), name.as_str()])?;
        let hash = self.hash(chosen).await?;

        let now = self.now();
        let staff = StaffView {
            id: StaffId::new(now, self.entropy()),
            email: email.as_str().to_owned(),
            name: name.as_str().to_owned(),
            role,
            created_at: now,
            disabled_at: None,
        };
        let draft = self.draft_session(client);
        let event = self
            .event(&event::JOINED, Actor::Staff(staff.id.to_string()))
            .subject(subject(staff.id))
            .entity("staff", staff.id)
            .field("role", role.as_str())
            .personal("email", staff.email.as_str())
            .personal("name", staff.name.as_str())
            .personal("address", client.address.to_string());
        self.db()
            .write(move |tx| {
                let link = open_link(tx, &digest, now)?;
                store::link_delete(tx, link.id)?;
                if store::staff_by_email(tx, &email)?.is_some() {
                    return Err(IdentityError::EmailTaken);
                }
                if store::staff_count(tx)? >= STAFF_MAX {
                    return Err(IdentityError::LimitReached { what: "accounts", max: STAFF_MAX });
                }
                store::staff_insert(tx, &staff, &hash)?;
                tx.record(&event.clone().entity("link", link.id))?;
                draft.begin(tx, staff.id)
            })
            .await
    }

    /// Uses a link: sets the password, ends every session of the account, begins a new one.
    ///
    /// # Errors
    /// As [`Identity::join`].
    pub async fn reset_password(
        &self,
        token: &str,
        chosen: &Secret<String>,
        client: &Client,
    ) -> Result<NewSession, IdentityError> {
        let digest = digest_of(token).ok_or(IdentityError::LinkGone)?;
        let Purpose::Reset(id) = self.link(token).await?.purpose else { return Err(IdentityError::LinkGone) };
        let staff = self.staff_member(id).await?;
        let hash = self.hash(NewPassword::accept(chosen, &[&staff.email, &staff.name])?).await?;
        let now = self.now();
        let draft = self.draft_session(client);
        let event = self
            .event(&event::PASSWORD_RESET, Actor::Staff(id.to_string()))
            .subject(subject(id))
            .entity("staff", id)
            .personal("address", client.address.to_string());
        self.db()
            .write(move |tx| {
                let link = open_link(tx, &digest, now)?;
                store::link_delete(tx, link.id)?;
                usable(tx, id)?;
                store::staff_set_password(tx, id, &hash)?;
                store::sessions_delete(tx, id, None)?;
                tx.record(&event.clone().entity("link", link.id))?;
                draft.begin(tx, id)
            })
            .await
    }
}

fn open_link(tx: &mut Tx<'_>, digest: &[u8; 32], now: Timestamp) -> Result<LinkView, IdentityError> {
    store::link_by_token(tx, digest, now)?.ok_or(IdentityError::LinkGone)
}

fn usable(tx: &mut Tx<'_>, staff: StaffId) -> Result<(), IdentityError> {
    let found = store::staff_by_id(tx, staff)?.filter(|found| found.staff.disabled_at.is_none());
    found.map(drop).ok_or(IdentityError::NotFound { what: "account" })
}
