//! The key ring: one key per use and epoch, each wrapped by the root seal. An engine: the rows live in store.
//!
//! Rotation adds an epoch; older epochs stay readable until nothing is sealed under them. A row tells which seal
//! wrapped it, so that a wrong seal is told apart from a changed row before any key is used.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use gabion_core::entropy::draw;
use gabion_core::{Entropy, Secret, Timestamp};

use crate::mac::MacKey;
use crate::{constant_time_eq, envelope, kdf};

/// Bytes of a key check value: enough to tell keys apart, too few to help guessing one.
pub const CHECK_BYTES: usize = 8;

/// What a key of the ring is for. A key is never used for two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// Wraps the data keys of persons whose data can be erased.
    SubjectKek,
    /// Keys of exact search over encrypted fields.
    BlindIndex,
    /// The keyed step after password hashing.
    PasswordPepper,
    /// Binds form tokens to sessions.
    Csrf,
    /// Seals answers kept for replay: they may show a secret that is shown once.
    Replay,
    /// Makes the cookies that keep a customer at an endpoint of the shop.
    Sticky,
    /// Signs evidence that leaves the house; old epochs go on saying what they signed.
    Evidence,
    /// Seals uploaded files that were stopped.
    Quarantine,
    /// Seals what travels with a browser while it asks for a passkey.
    Ceremony,
    /// Keyed digests of codes that work once.
    OneTimeCode,
    /// Seals the private keys that sign tokens.
    TokenKey,
    /// Seals letters until they are sent.
    Mail,
}

impl KeyUse {
    /// All uses; a complete ring has a key for each.
    pub const ALL: [Self; 12] = [
        Self::SubjectKek,
        Self::BlindIndex,
        Self::PasswordPepper,
        Self::Csrf,
        Self::Replay,
        Self::Sticky,
        Self::Evidence,
        Self::Quarantine,
        Self::Ceremony,
        Self::OneTimeCode,
        Self::TokenKey,
        Self::Mail,
    ];

    /// The name stored in the row. Never renamed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubjectKek => "subject_kek",
            Self::BlindIndex => "blind_index",
            Self::PasswordPepper => "password_pepper",
            Self::Csrf => "csrf",
            Self::Replay => "replay",
            Self::Sticky => "sticky",
            Self::Evidence => "evidence",
            Self::Quarantine => "quarantine",
            Self::Ceremony => "ceremony",
            Self::OneTimeCode => "one_time_code",
            Self::TokenKey => "token_key",
            Self::Mail => "mail",
        }
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stored use this program does not know: written by a newer one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("key use {0:?} is not known to this version")]
pub struct UnknownKeyUse(String);

impl FromStr for KeyUse {
    type Err = UnknownKeyUse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|key_use| key_use.as_str() == text)
            .ok_or_else(|| UnknownKeyUse(text.into()))
    }
}

/// What opens the ring at start. Its secret is outside the database, so that a copy of one opens nothing.
#[derive(Clone, Debug)]
pub enum Seal {
    /// 32 bytes from a file only the service can read.
    File(Secret<[u8; 32]>),
}

impl Seal {
    /// The check value of this seal, as stored in every row it wrapped: not secret.
    pub fn check(&self) -> [u8; CHECK_BYTES] {
        check_value(self.root(), b"seal")
    }

    const fn root(&self) -> &Secret<[u8; 32]> {
        match self {
            Self::File(root) => root,
        }
    }
}

/// One wrapped key, as stored. `(key_use, epoch)` is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// What the key is for.
    pub key_use: KeyUse,
    /// Starts at 1 and grows by 1 with each rotation.
    pub epoch: u32,
    /// The key, wrapped by the seal.
    pub wrapped: Vec<u8>,
    /// Check value of the key: tells keys apart in evidence without revealing them.
    pub check: [u8; CHECK_BYTES],
    /// Check value of the seal that wrapped it.
    pub seal_check: [u8; CHECK_BYTES],
    /// When the key was made.
    pub created_at: Timestamp,
}

/// An opened key.
pub struct Key {
    /// What it is for.
    pub key_use: KeyUse,
    /// Its epoch, stored beside everything sealed under it.
    pub epoch: u32,
    /// The key.
    pub secret: Secret<[u8; 32]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, epoch {})", self.key_use, self.epoch)
    }
}

/// Why a ring did not open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// The seal is another one than the rows were wrapped with: the operator has the wrong key file.
    #[error("the seal key is not the one this database was sealed with (seal {given}, database {stored})")]
    WrongSeal {
        /// Check value of the seal given, in hex.
        given: String,
        /// Check value in the row, in hex.
        stored: String,
    },
    /// The seal is right, but the row was changed or damaged.
    #[error("key ring row {key_use} epoch {epoch} is damaged")]
    Damaged {
        /// The row's use.
        key_use: KeyUse,
        /// The row's epoch.
        epoch: u32,
    },
    /// Two rows claim the same use and epoch.
    #[error("key ring row {key_use} epoch {epoch} exists twice")]
    Duplicate {
        /// The row's use.
        key_use: KeyUse,
        /// The row's epoch.
        epoch: u32,
    },
}

/// The opened keys, by use and epoch.
#[derive(Debug)]
pub struct KeyRing {
    seal: Seal,
    keys: BTreeMap<(KeyUse, u32), Key>,
}

impl KeyRing {
    /// Opens every row.
    ///
    /// # Errors
    /// [`RingError`] names the first row that does not open and why; nothing is kept then.
    pub fn open(seal: Seal, rows: impl IntoIterator<Item = KeyRow>) -> Result<Self, RingError> {
        let mut ring = Self { seal, keys: BTreeMap::new() };
        for row in rows {
            ring.add(&row)?;
        }
        Ok(ring)
    }

    /// Rows for the uses that have no key yet; empty on a complete ring. Store them, then [`add`](Self::add).
    pub fn new_rows_needed(&self, now: Timestamp, entropy: &dyn Entropy) -> Vec<KeyRow> {
        let missing = KeyUse::ALL.into_iter().filter(|key_use| self.latest(*key_use).is_none());
        missing.map(|key_use| self.rotate(key_use, now, entropy)).collect()
    }

    /// A row with a new key of the next epoch. It takes effect by [`add`](Self::add), after it was stored.
    pub fn rotate(&self, key_use: KeyUse, now: Timestamp, entropy: &dyn Entropy) -> KeyRow {
        let epoch = self.latest(key_use).map_or(1, |key| key.epoch + 1);
        let secret = Secret::new(draw(entropy));
        KeyRow {
            key_use,
            epoch,
            wrapped: envelope::wrap(self.seal.root(), entropy, &row_context(key_use, epoch), secret.expose()),
            check: check_value(&secret, b"key"),
            seal_check: self.seal.check(),
            created_at: now,
        }
    }

    /// Takes a stored row into the ring.
    ///
    /// # Errors
    /// As [`open`](Self::open); the ring is unchanged then.
    pub fn add(&mut self, row: &KeyRow) -> Result<(), RingError> {
        let KeyRow { key_use, epoch, .. } = *row;
        if row.seal_check != self.seal.check() {
            return Err(RingError::WrongSeal {
                given: hex(&self.seal.check()),
                stored: hex(&row.seal_check),
            });
        }
        let secret = envelope::unwrap_key(self.seal.root(), &row_context(key_use, epoch), &row.wrapped)
            .map_err(|_| RingError::Damaged { key_use, epoch })?;
        if !constant_time_eq(&check_value(&secret, b"key"), &row.check) {
            return Err(RingError::Damaged { key_use, epoch });
        }
        if self.keys.contains_key(&(key_use, epoch)) {
            return Err(RingError::Duplicate { key_use, epoch });
        }
        self.keys.insert((key_use, epoch), Key { key_use, epoch, secret });
        Ok(())
    }

    /// The newest key of a use: seal with this one.
    ///
    /// # Panics
    /// On a ring that was never completed with [`new_rows_needed`](Self::new_rows_needed).
    pub fn current(&self, key_use: KeyUse) -> &Key {
        self.latest(key_use).expect("the ring was completed at start")
    }

    /// The key of one epoch, to open what was sealed under it; none when the ring has no such epoch.
    pub fn by_epoch(&self, key_use: KeyUse, epoch: u32) -> Option<&Key> {
        self.keys.get(&(key_use, epoch))
    }

    /// Every key of a use, newest first.
    pub fn epochs(&self, key_use: KeyUse) -> impl Iterator<Item = &Key> {
        self.keys.range((key_use, 0)..=(key_use, u32::MAX)).rev().map(|(_, key)| key)
    }

    fn latest(&self, key_use: KeyUse) -> Option<&Key> {
        self.epochs(key_use).next()
    }
}

/// The index entry of `value` in `field`: equal values of one field give equal entries, nobody without the key
/// can test a guess. For exact search over encrypted fields. Normalize the value first.
pub fn blind_index(key: &Key, field: &str, value: &str) -> [u8; 32] {
    let field_key = kdf::derive(&key.secret, &[b"gabion blind index", field.as_bytes()]);
    MacKey::new(&field_key).sign(value.as_bytes())
}

fn row_context(key_use: KeyUse, epoch: u32) -> Vec<u8> {
    envelope::context(&[b"key_ring", key_use.as_str().as_bytes(), &epoch.to_be_bytes()])
}

fn check_value(key: &Secret<[u8; 32]>, what: &[u8]) -> [u8; CHECK_BYTES] {
    let check = kdf::derive(key, &[b"gabion check value", what]);
    *check.expose().first_chunk().expect("a derived key has more than 8 bytes")
}

fn hex(check: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn seal(byte: u8) -> Seal {
        Seal::File(Secret::new([byte; 32]))
    }

    fn rows() -> Vec<KeyRow> {
        let ring = KeyRing::open(seal(1), []).expect("an empty ring opens");
        ring.new_rows_needed(NOW, &SystemEntropy::new())
    }

    #[test]
    fn an_empty_ring_needs_one_row_per_use_and_then_none() {
        let rows = rows();
        assert_eq!(rows.iter().map(|row| row.key_use).collect::<Vec<_>>(), KeyUse::ALL);
        let ring = KeyRing::open(seal(1), rows).expect("own rows open");
        assert_eq!(ring.new_rows_needed(NOW, &SystemEntropy::new()), []);
    }

    #[test]
    fn the_wrong_seal_is_named() {
        let error = KeyRing::open(seal(2), rows()).expect_err("another seal");
        assert!(matches!(&error, RingError::WrongSeal { given, stored } if given != stored), "{error}");
    }

    #[test]
    fn a_changed_or_moved_row_is_named() {
        let damaged = |change: fn(&mut KeyRow)| {
            let mut rows = rows();
            change(&mut rows[0]);
            KeyRing::open(seal(1), rows).expect_err("a damaged row")
        };
        let expected = RingError::Damaged { key_use: KeyUse::SubjectKek, epoch: 1 };
        assert_eq!(damaged(|row| row.wrapped[20] ^= 1), expected);
        assert_eq!(damaged(|row| row.wrapped.clear()), expected);
        assert_eq!(damaged(|row| row.check[0] ^= 1), expected);
        let moved = damaged(|row| row.epoch = 2);
        assert_eq!(moved, RingError::Damaged { key_use: KeyUse::SubjectKek, epoch: 2 });
    }

    #[test]
    fn rotation_adds_an_epoch_and_keeps_the_old_one() {
        let mut ring = KeyRing::open(seal(1), rows()).expect("own rows open");
        let first = ring.current(KeyUse::Csrf).secret.clone();
        let row = ring.rotate(KeyUse::Csrf, NOW, &SystemEntropy::new());
        assert_eq!(ring.current(KeyUse::Csrf).epoch, 1, "not before it was added");
        ring.add(&row).expect("the new row opens");
        assert_eq!(ring.current(KeyUse::Csrf).epoch, 2);
        assert_ne!(ring.current(KeyUse::Csrf).secret.expose(), first.expose());
        let old = ring.by_epoch(KeyUse::Csrf, 1).expect("the old epoch stays");
        assert_eq!(old.secret.expose(), first.expose());
        assert!(ring.by_epoch(KeyUse::Csrf, 3).is_none());
        assert_eq!(ring.epochs(KeyUse::Csrf).map(|key| key.epoch).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(ring.add(&row), Err(RingError::Duplicate { key_use: KeyUse::Csrf, epoch: 2 }));
    }

    #[test]
    fn blind_indexes_differ_by_field_value_and_key() {
        let ring = KeyRing::open(seal(1), rows()).expect("own rows open");
        let key = ring.current(KeyUse::BlindIndex);
        let entry = blind_index(key, "email", "a@example.com");
        assert_eq!(entry, blind_index(key, "email", "a@example.com"));
        assert_ne!(entry, blind_index(key, "email", "b@example.com"));
        assert_ne!(entry, blind_index(key, "phone", "a@example.com"));
        assert_ne!(entry, blind_index(ring.current(KeyUse::Csrf), "email", "a@example.com"));
    }

    #[test]
    fn names_round_trip_and_unknown_ones_are_named() {
        for key_use in KeyUse::ALL {
            assert_eq!(key_use.as_str().parse(), Ok(key_use));
        }
        assert_eq!("future".parse::<KeyUse>(), Err(UnknownKeyUse("future".into())));
    }

    #[test]
    fn nothing_prints_a_key() {
        let ring = KeyRing::open(seal(1), rows()).expect("own rows open");
        let printed = format!("{ring:?}");
        assert!(printed.contains("Key(csrf, epoch 1)") && printed.contains("Secret(..)"), "{printed}");
    }
}
