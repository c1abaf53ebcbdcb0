//! Ciphers, MACs, signatures, key ring and password hashing; the only crate that names cipher crates.
//!
//! Everything here is an engine: no IO, no clock, no randomness but what is handed in. [`SystemEntropy`] is the
//! randomness the binary hands down; only new [token keys](jws::TokenKey) and signatures on P-256 take the cipher
//! library's own. That one library is aws-lc-rs. The named exceptions are for passwords: argon2, and bcrypt, scrypt
//! and MD5 for hashes that come from other shops.
//!
//! The hierarchy: a [`ring::Seal`] (root, 32 bytes, outside the database) wraps the keys of the
//! [`ring::KeyRing`] (one per [`ring::KeyUse`] and epoch); those wrap data keys ([`envelope::wrap`]) or derive
//! them ([`kdf`]); a derived key encrypts exactly one plaintext ([`envelope::seal_once`]).

pub mod digest;
pub mod entropy;
pub mod envelope;
pub mod fuzz;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod kdf;
pub mod mac;
pub mod one_time;
pub mod password;
pub mod ring;
pub mod sign;
pub mod signature;
pub mod totp;

pub use entropy::{EntropyAhead, SystemEntropy};
pub use mac::constant_time_eq;
pub use ring::{KeyRing, KeyRow, KeyUse, Seal};
pub use signature::VerifyingKey;
