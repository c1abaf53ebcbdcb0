//! Rows of authenticator apps and recovery codes.

use data_encoding::BASE64;
use gabion_core::{Secret, Timestamp};
use gabion_crypto::one_time::CodeDigest;
use gabion_store::{Param, Place, Purpose, StoreError, Tx, params};

use super::broken;
use crate::customer::account::AccountId;

/// An authenticator app.
pub(crate) struct Totp {
    pub(crate) secret: Secret<[u8; 20]>,
    pub(crate) last_step: u64,
}

const fn place(account: &str) -> Place<'_> {
    Place { table: "identity_totp", column: "secret", row: account }
}

pub(crate) fn set_totp(
    tx: &mut Tx<'_>,
    account: AccountId,
    secret: &Secret<[u8; 20]>,
    last_step: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = account.to_string();
    let text = Secret::new(BASE64.encode(secret.expose()));
    let sealed = tx.seal_personal(account.subject(), Purpose::Profile, place(&id), text.expose())?;
    let sql = "INSERT INTO identity_totp (account, secret, last_step, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, last_step = excluded.last_step,
            created_at = excluded.created_at";
    tx.execute(sql, params![id, sealed, step(last_step)?, at]).map(drop)
}

pub(crate) fn totp(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Totp>, StoreError> {
    let id = account.to_string();
    let sql = "SELECT secret, last_step FROM identity_totp WHERE account = $1";
    let Some(row) = tx.query_one(sql, params![&id])? else { return Ok(None) };
    let sealed: Vec<u8> = row.get("secret")?;
    let Some(text) = tx.open_personal(account.subject(), Purpose::Profile, place(&id), &sealed)? else {
        return Ok(None);
    };
    let bytes =
        Secret::new(BASE64.decode(text.expose().as_bytes()).map_err(|error| broken("secret", error))?);
    let secret = bytes.expose().as_slice().try_into().map_err(|error| broken("secret", error))?;
    Ok(Some(Totp { secret: Secret::new(secret), last_step: row.get("last_step")? }))
}

/// Since when an account has an authenticator app.
pub(crate) fn totp_since(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT created_at FROM identity_totp WHERE account = $1";
    tx.query_one(sql, params![Param::text(account)])?.map(|row| row.get("created_at")).transpose()
}

/// Notes that the code of a step was taken. Says whether it was the first time: of two at once one is too late.
pub(crate) fn take_step(tx: &mut Tx<'_>, account: AccountId, taken: u64) -> Result<bool, StoreError> {
    let sql = "UPDATE identity_totp SET last_step = $2 WHERE account = $1 AND last_step < $2";
    Ok(tx.execute(sql, params![Param::text(account), step(taken)?])? > 0)
}

fn step(step: u64) -> Result<i64, StoreError> {
    i64::try_from(step).map_err(|error| broken("last_step", error))
}

pub(crate) fn delete_totp(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM identity_totp WHERE account = $1", params![Param::text(account)])? > 0)
}

/// The digests of an account's codes.
pub(crate) fn codes(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<CodeDigest>, StoreError> {
    let sql = "SELECT digest FROM identity_recovery_code WHERE account = $1 ORDER BY digest";
    tx.query(sql, params![Param::text(account)])?.iter().map(|row| row.parse("digest")).collect()
}

/// Puts these codes in the place of all that were there.
pub(crate) fn set_codes(tx: &mut Tx<'_>, account: AccountId, codes: &[CodeDigest]) -> Result<(), StoreError> {
    let account = account.to_string();
    tx.execute("DELETE FROM identity_recovery_code WHERE account = $1", params![&account])?;
    for code in codes {
        let sql = "INSERT INTO identity_recovery_code (account, digest) VALUES ($1, $2)";
        tx.execute(sql, params![&account, Param::text(code)])?;
    }
    Ok(())
}

/// Deletes a code, and says whether it was there: whoever deletes it has used it.
pub(crate) fn use_code(tx: &mut Tx<'_>, account: AccountId, code: &CodeDigest) -> Result<bool, StoreError> {
    let sql = "DELETE FROM identity_recovery_code WHERE account = $1 AND digest = $2";
    Ok(tx.execute(sql, params![Param::text(account), Param::text(code)])? > 0)
}
