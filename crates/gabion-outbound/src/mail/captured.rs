//! Letters kept for the console instead of being sent. They are deleted with the 200 that come after them.

use gabion_core::Timestamp;
use gabion_store::outbox::MessageId;
use gabion_store::{Row, StoreError, Tx, params};

use super::sealed::Sealed;
use super::{Letter, Mail};

/// Letters that are kept, the newest; older ones are deleted.
pub const CAPTURED_LETTERS_MAX: u32 = 200;

/// A letter that was kept instead of sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its id, the one it was put with.
    pub id: MessageId,
    /// When it would have been sent.
    pub at: Timestamp,
    /// What sort of letter it is.
    pub kind: String,
    /// Who would have got it.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML, where there is some.
    pub html: Option<String>,
    /// What language it is in.
    pub language: String,
}

impl Mail {
    /// The newest kept letters before an id, or of all, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn captured(
        &self,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Captured>, StoreError> {
        let limit = limit.min(CAPTURED_LETTERS_MAX as usize);
        let rows = self.0.db.read(move |tx| list(tx, before, limit)).await?;
        Ok(rows.into_iter().filter_map(|row| self.read(row)).collect())
    }

    /// One kept letter; none where it was never kept or has been deleted since.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn captured_letter(&self, id: MessageId) -> Result<Option<Captured>, StoreError> {
        let row = self.0.db.read(move |tx| find(tx, id)).await?;
        Ok(row.and_then(|row| self.read(row)))
    }

    /// A letter that does not open is left out and logged: the others can still be read.
    fn read(&self, row: Kept) -> Option<Captured> {
        let Kept { id, at, payload } = row;
        let letter = Sealed::parse(&payload).and_then(|sealed| sealed.open(id, &self.0.db.keys()));
        let Letter { kind, to, subject, text, html, language, .. } = letter
            .inspect_err(|error| tracing::warn!(letter = %id, %error, "A kept letter cannot be read"))
            .ok()?;
        Some(Captured { id, at, kind, to: to.as_str().to_owned(), subject, text, html, language })
    }
}

/// A row, still sealed.
struct Kept {
    id: MessageId,
    at: Timestamp,
    payload: String,
}

/// Keeps a letter, and deletes the oldest above [`CAPTURED_LETTERS_MAX`].
pub(super) fn keep(tx: &mut Tx<'_>, id: MessageId, at: Timestamp, payload: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO mail_captured (id, captured_at, payload) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    tx.execute(sql, params![id.to_string(), at, payload])?;
    let sql = format!(
        "DELETE FROM mail_captured WHERE id NOT IN
            (SELECT id FROM mail_captured ORDER BY id DESC LIMIT {CAPTURED_LETTERS_MAX})"
    );
    tx.execute(&sql, params![])?;
    Ok(())
}

fn list(tx: &mut Tx<'_>, before: Option<MessageId>, limit: usize) -> Result<Vec<Kept>, StoreError> {
    let sql = format!(
        "SELECT id, captured_at, payload FROM mail_captured WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT {limit}"
    );
    let before = before.map(|id| id.to_string()).unwrap_or_default();
    tx.query(&sql, params![before])?.iter().map(kept).collect()
}

fn find(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT id, captured_at, payload FROM mail_captured WHERE id = $1";
    tx.query_one(sql, params![id.to_string()])?.as_ref().map(kept).transpose()
}

fn kept(row: &Row) -> Result<Kept, StoreError> {
    Ok(Kept { id: row.parse("id")?, at: row.get("captured_at")?, payload: row.get("payload")? })
}
