//! Rows of passkeys, and of ceremonies that were answered.

use gabion_core::{SiteId, Timestamp};
use gabion_store::{Param, Place, Purpose, Row, StoreError, Tx, params};
use gabion_webauthn::{ChallengeHash, CredentialId, StoredCredential};

use super::broken;
use crate::customer::account::AccountId;
use crate::customer::passkey::{PasskeyId, PasskeyView};

/// A passkey with what verifies its answers.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) account: AccountId,
    pub(crate) view: PasskeyView,
    pub(crate) stored: StoredCredential,
}

const fn place(id: &str) -> Place<'_> {
    Place { table: "identity_passkey", column: "name", row: id }
}

fn kept(tx: &mut Tx<'_>, row: &Row) -> Result<Kept, StoreError> {
    let account: AccountId = row.parse("account")?;
    let (id, sealed): (String, Vec<u8>) = (row.get("id")?, row.get("name")?);
    let name = tx.open_personal(account.subject(), Purpose::Profile, place(&id), &sealed)?;
    let text: String = row.get("stored")?;
    let stored: StoredCredential = serde_json::from_str(&text).map_err(|error| broken("stored", error))?;
    let view = PasskeyView {
        id: row.parse("id")?,
        name: name.map(|name| name.expose().clone()).unwrap_or_default(),
        is_backed_up: stored.backed_up,
        created_at: row.get("created_at")?,
        used_at: row.get("used_at")?,
    };
    Ok(Kept { account, view, stored })
}

fn json(stored: &StoredCredential) -> Result<String, StoreError> {
    serde_json::to_string(stored).map_err(|error| broken("stored", error))
}

pub(crate) fn insert(tx: &mut Tx<'_>, site: &SiteId, kept: &Kept) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_passkey (id, site, credential, account, stored, name, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Kept { account, view, stored } = kept;
    let id = view.id.to_string();
    let name = tx.seal_personal(account.subject(), Purpose::Profile, place(&id), &view.name)?;
    let (account, credential) = (Param::text(account), stored.id.as_bytes());
    tx.execute(sql, params![id, site, credential, account, json(stored)?, name, view.created_at]).map(drop)
}

pub(crate) fn by_credential(
    tx: &mut Tx<'_>,
    site: &SiteId,
    id: &CredentialId,
) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT * FROM identity_passkey WHERE site = $1 AND credential = $2";
    let row = tx.query_one(sql, params![site, id.as_bytes()])?;
    row.map(|row| kept(tx, &row)).transpose()
}

/// The passkeys of an account, oldest first.
pub(crate) fn of(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Kept>, StoreError> {
    let sql = "SELECT * FROM identity_passkey WHERE account = $1 ORDER BY id";
    let rows = tx.query(sql, params![Param::text(account)])?;
    rows.iter().map(|row| kept(tx, row)).collect()
}

/// Keeps what a sign-in said of a passkey. Says whether it is still there.
pub(crate) fn used(
    tx: &mut Tx<'_>,
    id: PasskeyId,
    stored: &StoredCredential,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE identity_passkey SET stored = $2, used_at = $3 WHERE id = $1";
    Ok(tx.execute(sql, params![Param::text(id), json(stored)?, at])? > 0)
}

pub(crate) fn rename(
    tx: &mut Tx<'_>,
    account: AccountId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, StoreError> {
    let id = id.to_string();
    let name = tx.seal_personal(account.subject(), Purpose::Profile, place(&id), name)?;
    let sql = "UPDATE identity_passkey SET name = $3 WHERE id = $1 AND account = $2";
    Ok(tx.execute(sql, params![id, Param::text(account), name])? > 0)
}

pub(crate) fn delete(tx: &mut Tx<'_>, account: AccountId, id: PasskeyId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM identity_passkey WHERE id = $1 AND account = $2";
    Ok(tx.execute(sql, params![Param::text(id), Param::text(account)])? > 0)
}

/// Notes that a ceremony was answered. Says whether it was the first time.
pub(crate) fn answer_once(
    tx: &mut Tx<'_>,
    ceremony: ChallengeHash,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO identity_ceremony (challenge, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![ceremony.as_bytes(), expires_at])? > 0)
}
