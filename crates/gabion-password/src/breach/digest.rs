//! A password as the lists name it.

use data_encoding::HEXUPPER;
use gabion_core::Secret;
use gabion_crypto::digest::sha1_of_leaked_password;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::line::{DigestPrefix, PREFIX_DIGITS};
use crate::normal::normalize;

/// The SHA-1 digest of a password, as secret as the password: it is quickly guessed from it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct LeakDigest([u8; 20]);

impl LeakDigest {
    /// The digest of `password`, normalized.
    pub fn of(password: &Secret<String>) -> Self {
        Self(sha1_of_leaked_password(normalize(password).expose().as_bytes()))
    }

    /// The first 64 bits, which a filter is asked about.
    pub(super) fn key(&self) -> u64 {
        let first = self.0.first_chunk().expect("a digest has 20 bytes");
        u64::from_be_bytes(*first)
    }

    /// The first five digits, which a list's public interface is asked about.
    pub fn prefix(&self) -> DigestPrefix {
        DigestPrefix::of_key(self.key())
    }

    /// The other 35 digits, upper case.
    pub(super) fn suffix(&self) -> Secret<String> {
        let mut digits = HEXUPPER.encode(&self.0);
        let suffix = Secret::new(digits[PREFIX_DIGITS..].to_owned());
        digits.zeroize();
        suffix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_lists() {
        // printf password | sha1sum
        let digest = LeakDigest::of(&Secret::new("password".to_owned()));
        assert_eq!(digest.prefix().to_string(), "5BAA6");
        assert_eq!(digest.suffix().expose(), "1E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(digest.key(), 0x5baa_61e4_c9b9_3f3f);
    }
}
