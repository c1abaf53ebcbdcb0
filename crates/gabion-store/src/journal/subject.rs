//! One key per person and purpose. Deleting it is how personal fields are erased from an append-only journal.

use data_encoding::HEXLOWER;
use gabion_core::{Event, EventId, Secret, SubjectId};
use gabion_crypto::{KeyUse, envelope, kdf};

use crate::{Row, StoreError, Tx, params};

/// What a person's data is kept for. Each purpose has its own key, so that evidence can outlive a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Serving the person; erased on request.
    Profile,
    /// Evidence of what happened; erased when it is no longer needed by law or contract.
    Evidence,
}

impl Purpose {
    /// The lower-case name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Evidence => "evidence",
        }
    }

    pub(crate) const fn of(event: &Event) -> Self {
        if event.sealed { Self::Evidence } else { Self::Profile }
    }
}

/// An opened key.
pub(crate) struct SubjectKey {
    pub(crate) id: String,
    secret: Secret<[u8; 32]>,
}

impl SubjectKey {
    /// The key of a person and purpose. A new one comes from the seed of the write call, so that a closure that
    /// runs again makes the same key and the same ciphertexts.
    pub(crate) fn find_or_make(
        tx: &mut Tx<'_>,
        subject: SubjectId,
        purpose: Purpose,
    ) -> Result<Self, StoreError> {
        match Self::find(tx, subject, purpose)? {
            Some(key) => Ok(key),
            None => Self::make(tx, subject, purpose),
        }
    }

    /// The key of a person and purpose; none when it was deleted, or there never was one.
    pub(crate) fn find(
        tx: &mut Tx<'_>,
        subject: SubjectId,
        purpose: Purpose,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT id, kek_epoch, wrapped FROM gabion_subject_key WHERE subject = $1 AND purpose = $2";
        let row = tx.query_one(sql, params![subject, purpose.as_str()])?;
        row.map(|row| Self::open(tx, &row)).transpose()
    }

    /// The key of an id; none when it was deleted.
    pub(crate) fn by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT id, kek_epoch, wrapped FROM gabion_subject_key WHERE id = $1";
        let row = tx.query_one(sql, params![id])?;
        row.map(|row| Self::open(tx, &row)).transpose()
    }

    /// Encrypts one field of one event. Event ids are never used twice, so neither is the derived key.
    pub(crate) fn seal(&self, event: EventId, index: usize, name: &str, value: &str) -> Vec<u8> {
        envelope::seal_once(self.field_key(event, index, name), &self.context(), value.as_bytes())
    }

    pub(crate) fn open_field(
        &self,
        event: EventId,
        index: usize,
        name: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        envelope::open_once(self.field_key(event, index, name), &self.context(), sealed)
            .map_err(|_| StoreError::Sealed { what: "a personal field" })
    }

    fn make(tx: &mut Tx<'_>, subject: SubjectId, purpose: Purpose) -> Result<Self, StoreError> {
        let owner = subject.to_string();
        let part =
            |what: &[u8]| kdf::derive(tx.seed(), &[what, owner.as_bytes(), purpose.as_str().as_bytes()]);
        let id = HEXLOWER.encode(&part(b"subject key id").expose()[..16]);
        let secret = part(b"subject key");
        let kek = tx.keys()?.current(KeyUse::SubjectKek);
        let wrapped = envelope::seal_once(wrap_key(&kek.secret, &id), &wrap_context(&id), secret.expose());
        let sql = "INSERT INTO gabion_subject_key (id, subject, purpose, kek_epoch, wrapped)
            VALUES ($1, $2, $3, $4, $5)";
        tx.execute(sql, params![&id, subject, purpose.as_str(), kek.epoch, wrapped])?;
        Ok(Self { id, secret })
    }

    fn open(tx: &mut Tx<'_>, row: &Row) -> Result<Self, StoreError> {
        let sealed = || StoreError::Sealed { what: "a person's key" };
        let (id, wrapped): (String, Vec<u8>) = (row.get("id")?, row.get("wrapped")?);
        let kek = tx.keys()?.by_epoch(KeyUse::SubjectKek, row.get("kek_epoch")?).ok_or_else(sealed)?;
        let opened = envelope::open_once(wrap_key(&kek.secret, &id), &wrap_context(&id), &wrapped);
        let opened = Secret::new(opened.map_err(|_| sealed())?);
        let secret = <[u8; 32]>::try_from(opened.expose().as_slice()).map_err(|_| sealed())?;
        Ok(Self { id, secret: Secret::new(secret) })
    }

    fn field_key(&self, event: EventId, index: usize, name: &str) -> kdf::OneTimeKey {
        let index = (index as u64).to_be_bytes();
        kdf::one_time_key(
            &self.secret,
            &[b"event field", &event.bits().to_be_bytes(), name.as_bytes(), &index],
        )
    }

    /// The key of one value of one row. The salt is another one for every value.
    pub(crate) fn row_key(&self, place: &[&[u8]; 3], salt: &[u8]) -> kdf::OneTimeKey {
        let [table, column, row] = *place;
        kdf::one_time_key(&self.secret, &[b"row value", table, column, row, salt])
    }

    fn context(&self) -> Vec<u8> {
        envelope::context(&[b"gabion_event", b"fields", self.id.as_bytes()])
    }
}

/// Key ids are random and never used twice, so each wrapping key wraps one key.
fn wrap_key(kek: &Secret<[u8; 32]>, id: &str) -> kdf::OneTimeKey {
    kdf::one_time_key(kek, &[b"subject key", id.as_bytes()])
}

fn wrap_context(id: &str) -> Vec<u8> {
    envelope::context(&[b"gabion_subject_key", b"wrapped", id.as_bytes()])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gabion_core::Timestamp;
    use gabion_crypto::{KeyRing, Seal, SystemEntropy};

    use super::*;
    use crate::job::Seed;
    use crate::migration;
    use crate::session::Session;

    fn ring() -> Arc<KeyRing> {
        let mut ring = KeyRing::open(Seal::File(Secret::new([1; 32])), []).expect("an empty ring opens");
        for row in ring.new_rows_needed(Timestamp::default(), &SystemEntropy::new()) {
            ring.add(&row).expect("own rows open");
        }
        Arc::new(ring)
    }

    /// One run of a closure that is rolled back: the id of the new key and a ciphertext under it.
    fn run(session: &mut Session, keys: &Arc<KeyRing>, seed: u8) -> (String, Vec<u8>) {
        let mut made = None;
        let undone: Result<(), StoreError> = session.transact(&Seed::new([seed; 32]), Some(keys), |tx| {
            let key = SubjectKey::find_or_make(tx, SubjectId::from_bits(1), Purpose::Profile)?;
            made = Some((key.id.clone(), key.seal(EventId::from_bits(2), 0, "address", "192.0.2.1")));
            Err(StoreError::Aborted)
        });
        assert!(matches!(undone, Err(StoreError::Aborted)), "{undone:?}");
        made.expect("a key was made")
    }

    #[test]
    fn a_closure_that_runs_again_makes_the_same_bytes() {
        let mut session = Session::memory().expect("memory opens");
        let seed = Seed::new([0; 32]);
        session.bootstrap().expect("tables are made");
        session.migrate(&migration::STORE, &seed, Timestamp::default()).expect("tables are made");
        let keys = ring();
        let first = run(&mut session, &keys, 7);
        assert_eq!(run(&mut session, &keys, 7), first);
        assert_ne!(run(&mut session, &keys, 8), first, "another call makes another key");
    }
}
