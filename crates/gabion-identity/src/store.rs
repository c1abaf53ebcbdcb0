//! All SQL of this domain, as functions over a transaction.

use gabion_core::Timestamp;
use gabion_crypto::password::PasswordHash;
use gabion_store::{Migration, Migrations, Param, Row, StoreError, Tx, params};
use gabion_web::{ApiKeyId, Role, SessionId, StaffId};

use crate::api_key::ApiKeyView;
use crate::link::{LinkId, LinkView, Purpose};
use crate::session::SessionView;
use crate::staff::{Email, StaffView};

/// The tables of this domain.
pub const MIGRATIONS: Migrations = Migrations {
    domain: "identity",
    steps: &[
        Migration {
            version: 1,
            name: "staff",
            sqlite: include_str!("../migrations/sqlite/0001_staff.sql"),
            postgres: include_str!("../migrations/postgres/0001_staff.sql"),
        },
        Migration {
            version: 2,
            name: "customers",
            sqlite: include_str!("../migrations/sqlite/0002_customers.sql"),
            postgres: include_str!("../migrations/postgres/0002_customers.sql"),
        },
    ],
};

/// Expired rows deleted by one sweep of one table: keeps the writer free.
const SWEEP_ROWS_MAX: u32 = 500;

// Staff.

/// An account with what is needed to check its password.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) staff: StaffView,
    pub(crate) hash: PasswordHash,
}

fn staff_view(row: &Row) -> Result<StaffView, StoreError> {
    Ok(StaffView {
        id: row.parse("id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        role: row.parse("role")?,
        created_at: row.get("created_at")?,
        disabled_at: row.get("disabled_at")?,
    })
}

fn credentials(row: &Row) -> Result<Credentials, StoreError> {
    Ok(Credentials { staff: staff_view(row)?, hash: row.parse("password_hash")? })
}

pub(crate) fn staff_insert(
    tx: &mut Tx<'_>,
    staff: &StaffView,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_staff (id, email, name, role, password_hash, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let StaffView { id, email, name, role, created_at, disabled_at: _ } = staff;
    let hash = Param::text(hash);
    tx.execute(sql, params![Param::text(id), email, name, role.as_str(), hash, *created_at])?;
    Ok(())
}

pub(crate) fn staff_by_id(tx: &mut Tx<'_>, id: StaffId) -> Result<Option<Credentials>, StoreError> {
    let row = tx.query_one("SELECT * FROM identity_staff WHERE id = $1", params![Param::text(id)])?;
    row.as_ref().map(credentials).transpose()
}

pub(crate) fn staff_by_email(tx: &mut Tx<'_>, email: &Email) -> Result<Option<Credentials>, StoreError> {
    let row = tx.query_one("SELECT * FROM identity_staff WHERE email = $1", params![email.as_str()])?;
    row.as_ref().map(credentials).transpose()
}

pub(crate) fn staff_page(tx: &mut Tx<'_>, after: &str, limit: usize) -> Result<Vec<StaffView>, StoreError> {
    let sql = "SELECT * FROM identity_staff WHERE id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after, rows(limit)])?.iter().map(staff_view).collect()
}

pub(crate) fn staff_count(tx: &mut Tx<'_>) -> Result<usize, StoreError> {
    count(tx, "SELECT COUNT(*) AS n FROM identity_staff", params![])
}

pub(crate) fn owners_besides(tx: &mut Tx<'_>, id: Option<StaffId>) -> Result<usize, StoreError> {
    let sql = "SELECT COUNT(*) AS n FROM identity_staff
        WHERE role = $1 AND disabled_at IS NULL AND id <> $2";
    let id = id.map_or_else(String::new, |id| id.to_string());
    count(tx, sql, params![Role::Owner.as_str(), id])
}

pub(crate) fn staff_set_role(tx: &mut Tx<'_>, id: StaffId, role: Role) -> Result<(), StoreError> {
    let sql = "UPDATE identity_staff SET role = $2 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), role.as_str()]).map(drop)
}

pub(crate) fn staff_set_disabled(
    tx: &mut Tx<'_>,
    id: StaffId,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "UPDATE identity_staff SET disabled_at = $2 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), at]).map(drop)
}

pub(crate) fn staff_set_password(
    tx: &mut Tx<'_>,
    id: StaffId,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    let sql = "UPDATE identity_staff SET password_hash = $2 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), Param::text(hash)]).map(drop)
}

/// Replaces a hash by a better one of the same password, unless the password changed meanwhile.
pub(crate) fn staff_rehash(
    tx: &mut Tx<'_>,
    id: StaffId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<(), StoreError> {
    let sql = "UPDATE identity_staff SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    tx.execute(sql, params![Param::text(id), Param::text(old), Param::text(new)]).map(drop)
}

// Sessions.

/// A session found by its token, with the account it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct LiveSession {
    pub(crate) session: SessionView,
    pub(crate) staff: StaffView,
}

fn session_view(row: &Row) -> Result<SessionView, StoreError> {
    Ok(SessionView {
        id: row.parse("id")?,
        created_at: row.get("created_at")?,
        last_seen_at: row.get("last_seen_at")?,
        expires_at: row.get("expires_at")?,
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
    })
}

pub(crate) fn session_insert(
    tx: &mut Tx<'_>,
    staff: StaffId,
    session: &SessionView,
    digest: &[u8; 32],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_session
            (id, token_hash, staff_id, created_at, last_seen_at, expires_at, address, user_agent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let SessionView { id, created_at, last_seen_at, expires_at, address, user_agent } = session;
    let (id, staff) = (Param::text(id), Param::text(staff));
    tx.execute(
        sql,
        params![id, digest, staff, *created_at, *last_seen_at, *expires_at, address, user_agent],
    )?;
    Ok(())
}

pub(crate) fn session_by_token(
    tx: &mut Tx<'_>,
    digest: &[u8; 32],
) -> Result<Option<LiveSession>, StoreError> {
    let sql = "SELECT * FROM identity_session WHERE token_hash = $1";
    let Some(row) = tx.query_one(sql, params![digest])? else { return Ok(None) };
    let staff = staff_by_id(tx, row.parse("staff_id")?)?;
    let session = session_view(&row)?;
    Ok(staff.map(|credentials| LiveSession { session, staff: credentials.staff }))
}

pub(crate) fn sessions_of(tx: &mut Tx<'_>, staff: StaffId) -> Result<Vec<SessionView>, StoreError> {
    let sql = "SELECT * FROM identity_session WHERE staff_id = $1 ORDER BY created_at DESC, id DESC";
    tx.query(sql, params![Param::text(staff)])?.iter().map(session_view).collect()
}

pub(crate) fn session_touch(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE identity_session SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2";
    tx.execute(sql, params![Param::text(id), now]).map(drop)
}

pub(crate) fn session_delete(tx: &mut Tx<'_>, staff: StaffId, id: SessionId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM identity_session WHERE id = $1 AND staff_id = $2";
    Ok(tx.execute(sql, params![Param::text(id), Param::text(staff)])? > 0)
}

pub(crate) fn session_delete_by_token(tx: &mut Tx<'_>, digest: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM identity_session WHERE token_hash = $1", params![digest]).map(drop)
}

/// Ends every session of a person, except one when given.
pub(crate) fn sessions_delete(
    tx: &mut Tx<'_>,
    staff: StaffId,
    except: Option<SessionId>,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM identity_session WHERE staff_id = $1 AND id <> $2";
    let except = except.map_or_else(String::new, |id| id.to_string());
    tx.execute(sql, params![Param::text(staff), except])
}

/// Deletes what is over, a bounded number of rows of each table.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: Timestamp, idle_since: Timestamp) -> Result<u64, StoreError> {
    let sessions = "DELETE FROM identity_session WHERE id IN
        (SELECT id FROM identity_session WHERE expires_at <= $1 OR last_seen_at <= $2 LIMIT $3)";
    let links = "DELETE FROM identity_link WHERE id IN
        (SELECT id FROM identity_link WHERE expires_at <= $1 LIMIT $2)";
    let sessions = tx.execute(sessions, params![now, idle_since, SWEEP_ROWS_MAX])?;
    Ok(sessions + tx.execute(links, params![now, SWEEP_ROWS_MAX])?)
}

// One-time links.

fn link_view(row: &Row) -> Result<LinkView, StoreError> {
    let purpose = match (row.parse_opt("role")?, row.parse_opt("staff_id")?) {
        (Some(role), None) => Purpose::Join(role),
        (None, Some(staff)) => Purpose::Reset(staff),
        _ => {
            let detail = "one of role and staff_id is set".to_owned();
            return Err(StoreError::Column { column: "role".to_owned(), detail });
        }
    };
    Ok(LinkView {
        id: row.parse("id")?,
        purpose,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

pub(crate) fn link_insert(tx: &mut Tx<'_>, link: &LinkView, digest: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_link (id, token_hash, role, staff_id, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let (role, staff) = match link.purpose {
        Purpose::Join(role) => (Some(role.as_str()), None),
        Purpose::Reset(staff) => (None, Some(staff.to_string())),
    };
    let id = Param::text(link.id);
    tx.execute(sql, params![id, digest, role, staff, link.created_at, link.expires_at]).map(drop)
}

pub(crate) fn link_by_token(
    tx: &mut Tx<'_>,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<LinkView>, StoreError> {
    let sql = "SELECT * FROM identity_link WHERE token_hash = $1 AND expires_at > $2";
    tx.query_one(sql, params![digest, now])?.as_ref().map(link_view).transpose()
}

pub(crate) fn links_open(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<LinkView>, StoreError> {
    let sql = "SELECT * FROM identity_link WHERE expires_at > $1 ORDER BY id";
    tx.query(sql, params![now])?.iter().map(link_view).collect()
}

/// Deletes a link and says whether it was there: whoever deletes it has used it.
pub(crate) fn link_delete(tx: &mut Tx<'_>, id: LinkId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM identity_link WHERE id = $1", params![Param::text(id)])? > 0)
}

pub(crate) fn links_delete_of(tx: &mut Tx<'_>, staff: StaffId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM identity_link WHERE staff_id = $1", params![Param::text(staff)]).map(drop)
}

// API keys.

fn api_key_view(row: &Row) -> Result<ApiKeyView, StoreError> {
    Ok(ApiKeyView {
        id: row.parse("id")?,
        name: row.get("name")?,
        scopes: row.parse("scopes")?,
        created_by: row.parse("created_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}

pub(crate) fn api_key_insert(tx: &mut Tx<'_>, key: &ApiKeyView, digest: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "INSERT INTO identity_api_key (id, key_hash, name, scopes, created_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (id, scopes, by) = (Param::text(key.id), Param::text(&key.scopes), Param::text(key.created_by));
    tx.execute(sql, params![id, digest, &key.name, scopes, by, key.created_at, key.expires_at]).map(drop)
}

pub(crate) fn api_key_by_digest(
    tx: &mut Tx<'_>,
    digest: &[u8; 32],
) -> Result<Option<ApiKeyView>, StoreError> {
    let sql = "SELECT * FROM identity_api_key WHERE key_hash = $1";
    tx.query_one(sql, params![digest])?.as_ref().map(api_key_view).transpose()
}

pub(crate) fn api_keys_page(
    tx: &mut Tx<'_>,
    after: &str,
    limit: usize,
) -> Result<Vec<ApiKeyView>, StoreError> {
    let sql = "SELECT * FROM identity_api_key WHERE id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after, rows(limit)])?.iter().map(api_key_view).collect()
}

pub(crate) fn api_keys_live(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, StoreError> {
    let sql = "SELECT COUNT(*) AS n FROM identity_api_key
        WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)";
    count(tx, sql, params![now])
}

pub(crate) fn api_key_touch(tx: &mut Tx<'_>, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE identity_api_key SET last_used_at = $2 WHERE id = $1";
    tx.execute(sql, params![Param::text(id), now]).map(drop)
}

pub(crate) fn api_key_revoke(tx: &mut Tx<'_>, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE identity_api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    Ok(tx.execute(sql, params![Param::text(id), now])? > 0)
}

fn count(tx: &mut Tx<'_>, sql: &str, params: &[Param]) -> Result<usize, StoreError> {
    let row = tx.query_one(sql, params)?;
    let n: u64 = row.map_or(Ok(0), |row| row.get("n"))?;
    Ok(usize::try_from(n).unwrap_or(usize::MAX))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
