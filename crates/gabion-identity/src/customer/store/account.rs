//! Rows of accounts, and what they are signed in with.

use gabion_core::{Secret, SiteId, Timestamp};
use gabion_crypto::password::PasswordHash;
use gabion_page::text::Language;
use gabion_store::{Param, Place, Purpose, Row, StoreError, Tx, params};

use super::broken;
use crate::customer::account::{AccountId, AccountView, Address, Name, State};

/// An account with what is needed to check its password.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) account: AccountView,
    pub(crate) hash: Option<PasswordHash>,
}

/// An account to be stored.
pub(crate) struct NewRow<'a> {
    pub(crate) id: AccountId,
    pub(crate) site: &'a SiteId,
    pub(crate) email: &'a Address,
    pub(crate) name: Option<&'a Name>,
    pub(crate) language: Language,
    pub(crate) at: Timestamp,
}

const fn place<'a>(column: &'static str, id: &'a str) -> Place<'a> {
    Place { table: "identity_account", column, row: id }
}

/// What stands for something an account is signed in with.
fn login<'a>(site: &'a SiteId, folded: &'a str) -> [&'a str; 3] {
    ["identity_login", site.as_str(), folded]
}

/// Stores an account. Says whether the address was free; otherwise nothing was stored.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &NewRow<'_>) -> Result<bool, StoreError> {
    if by_login(tx, new.site, new.email)?.is_some() {
        return Ok(false);
    }
    let (id, subject) = (new.id.to_string(), new.id.subject());
    let email = tx.seal_personal(subject, Purpose::Profile, place("email", &id), new.email.as_str())?;
    let name = match new.name {
        Some(name) => Some(tx.seal_personal(subject, Purpose::Profile, place("name", &id), name.as_str())?),
        None => None,
    };
    let sql = "INSERT INTO identity_account
            (id, site, state, email, name, language, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let state = State::Active.as_str();
    let language = new.language.tag();
    tx.execute(sql, params![&id, new.site, state, email, name, language, new.at])?;
    let index = tx.blind_index(&login(new.site, new.email.folded()))?;
    let sql = "INSERT INTO identity_login (site, login, account) VALUES ($1, $2, $3)";
    tx.execute(sql, params![new.site, index, &id])?;
    Ok(true)
}

/// The account that is signed in with this address.
pub(crate) fn by_login(
    tx: &mut Tx<'_>,
    site: &SiteId,
    address: &Address,
) -> Result<Option<Credentials>, StoreError> {
    let sql = "SELECT a.* FROM identity_login l JOIN identity_account a ON a.id = l.account
        WHERE l.site = $1 AND l.login = $2";
    for index in tx.blind_indexes(&login(site, address.folded()))? {
        if let Some(row) = tx.query_one(sql, params![site, index])? {
            return credentials(tx, &row).map(Some);
        }
    }
    Ok(None)
}

pub(crate) fn by_id(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Credentials>, StoreError> {
    let row = tx.query_one("SELECT * FROM identity_account WHERE id = $1", params![Param::text(id)])?;
    row.map(|row| credentials(tx, &row)).transpose()
}

fn credentials(tx: &mut Tx<'_>, row: &Row) -> Result<Credentials, StoreError> {
    Ok(Credentials { account: view(tx, row)?, hash: row.parse_opt("password_hash")? })
}

fn view(tx: &mut Tx<'_>, row: &Row) -> Result<AccountView, StoreError> {
    let id: AccountId = row.parse("id")?;
    let language: String = row.get("language")?;
    Ok(AccountView {
        id,
        site: row.parse("site")?,
        state: row.parse("state")?,
        email: personal(tx, id, row, "email")?,
        name: personal(tx, id, row, "name")?,
        language: Language::parse(&language).ok_or_else(|| broken("language", "not a language"))?,
        has_password: row.get::<Option<String>>("password_hash")?.is_some(),
        password_at: row.get("password_at")?,
        created_at: row.get("created_at")?,
        signed_in_at: row.get("signed_in_at")?,
    })
}

fn personal(
    tx: &mut Tx<'_>,
    id: AccountId,
    row: &Row,
    column: &'static str,
) -> Result<Option<String>, StoreError> {
    let Some(sealed) = row.get::<Option<Vec<u8>>>(column)? else { return Ok(None) };
    let opened = tx.open_personal(id.subject(), Purpose::Profile, place(column, &id.to_string()), &sealed)?;
    Ok(opened.map(|text: Secret<String>| text.expose().clone()))
}

/// Notes that somebody signed in.
pub(crate) fn signed_in(tx: &mut Tx<'_>, id: AccountId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE identity_account SET signed_in_at = $2 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), at]).map(drop)
}

/// Gives an account a password, or takes it away.
pub(crate) fn set_password(
    tx: &mut Tx<'_>,
    id: AccountId,
    hash: Option<&PasswordHash>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE identity_account SET password_hash = $2, password_at = $3 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), hash.map(Param::text), hash.map(|_| at)]).map(drop)
}

/// Replaces a hash by a better one of the same password, unless the password changed meanwhile.
pub(crate) fn rehash(
    tx: &mut Tx<'_>,
    id: AccountId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<(), StoreError> {
    let sql = "UPDATE identity_account SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    tx.execute(sql, params![Param::text(id), Param::text(old), Param::text(new)]).map(drop)
}
