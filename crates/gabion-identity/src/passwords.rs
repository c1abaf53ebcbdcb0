//! Checking and hashing passwords, on the bounded pool.

use std::sync::Arc;

use gabion_core::{Entropy, Secret};
use gabion_crypto::password::{self, PASSWORD_BYTES_MAX, PasswordError, PasswordHash, Verdict};
use gabion_store::Db;

use crate::hash_pool::HashPool;
use crate::password::normalize;

/// The one place where staff's and customers' passwords are hashed: one pool bounds what both may cost. Clones share it.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<HashPool>,
    db: Db,
    entropy: Arc<dyn Entropy>,
}

/// What a check found.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) matches: bool,
    /// A better hash of the same password, where the stored one is of an old cost, pepper or kind.
    pub(crate) better: Option<PasswordHash>,
}

/// Why a password was neither checked nor hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotHashed {
    /// Too many wait.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// Something is wrong with the hash.
    #[error(transparent)]
    Hashing(#[from] PasswordError),
}

impl Passwords {
    /// Starts the threads. The database's key ring holds the pepper.
    ///
    /// # Panics
    /// When the operating system starts no more threads.
    pub fn new(threads: usize, db: Db, entropy: Arc<dyn Entropy>) -> Self {
        Self { pool: Arc::new(HashPool::new(threads)), db, entropy }
    }

    /// Checks a password; without a stored hash against one that nothing matches, which takes as long.
    pub(crate) async fn check(
        &self,
        given: Secret<String>,
        stored: Option<PasswordHash>,
    ) -> Result<Checked, NotHashed> {
        let refused = Checked { matches: false, better: None };
        if given.expose().len() > PASSWORD_BYTES_MAX {
            return Ok(refused);
        }
        let (keys, entropy) = (self.db.keys(), Arc::clone(&self.entropy));
        let work = move || -> Result<Checked, PasswordError> {
            let given = normalize(&given);
            if given.expose().len() > PASSWORD_BYTES_MAX {
                return Ok(refused);
            }
            let stored = stored.unwrap_or_else(|| password::dummy(&keys));
            Ok(match password::verify(&given, &stored, &keys)? {
                Verdict::Mismatch => refused,
                Verdict::Match => Checked { matches: true, better: None },
                Verdict::MatchNeedsRehash => {
                    Checked { matches: true, better: Some(password::hash(&given, &keys, &*entropy)?) }
                }
            })
        };
        Ok(self.pool.run(work).await.map_err(|_| NotHashed::Busy)??)
    }

    /// Hashes a password that was accepted and normalized.
    pub(crate) async fn hash(&self, accepted: Secret<String>) -> Result<PasswordHash, NotHashed> {
        let (keys, entropy) = (self.db.keys(), Arc::clone(&self.entropy));
        let work = move || password::hash(&accepted, &keys, &*entropy);
        Ok(self.pool.run(work).await.map_err(|_| NotHashed::Busy)??)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords(..)")
    }
}
