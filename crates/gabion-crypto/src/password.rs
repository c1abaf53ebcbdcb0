//! Password hashing: argon2id, then a keyed step whose key is outside the database.
//!
//! A stored hash reads `$argon2id-hmac$v=19$m=19456,t=2,p=1,k=1$<salt>$<tag>`, where `k` is the epoch of the
//! pepper key and `tag` is HMAC-SHA-256 over the argon2id output. A stolen table without the key ring cannot be
//! searched for weak passwords at all.
//!
//! A hash that a customer brought along from a shop ([`LegacyHash`]) is stored in the same form, the argon2id being of
//! the old digest. Behind the tag stands how to compute that from a password: `…$<tag>$phpass:$P$BabcdEFGH`.
//!
//! Each hash holds its memory only while it runs; who calls decides how many run at once.

pub mod legacy;

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64_NOPAD;
use gabion_core::entropy::draw;
use gabion_core::{Blame, Entropy, Secret};
use zeroize::Zeroizing;

use crate::mac::MacKey;
use crate::ring::{Key, KeyRing, KeyUse};

pub use legacy::{LegacyError, LegacyFormat, LegacyHash};

use legacy::recipe::Recipe;

/// Memory of one hash in KiB. Source: OWASP Password Storage Cheat Sheet, argon2id m=19456, t=2, p=1.
pub const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory; same source.
pub const PASSES: u32 = 2;
/// Lanes; same source.
pub const LANES: u32 = 1;

/// Most memory a stored hash may ask for, in KiB: a changed row must not exhaust the machine.
pub const MEMORY_KIB_MAX: u32 = 65_536;
/// Most passes a stored hash may ask for.
pub const PASSES_MAX: u32 = 4;
/// Most lanes a stored hash may ask for.
pub const LANES_MAX: u32 = 4;

/// Bytes of the longest password: room for any passphrase, too little to keep a hashing thread busy.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Salt bytes; NIST SP 800-63B-4 section 3.1.1.2 asks for at least 4.
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;
const ALGORITHM: &str = "argon2id-hmac";

/// A stored password hash, parsed and within bounds.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: Cost,
    epoch: u32,
    salt: [u8; SALT_BYTES],
    tag: [u8; TAG_BYTES],
    /// How the shop before us hashed, when what is hashed here is its digest.
    legacy: Option<Recipe>,
}

impl PasswordHash {
    /// Memory that checking a password against it takes, in KiB. More than [`MEMORY_KIB`] only for imported hashes that
    /// ask for it: argon2 and scrypt of other shops.
    pub fn memory_kib(&self) -> u32 {
        let legacy = self.legacy.as_ref().map_or(0, Recipe::memory_kib);
        self.cost.memory_kib.max(legacy)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    const CURRENT: Self = Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };

    fn in_bounds(self) -> bool {
        (1..=LANES_MAX).contains(&self.lanes)
            && (1..=PASSES_MAX).contains(&self.passes)
            && (8 * self.lanes..=MEMORY_KIB_MAX).contains(&self.memory_kib)
    }
}

/// What a password check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match,
    /// The password is right, but the hash uses an old cost or pepper, or is an imported one: hash the password again
    /// and store that.
    MatchNeedsRehash,
    /// The password is wrong.
    Mismatch,
}

/// A password that could not be hashed or checked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Longer than [`PASSWORD_BYTES_MAX`].
    #[error("password longer than {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// The hash needs a pepper this key ring does not have.
    #[error("no password pepper of epoch {epoch} in the key ring")]
    PepperMissing {
        /// The epoch the hash names.
        epoch: u32,
    },
    /// The machine has no memory for one more hash.
    #[error("no memory left for hashing")]
    OutOfMemory,
}

impl PasswordError {
    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::TooLong => Blame::Client,
            Self::PepperMissing { .. } | Self::OutOfMemory => Blame::Operator,
        }
    }
}

/// A stored text that is no hash of ours, or asks for more than the bounds allow.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a password hash this version accepts")]
pub struct InvalidPasswordHash;

/// Hashes a password at the current cost, under the current pepper. Takes tens of milliseconds of one core and 19 MiB.
///
/// # Errors
/// [`PasswordError::TooLong`] and [`PasswordError::OutOfMemory`].
pub fn hash(
    password: &Secret<String>,
    ring: &KeyRing,
    entropy: &dyn Entropy,
) -> Result<PasswordHash, PasswordError> {
    stretch(bounded(password)?.as_bytes(), ring, entropy)
}

/// Checks a password against a stored hash; as costly as [`hash`], and for an imported one as the old hash besides.
///
/// # Errors
/// Every [`PasswordError`].
pub fn verify(
    password: &Secret<String>,
    stored: &PasswordHash,
    ring: &KeyRing,
) -> Result<Verdict, PasswordError> {
    let password = bounded(password)?;
    let pepper = ring
        .by_epoch(KeyUse::PasswordPepper, stored.epoch)
        .ok_or(PasswordError::PepperMissing { epoch: stored.epoch })?;
    let right = match &stored.legacy {
        None => stored.is_of(password.as_bytes(), pepper)?,
        Some(recipe) => {
            let digests = recipe.digests(password)?;
            digests.iter().try_fold(false, |right, digest| Ok(right | stored.is_of(digest, pepper)?))?
        }
    };
    let current = stored.legacy.is_none()
        && stored.cost == Cost::CURRENT
        && pepper.epoch == ring.current(KeyUse::PasswordPepper).epoch;
    Ok(match (right, current) {
        (false, _) => Verdict::Mismatch,
        (true, true) => Verdict::Match,
        (true, false) => Verdict::MatchNeedsRehash,
    })
}

/// A hash that no password matches, to be checked for accounts that do not exist: the answer then takes as long
/// as for those that do.
pub fn dummy(ring: &KeyRing) -> PasswordHash {
    PasswordHash {
        cost: Cost::CURRENT,
        epoch: ring.current(KeyUse::PasswordPepper).epoch,
        salt: [0; SALT_BYTES],
        tag: [0; TAG_BYTES],
        legacy: None,
    }
}

impl PasswordHash {
    /// Says whether it was made of `input`, in time that does not depend on how much of it is right.
    fn is_of(&self, input: &[u8], pepper: &Key) -> Result<bool, PasswordError> {
        Ok(crate::constant_time_eq(&tag(input, self.cost, &self.salt, pepper)?, &self.tag))
    }
}

fn bounded(password: &Secret<String>) -> Result<&str, PasswordError> {
    let password = password.expose();
    if password.len() > PASSWORD_BYTES_MAX { Err(PasswordError::TooLong) } else { Ok(password) }
}

/// The hash of a password or of an old digest, at the current cost and under the current pepper.
fn stretch(input: &[u8], ring: &KeyRing, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    let pepper = ring.current(KeyUse::PasswordPepper);
    let salt = draw(entropy);
    let tag = tag(input, Cost::CURRENT, &salt, pepper)?;
    Ok(PasswordHash { cost: Cost::CURRENT, epoch: pepper.epoch, salt, tag, legacy: None })
}

fn tag(input: &[u8], cost: Cost, salt: &[u8], pepper: &Key) -> Result<[u8; TAG_BYTES], PasswordError> {
    let mut stretched = Zeroizing::new([0; 32]);
    argon2(Algorithm::Argon2id, Version::V0x13, cost, input, salt, stretched.as_mut_slice())?;
    Ok(MacKey::new(&pepper.secret).sign(stretched.as_slice()))
}

/// Fills `out`. Costs, salt and the length of `out` are within the bounds of argon2: whoever parsed them saw to it.
fn argon2(
    algorithm: Algorithm,
    version: Version,
    cost: Cost,
    input: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), PasswordError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(out.len()))
        .expect("costs and lengths are in bounds");
    match Argon2::new(algorithm, version, params).hash_password_into(input, salt, out) {
        Ok(()) => Ok(()),
        Err(argon2::Error::OutOfMemory) => Err(PasswordError::OutOfMemory),
        Err(other) => unreachable!("argon2 refused bounded input: {other}"),
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, tag) = (BASE64_NOPAD.encode(&self.salt), BASE64_NOPAD.encode(&self.tag));
        write!(f, "${ALGORITHM}$v=19$m={memory_kib},t={passes},p={lanes},k={}${salt}${tag}", self.epoch)?;
        self.legacy.as_ref().map_or(Ok(()), |recipe| write!(f, "${recipe}"))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl FromStr for PasswordHash {
    type Err = InvalidPasswordHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The recipe comes last and may contain the sign itself.
        let mut parts = text.splitn(7, '$');
        let mut next = || parts.next().ok_or(InvalidPasswordHash);
        if (next()?, next()?, next()?) != ("", ALGORITHM, "v=19") {
            return Err(InvalidPasswordHash);
        }
        let (cost, epoch) = parse_parameters(next()?)?;
        let (salt, tag) = (decode(next()?)?, decode(next()?)?);
        if !cost.in_bounds() {
            return Err(InvalidPasswordHash);
        }
        let legacy = parts.next().map(str::parse).transpose().map_err(|_| InvalidPasswordHash)?;
        Ok(Self { cost, epoch, salt, tag, legacy })
    }
}

fn parse_parameters(text: &str) -> Result<(Cost, u32), InvalidPasswordHash> {
    let mut parts = text.split(',');
    let mut number = |name| {
        let digits = parts.next().and_then(|part| part.strip_prefix(name)).ok_or(InvalidPasswordHash)?;
        digits.parse::<u32>().map_err(|_| InvalidPasswordHash)
    };
    let cost = Cost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    let epoch = number("k=")?;
    if parts.next().is_some() { Err(InvalidPasswordHash) } else { Ok((cost, epoch)) }
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], InvalidPasswordHash> {
    let bytes = BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidPasswordHash)?;
    bytes.try_into().map_err(|_| InvalidPasswordHash)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use gabion_core::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{Seal, SystemEntropy};

    fn ring() -> KeyRing {
        let mut ring = KeyRing::open(Seal::File(Secret::new([1; 32])), []).expect("an empty ring opens");
        for row in ring.new_rows_needed(Timestamp::default(), &SystemEntropy::new()) {
            ring.add(&row).expect("own rows open");
        }
        ring
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    /// From the test program of the reference implementation (version 0x13, t=2, m=64 MiB, p=1).
    #[test]
    fn argon2id_reference_vector() {
        let cost = Cost { memory_kib: 65_536, passes: 2, lanes: 1 };
        let mut out = [0; 32];
        argon2(Algorithm::Argon2id, Version::V0x13, cost, b"password", b"somesalt", &mut out)
            .expect("hashes");
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(HEXLOWER.encode(&out), expected);
    }

    #[test]
    fn the_right_password_matches_after_storing() {
        let ring = ring();
        let hash = hash(&secret("correct horse battery"), &ring, &SystemEntropy::new()).expect("hashes");
        let stored: PasswordHash = hash.to_string().parse().expect("own hashes parse");
        assert!(stored == hash);
        assert_eq!(verify(&secret("correct horse battery"), &stored, &ring), Ok(Verdict::Match));
        assert_eq!(verify(&secret("correct horse batterz"), &stored, &ring), Ok(Verdict::Mismatch));
        assert_eq!(format!("{stored:?}"), "PasswordHash(..)");
    }

    #[test]
    fn an_old_pepper_asks_for_a_rehash_and_a_lost_one_is_named() {
        let mut rotated = ring();
        let hash = hash(&secret("tea"), &rotated, &SystemEntropy::new()).expect("hashes");
        let row = rotated.rotate(KeyUse::PasswordPepper, Timestamp::default(), &SystemEntropy::new());
        rotated.add(&row).expect("the new row opens");
        assert_eq!(verify(&secret("tea"), &hash, &rotated), Ok(Verdict::MatchNeedsRehash));

        let future = PasswordHash { epoch: 9, ..hash };
        assert_eq!(verify(&secret("tea"), &future, &rotated), Err(PasswordError::PepperMissing { epoch: 9 }));
    }

    #[test]
    fn an_old_cost_asks_for_a_rehash() {
        let ring = ring();
        let cost = Cost { memory_kib: 7168, passes: 1, lanes: 1 };
        let salt = [4; SALT_BYTES];
        let tag = tag(b"tea", cost, &salt, ring.current(KeyUse::PasswordPepper)).expect("hashes");
        let old = PasswordHash { cost, epoch: 1, salt, tag, legacy: None };
        assert_eq!(verify(&secret("tea"), &old, &ring), Ok(Verdict::MatchNeedsRehash));
    }

    #[test]
    fn another_pepper_matches_nothing() {
        let hash = hash(&secret("tea"), &ring(), &SystemEntropy::new()).expect("hashes");
        assert_eq!(verify(&secret("tea"), &hash, &ring()), Ok(Verdict::Mismatch));
    }

    #[test]
    fn nothing_matches_the_dummy() {
        let ring = ring();
        assert_eq!(verify(&secret(""), &dummy(&ring), &ring), Ok(Verdict::Mismatch));
    }

    #[test]
    fn too_long_passwords_are_refused_before_hashing() {
        let long = secret(&"x".repeat(PASSWORD_BYTES_MAX + 1));
        assert_eq!(hash(&long, &ring(), &SystemEntropy::new()), Err(PasswordError::TooLong));
    }

    #[test]
    fn foreign_and_costly_hashes_are_refused() {
        let good = dummy(&ring()).to_string();
        assert!(good.parse::<PasswordHash>().is_ok());
        for (from, to) in [
            ("argon2id-hmac", "argon2id"),
            ("v=19", "v=16"),
            ("m=19456", "m=65537"),
            ("m=19456", "m=7"),
            ("m=19456", "m=99999999999"),
            ("t=2", "t=5"),
            ("t=2", "t=0"),
            ("p=1", "p=5"),
            ("p=1", "p=0"),
            ("k=1", "k=1,x=1"),
            ("k=1", "k=-1"),
            ("$AAAA", "$AAA"),
            ("$AAAA", "$A!AA"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from} occurs");
            assert_eq!(bad.parse::<PasswordHash>(), Err(InvalidPasswordHash), "{bad}");
        }
        assert_eq!(format!("{good}$").parse::<PasswordHash>(), Err(InvalidPasswordHash));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,120}") {
            prop_assert!(text.parse::<PasswordHash>().is_err());
        }
    }
}
