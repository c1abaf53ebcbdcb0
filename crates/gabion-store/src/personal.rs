//! Personal values in rows: encrypted under the person's key, found through keyed indexes.
//!
//! A copy of the database gives neither the values nor who has them; deleting a person's key ([`Tx::forget_subject`]) makes all of
//! them unreadable at once, in backups too, as far as the key is not in the backup.

use gabion_core::{Secret, SubjectId};
use gabion_crypto::mac::MacKey;
use gabion_crypto::{KeyUse, envelope, kdf};

use crate::journal::subject::SubjectKey;
use crate::{Purpose, StoreError, Tx};

/// Bytes in front of a ciphertext that make its key another one each time.
const SALT_BYTES: usize = 16;

/// Where a value stands. It opens only there: a ciphertext that was moved to another row is refused.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row, by its id.
    pub row: &'a str,
}

impl Place<'_> {
    fn parts(&self) -> [&[u8]; 3] {
        [self.table.as_bytes(), self.column.as_bytes(), self.row.as_bytes()]
    }
}

impl Tx<'_> {
    /// Encrypts a value under a person's key for a purpose. A key is made where there is none.
    ///
    /// # Errors
    /// As [`Tx::execute`]; [`StoreError::Sealed`] when the key ring is closed.
    pub fn seal_personal(
        &mut self,
        subject: SubjectId,
        purpose: Purpose,
        place: Place<'_>,
        value: &str,
    ) -> Result<Vec<u8>, StoreError> {
        let key = SubjectKey::find_or_make(self, subject, purpose)?;
        // From the seed of the write call, so that a closure that runs again writes the same bytes; from the value too, so
        // that two values never share a key.
        let [table, column, row] = place.parts();
        let drawn = kdf::derive(self.seed(), &[b"personal salt", table, column, row, value.as_bytes()]);
        let salt = &drawn.expose()[..SALT_BYTES];
        let mut sealed = salt.to_vec();
        sealed.extend(envelope::seal_once(
            key.row_key(&place.parts(), salt),
            &context(place),
            value.as_bytes(),
        ));
        Ok(sealed)
    }

    /// Decrypts what [`Tx::seal_personal`] made; none when the person's key was deleted.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when it is of another place or person, or was changed; as [`Tx::query`].
    pub fn open_personal(
        &mut self,
        subject: SubjectId,
        purpose: Purpose,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Option<Secret<String>>, StoreError> {
        let refuse = || StoreError::Sealed { what: "a personal value" };
        let Some(key) = SubjectKey::find(self, subject, purpose)? else { return Ok(None) };
        let (salt, body) = sealed.split_first_chunk::<SALT_BYTES>().ok_or_else(refuse)?;
        let opened = envelope::open_once(key.row_key(&place.parts(), salt), &context(place), body);
        let text = opened.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refuse)?;
        Ok(Some(Secret::new(text)))
    }

    /// What stands for a value in an index: 32 bytes that only the key ring can make. `parts` name what is indexed and the
    /// value itself; they cannot run into each other.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when the key ring is closed.
    pub fn blind_index(&self, parts: &[&str]) -> Result<[u8; 32], StoreError> {
        Ok(MacKey::new(&self.keys()?.current(KeyUse::BlindIndex).secret).sign(&index_message(parts)))
    }

    /// The same under every key that is still in the ring, the current one first: rows that were written before a rotation
    /// are found under an older one.
    ///
    /// # Errors
    /// As [`Tx::blind_index`].
    pub fn blind_indexes(&self, parts: &[&str]) -> Result<Vec<[u8; 32]>, StoreError> {
        let message = index_message(parts);
        let keys = self.keys()?.epochs(KeyUse::BlindIndex);
        Ok(keys.map(|key| MacKey::new(&key.secret).sign(&message)).collect())
    }
}

fn index_message(parts: &[&str]) -> Vec<u8> {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    envelope::context(&parts)
}

fn context(place: Place<'_>) -> Vec<u8> {
    envelope::context(&place.parts())
}
