//! Rows of customers' sessions.

use gabion_core::{SiteId, Timestamp};
use gabion_store::{Param, Place, Purpose, Row, StoreError, Tx, params};

use super::broken;
use crate::customer::account::{AccountId, State};
use crate::customer::flow::{Level, Proof};
use crate::customer::session::{SessionId, SessionView, SignedIn, Whence};

/// A session to be stored.
pub(crate) struct NewRow<'a> {
    pub(crate) id: SessionId,
    pub(crate) site: &'a SiteId,
    pub(crate) account: AccountId,
    pub(crate) token: &'a [u8; 32],
    pub(crate) level: Level,
    pub(crate) methods: &'a [Proof],
    pub(crate) begins: Timestamp,
    pub(crate) authenticated_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) whence: &'a Whence,
}

fn place(id: &str) -> Place<'_> {
    Place { table: "identity_customer_session", column: "client", row: id }
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &NewRow<'_>) -> Result<(), StoreError> {
    let id = row.id.to_string();
    let whence = serde_json::to_string(row.whence).map_err(|error| broken("client", error))?;
    let client = tx.seal_personal(row.account.subject(), Purpose::Profile, place(&id), &whence)?;
    let methods = serde_json::to_string(row.methods).map_err(|error| broken("methods", error))?;
    let sql = "INSERT INTO identity_customer_session
            (id, site, account, token_hash, level, methods, authenticated_at, created_at, seen_at, expires_at, client)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)";
    let account = Param::text(row.account);
    let level = row.level.as_str();
    let params = params![
        id,
        row.site,
        account,
        row.token,
        level,
        methods,
        row.authenticated_at,
        row.begins,
        row.expires_at,
        client
    ];
    tx.execute(sql, params).map(drop)
}

fn methods(row: &Row) -> Result<Vec<Proof>, StoreError> {
    let text: String = row.get("methods")?;
    serde_json::from_str(&text).map_err(|error| broken("methods", error))
}

/// A session by its cookie's digest, with when it was last seen and the state of its account.
pub(crate) fn by_token(
    tx: &mut Tx<'_>,
    digest: &[u8; 32],
) -> Result<Option<(SignedIn, Timestamp, State)>, StoreError> {
    let sql = "SELECT v.*, a.state AS state FROM identity_customer_session v JOIN identity_account a ON a.id = v.account
        WHERE v.token_hash = $1";
    let row = tx.query_one(sql, params![digest])?;
    let read = |row: &Row| {
        let signed_in = SignedIn {
            id: row.parse("id")?,
            site: row.parse("site")?,
            account: row.parse("account")?,
            level: row.parse("level")?,
            methods: methods(row)?,
            authenticated_at: row.get("authenticated_at")?,
            expires_at: row.get("expires_at")?,
        };
        Ok((signed_in, row.get("seen_at")?, row.parse("state")?))
    };
    row.as_ref().map(read).transpose()
}

/// The sessions of an account, newest first.
pub(crate) fn of(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<SessionView>, StoreError> {
    let sql = "SELECT * FROM identity_customer_session WHERE account = $1 ORDER BY created_at DESC, id DESC";
    let rows = tx.query(sql, params![Param::text(account)])?;
    rows.iter().map(|row| view(tx, account, row)).collect()
}

fn view(tx: &mut Tx<'_>, account: AccountId, row: &Row) -> Result<SessionView, StoreError> {
    let id: String = row.get("id")?;
    let sealed: Vec<u8> = row.get("client")?;
    let opened = tx.open_personal(account.subject(), Purpose::Profile, place(&id), &sealed)?;
    let whence =
        opened.map(|text| serde_json::from_str(text.expose()).map_err(|error| broken("client", error)));
    Ok(SessionView {
        id: row.parse("id")?,
        level: row.parse("level")?,
        methods: methods(row)?,
        authenticated_at: row.get("authenticated_at")?,
        created_at: row.get("created_at")?,
        seen_at: row.get("seen_at")?,
        expires_at: row.get("expires_at")?,
        whence: whence.transpose()?,
    })
}

/// The ids of an account's sessions, newest first.
pub(crate) fn ids_of(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<SessionId>, StoreError> {
    let sql = "SELECT id FROM identity_customer_session WHERE account = $1 ORDER BY created_at DESC, id DESC";
    tx.query(sql, params![Param::text(account)])?.iter().map(|row| row.parse("id")).collect()
}

pub(crate) fn touch(tx: &mut Tx<'_>, id: SessionId, seen: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE identity_customer_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
    tx.execute(sql, params![Param::text(id), seen]).map(drop)
}

pub(crate) fn delete(tx: &mut Tx<'_>, account: AccountId, id: SessionId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM identity_customer_session WHERE id = $1 AND account = $2";
    Ok(tx.execute(sql, params![Param::text(id), Param::text(account)])? > 0)
}

/// Ends the session of a cookie, and says which it was.
pub(crate) fn delete_by_token(tx: &mut Tx<'_>, digest: &[u8; 32]) -> Result<Option<SessionId>, StoreError> {
    let row =
        tx.query_one("SELECT id FROM identity_customer_session WHERE token_hash = $1", params![digest])?;
    let id = row.map(|row| row.parse("id")).transpose()?;
    tx.execute("DELETE FROM identity_customer_session WHERE token_hash = $1", params![digest])?;
    Ok(id)
}

/// Whether a session is there.
pub(crate) fn is_there(tx: &mut Tx<'_>, id: SessionId) -> Result<bool, StoreError> {
    Ok(tx
        .query_one("SELECT id FROM identity_customer_session WHERE id = $1", params![Param::text(id)])?
        .is_some())
}

/// Deletes the sessions of an account except one; says how many.
pub(crate) fn delete_all(
    tx: &mut Tx<'_>,
    account: AccountId,
    except: Option<SessionId>,
) -> Result<u64, StoreError> {
    let except = except.map_or_else(String::new, |id| id.to_string());
    let sql = "DELETE FROM identity_customer_session WHERE account = $1 AND id <> $2";
    tx.execute(sql, params![Param::text(account), except])
}
