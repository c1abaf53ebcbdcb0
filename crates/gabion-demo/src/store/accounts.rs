//! Customers and their sessions.

use std::hash::{BuildHasher, Hasher, RandomState};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::fault::Fault;
use crate::format;

/// Sessions kept; a new one beyond that ends the one that was quiet longest.
const SESSIONS_MAX: i64 = 10_000;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Who a session belongs to and what is in its cart.
#[derive(Debug, Default, Clone)]
pub(crate) struct Session {
    pub(crate) customer: Option<Customer>,
    pub(crate) cart_count: i64,
}

/// Deliberately naive: a 64-bit FNV-1a checksum without salt. Equal passwords look equal and guessing is free.
pub(crate) fn password_hash(password: &str) -> String {
    let hash = password.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The session with this token, if it is still kept.
pub(crate) fn session(db: &Connection, token: &str) -> Result<Option<Session>, Fault> {
    let query = "SELECT c.id, c.name, c.email, \
         (SELECT COALESCE(SUM(l.quantity), 0) FROM cart_lines l WHERE l.session = s.token) \
         FROM sessions s LEFT JOIN customers c ON c.id = s.customer WHERE s.token = ?1";
    let session = db.query_row(query, [token], |row| {
        let customer = match row.get::<_, Option<i64>>(0)? {
            Some(id) => Some(Customer { id, name: row.get(1)?, email: row.get(2)? }),
            None => None,
        };
        Ok(Session { customer, cart_count: row.get(3)? })
    });
    Ok(session.optional()?)
}

/// Returns `token` if its session is still kept, else the token of a new session.
pub(crate) fn keep_session(db: &Connection, token: Option<String>) -> Result<String, Fault> {
    if let Some(token) = token
        && db.execute("UPDATE sessions SET seen_at = ?2 WHERE token = ?1", params![token, format::now()])? > 0
    {
        return Ok(token);
    }
    let token = new_token();
    db.execute("INSERT INTO sessions (token, seen_at) VALUES (?1, ?2)", params![token, format::now()])?;
    db.execute(
        "DELETE FROM sessions WHERE token IN \
         (SELECT token FROM sessions ORDER BY seen_at DESC, token LIMIT -1 OFFSET ?1)",
        [SESSIONS_MAX],
    )?;
    Ok(token)
}

/// 128 bits from the standard library's hash seeds: good enough for a toy, and no more.
fn new_token() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

/// Signs the session in if the password fits.
///
/// Deliberately naive: nobody counts attempts, and the token from before signing in stays valid.
pub(crate) fn sign_in(db: &Connection, token: &str, email: &str, password: &str) -> Result<bool, Fault> {
    let query = "SELECT id FROM customers WHERE email = ?1 AND password_hash = ?2";
    let found: Option<i64> =
        db.query_row(query, [email, &password_hash(password)], |row| row.get(0)).optional()?;
    match found {
        Some(id) => attach(db, token, Some(id)).map(|()| true),
        None => Ok(false),
    }
}

/// Makes an account and signs the session in; false when the address already has one.
pub(crate) fn register(
    db: &Connection,
    token: &str,
    name: &str,
    email: &str,
    password: &str,
) -> Result<bool, Fault> {
    match add_customer(db, name, email, password) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(false),
        added => attach(db, token, Some(added?)).map(|()| true),
    }
}

/// Inserts a customer and returns the id.
pub(crate) fn add_customer(
    db: &Connection,
    name: &str,
    email: &str,
    password: &str,
) -> rusqlite::Result<i64> {
    db.execute(
        "INSERT INTO customers (name, email, password_hash) VALUES (?1, ?2, ?3)",
        [name, email, &password_hash(password)],
    )?;
    Ok(db.last_insert_rowid())
}

/// Signs the session out; its cart stays.
pub(crate) fn sign_out(db: &Connection, token: &str) -> Result<(), Fault> {
    attach(db, token, None)
}

fn attach(db: &Connection, token: &str, customer: Option<i64>) -> Result<(), Fault> {
    db.execute("UPDATE sessions SET customer = ?2 WHERE token = ?1", params![token, customer])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_checksums_are_the_published_fnv_1a() {
        assert_eq!(password_hash(""), "cbf29ce484222325");
        assert_eq!(password_hash("a"), "af63dc4c8601ec8c");
    }

    #[test]
    fn session_tokens_differ() {
        assert_ne!(new_token(), new_token());
    }
}
