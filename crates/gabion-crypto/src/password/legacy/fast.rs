//! One or a few rounds of MD5 and SHA-1.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// MD5 of a salt, which may be empty, and the password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SaltedMd5(String);

impl SaltedMd5 {
    pub(super) const DIGEST_BYTES: usize = 16;

    pub(super) fn new(salt: &str) -> Self {
        Self(salt.to_owned())
    }

    pub(super) fn digest(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        md5(&[self.0.as_bytes(), password])
    }
}

/// SHA-1 of the password, and twice again of the salt and the hex before.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct OpenCart(String);

impl OpenCart {
    pub(super) const DIGEST_BYTES: usize = 20;

    pub(super) fn new(salt: &str) -> Self {
        Self(salt.to_owned())
    }

    pub(super) fn digest(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let salted = |digest: Zeroizing<Vec<u8>>| {
            let text = Zeroizing::new(format!("{}{}", self.0, HEXLOWER.encode(&digest)));
            sha1(text.as_bytes())
        };
        salted(salted(sha1(password)))
    }
}

/// MD5 of the parts, one behind the other.
pub(super) fn md5(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut digest = Md5::new();
    parts.iter().for_each(|part| digest.update(part));
    Zeroizing::new(digest.finalize().to_vec())
}

fn sha1(data: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, data).as_ref().to_vec())
}
