//! Staff accounts: who may sign in to the console, and in which role.
//!
//! Addresses and names are stored as they are: the staff of a shop is few, and every one of them is shown to
//! the owners anyway. In events they are personal fields under the person's own key.

use std::fmt;
use std::str::FromStr;

use gabion_core::{Actor, EventKind, SubjectId, Timestamp};
use gabion_web::{Cursor, Listing, Page, Role, StaffId};
use serde::Serialize;

use crate::{Identity, IdentityError, event, store};

/// Accounts, disabled ones included. A shop with more staff than this wants a directory service.
pub const STAFF_MAX: usize = 500;
/// Bytes of the longest e-mail address, RFC 5321 section 4.5.3.1.3.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Characters of the longest name.
pub const NAME_CHARS_MAX: usize = 80;

/// An e-mail address as a sign-in name: trimmed, lower case, one `@` with something sensible on both sides.
/// Whether mail arrives there is not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let address = text.trim().to_lowercase();
        let sensible = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.');
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"".contains(c);
        let valid = address.len() <= EMAIL_BYTES_MAX
            && address.chars().all(plain)
            && address
                .split_once('@')
                .is_some_and(|(local, domain)| sensible(local) && sensible(domain) && !domain.contains('@'));
        if valid { Ok(Self(address)) } else { Err(IdentityError::field("email", "not an e-mail address")) }
    }
}

/// The name a person is shown with: 1 to 80 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let name = text.trim();
        let chars = name.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            let reason = format!("a name has 1 to {NAME_CHARS_MAX} characters and no line breaks");
            return Err(IdentityError::field("name", reason));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaffView {
    /// Its id.
    pub id: StaffId,
    /// Sign-in name.
    pub email: String,
    /// Shown name.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Since when it cannot be used.
    pub disabled_at: Option<Timestamp>,
}

/// The person in events: their personal fields are encrypted under this subject's key.
pub(crate) fn subject(id: StaffId) -> SubjectId {
    SubjectId::from_bits(id.bits())
}

impl Identity {
    /// Whether nobody can manage this installation yet: no owner who is not disabled.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn needs_setup(&self) -> Result<bool, IdentityError> {
        self.db().read(|tx| Ok(store::owners_besides(tx, None)? == 0)).await
    }

    /// Accounts in the order they were made.
    ///
    /// # Errors
    /// [`IdentityError::Store`].
    pub async fn staff(&self, page: Page) -> Result<Listing<StaffView>, IdentityError> {
        let after = page.cursor.as_ref().map_or_else(String::new, |cursor| cursor.position().to_owned());
        let limit = page.limit + 1;
        let items =
            self.db().read(move |tx| Ok::<_, IdentityError>(store::staff_page(tx, &after, limit)?)).await?;
        Ok(page.listing(items, |staff| Cursor::after(staff.id)))
    }

    /// One account.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] and [`IdentityError::Store`].
    pub async fn staff_member(&self, id: StaffId) -> Result<StaffView, IdentityError> {
        self.db().read(move |tx| member(tx, id)).await
    }

    /// Gives an account another role and ends its sessions, so that the old role is gone at once. The same role
    /// again changes nothing.
    ///
    /// # Errors
    /// [`IdentityError::LastOwner`], [`IdentityError::NotFound`], [`IdentityError::Store`].
    pub async fn set_role(&self, id: StaffId, role: Role, by: Actor) -> Result<StaffView, IdentityError> {
        let event = self.event(&event::ROLE_CHANGED, by).entity("staff", id).field("to", role.as_str());
        self.db()
            .write(move |tx| {
                let staff = member(tx, id)?;
                if staff.role == role {
                    return Ok(staff);
                }
                keep_an_owner(tx, &staff)?;
                store::staff_set_role(tx, id, role)?;
                store::sessions_delete(tx, id, None)?;
                tx.record(&event.clone().field("from", staff.role.as_str()))?;
                Ok(StaffView { role, ..staff })
            })
            .await
    }

    /// Disables an account: its sessions end, nobody can sign in to it, open links for it are void. API keys
    /// its owner made go on; revoke them on their own page.
    ///
    /// # Errors
    /// [`IdentityError::LastOwner`], [`IdentityError::NotFound`], [`IdentityError::Store`].
    pub async fn disable(&self, id: StaffId, by: Actor) -> Result<StaffView, IdentityError> {
        self.set_disabled(id, Some(self.now()), &event::DISABLED, by).await
    }

    /// Lets a disabled account be used again.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] and [`IdentityError::Store`].
    pub async fn enable(&self, id: StaffId, by: Actor) -> Result<StaffView, IdentityError> {
        self.set_disabled(id, None, &event::ENABLED, by).await
    }

    async fn set_disabled(
        &self,
        id: StaffId,
        at: Option<Timestamp>,
        kind: &EventKind,
        by: Actor,
    ) -> Result<StaffView, IdentityError> {
        let event = self.event(kind, by).entity("staff", id);
        self.db()
            .write(move |tx| {
                let staff = member(tx, id)?;
                if staff.disabled_at.is_some() == at.is_some() {
                    return Ok(staff);
                }
                if at.is_some() {
                    keep_an_owner(tx, &staff)?;
                    store::sessions_delete(tx, id, None)?;
                    store::links_delete_of(tx, id)?;
                }
                store::staff_set_disabled(tx, id, at)?;
                tx.record(&event)?;
                Ok(StaffView { disabled_at: at, ..staff })
            })
            .await
    }
}

fn member(tx: &mut gabion_store::Tx<'_>, id: StaffId) -> Result<StaffView, IdentityError> {
    let found = store::staff_by_id(tx, id)?;
    found.map(|credentials| credentials.staff).ok_or(IdentityError::NotFound { what: "account" })
}

/// Refuses to take the owner's powers from the only one who has them.
fn keep_an_owner(tx: &mut gabion_store::Tx<'_>, staff: &StaffView) -> Result<(), IdentityError> {
    let is_owner = staff.role == Role::Owner && staff.disabled_at.is_none();
    if is_owner && store::owners_besides(tx, Some(staff.id))? == 0 {
        return Err(IdentityError::LastOwner);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_lower_case() {
        let email: Email = " Ann.Lee@Tidewater.Example ".parse().expect("an address");
        assert_eq!(email.as_str(), "ann.lee@tidewater.example");
    }

    #[test]
    fn what_is_no_address_or_name_is_refused() {
        let long = format!("{}@x.example", "a".repeat(EMAIL_BYTES_MAX));
        for bad in ["", "ann", "@x", "ann@", "a@b@c", "a b@c.d", "<a@b.c>", "a@.b", "a@b.", &long] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        for bad in ["", "  ", "a\nb", &"x".repeat(NAME_CHARS_MAX + 1)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        assert_eq!(" Ann Lee ".parse::<Name>().expect("a name").as_str(), "Ann Lee");
    }
}
