//! Ciphers, MACs, key ring and password hashing; the only crate that names cipher crates.
