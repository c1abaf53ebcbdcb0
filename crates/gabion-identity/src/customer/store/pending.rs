//! Rows of what somebody began and has to prove yet.

use gabion_core::{SiteId, Timestamp};
use gabion_crypto::one_time::CodeDigest;
use gabion_store::{Param, Row, StoreError, Tx, params};

use crate::customer::account::AccountId;
use crate::customer::pending::{PendingId, Purpose};

/// Something that waits.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) id: PendingId,
    pub(crate) site: SiteId,
    pub(crate) purpose: Purpose,
    /// The account it is about, or the one it would make.
    pub(crate) account: AccountId,
    /// Sealed.
    pub(crate) content: Vec<u8>,
    /// None once it was shown.
    pub(crate) code: Option<CodeDigest>,
    pub(crate) tries_left: u32,
    pub(crate) expires_at: Timestamp,
}

fn pending(row: &Row) -> Result<Pending, StoreError> {
    Ok(Pending {
        id: row.parse("id")?,
        site: row.parse("site")?,
        purpose: row.parse("purpose")?,
        account: row.parse("account")?,
        content: row.get("content")?,
        code: row.parse_opt("code")?,
        tries_left: row.get("tries_left")?,
        expires_at: row.get("expires_at")?,
    })
}

pub(crate) fn insert(tx: &mut Tx<'_>, row: &Pending, token: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_pending
            (id, site, token_hash, purpose, account, content, code, tries_left, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (id, account, code) =
        (Param::text(row.id), Param::text(row.account), row.code.as_ref().map(Param::text));
    let (purpose, content) = (row.purpose.as_str(), &row.content);
    let params =
        params![id, &row.site, token, purpose, account, content, code, row.tries_left, row.expires_at];
    tx.execute(sql, params).map(drop)
}

/// What a token stands for, while it can be used.
pub(crate) fn by_token(
    tx: &mut Tx<'_>,
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Pending>, StoreError> {
    let sql = "SELECT * FROM identity_pending WHERE token_hash = $1 AND expires_at > $2";
    tx.query_one(sql, params![token, now])?.as_ref().map(pending).transpose()
}

/// Counts a try. Says whether there was one left.
pub(crate) fn take_try(tx: &mut Tx<'_>, id: PendingId) -> Result<bool, StoreError> {
    let sql = "UPDATE identity_pending SET tries_left = tries_left - 1 WHERE id = $1 AND tries_left > 0";
    Ok(tx.execute(sql, params![Param::text(id)])? > 0)
}

/// Notes that the code was shown. Says whether it was the first time.
pub(crate) fn prove(tx: &mut Tx<'_>, id: PendingId, until: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE identity_pending SET code = NULL, expires_at = $2 WHERE id = $1 AND code IS NOT NULL";
    Ok(tx.execute(sql, params![Param::text(id), until])? > 0)
}

/// Deletes it, and says whether it was there: whoever deletes it has used it.
pub(crate) fn delete(tx: &mut Tx<'_>, id: PendingId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM identity_pending WHERE id = $1", params![Param::text(id)])? > 0)
}

/// How many wait at a site.
pub(crate) fn count(tx: &mut Tx<'_>, site: &SiteId) -> Result<usize, StoreError> {
    let row = tx.query_one("SELECT COUNT(*) AS n FROM identity_pending WHERE site = $1", params![site])?;
    let n: u64 = row.map_or(Ok(0), |row| row.get("n"))?;
    Ok(usize::try_from(n).unwrap_or(usize::MAX))
}
