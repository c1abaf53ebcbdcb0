//! Firebase: scrypt makes a key, and the digest is the project's signer key encrypted under it.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use scrypt::Params;
use zeroize::Zeroizing;

use super::text::{at_most, base64, numbers};
use super::{LegacyError, LegacyFormat, SCRYPT_BLOCK_MAX, SCRYPT_LANES_MAX, SCRYPT_LOG_N_MAX};

/// Bytes of the project's signer key: all known ones have 64.
const SIGNER_KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=64;

/// `$firescrypt$ln=14,r=8,p=1$<salt>$<salt separator>$<signer key>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Firebase {
    log_n: u8,
    block: u8,
    lanes: u8,
    /// The account's salt and the project's separator.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
}

/// Divides the text, in which the digest stands between the two salts.
pub(super) fn split(text: &str) -> Option<(String, Vec<u8>)> {
    let parts: Vec<&str> = text.split('$').collect();
    let ["", "firescrypt", cost, salt, digest, separator, signer_key] = parts[..] else { return None };
    Some((format!("$firescrypt${cost}${salt}${separator}${signer_key}"), base64(digest)?))
}

impl Firebase {
    pub(super) fn parse(setting: &str) -> Result<Self, LegacyError> {
        let malformed = LegacyError::Malformed(LegacyFormat::Firebase);
        let ([log_n, block, lanes], salt, signer_key) = fields(setting).ok_or(malformed.clone())?;
        let log_n = at_most("the logarithm of the cost of scrypt", log_n, SCRYPT_LOG_N_MAX)?;
        let block = at_most("the block size of scrypt", block, SCRYPT_BLOCK_MAX)?;
        let lanes = at_most("the number of lanes of scrypt", lanes, SCRYPT_LANES_MAX)?;
        if log_n == 0 || block == 0 || lanes == 0 || !SIGNER_KEY_BYTES.contains(&signer_key.len()) {
            return Err(malformed);
        }
        Ok(Self { log_n, block, lanes, salt, signer_key })
    }

    pub(super) fn digest_bytes(&self) -> usize {
        self.signer_key.len()
    }

    pub(super) fn memory_kib(&self) -> u32 {
        (u32::from(self.block) << self.log_n) / 8
    }

    pub(super) fn digest(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let params = Params::new(self.log_n, self.block.into(), self.lanes.into())
            .expect("the parameters are within bounds");
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(password, &self.salt, &params, key.as_mut_slice()).expect("scrypt gives 32 bytes");
        let key = UnboundCipherKey::new(&AES_256, key.as_slice()).expect("AES-256 has 32-byte keys");
        let mut out = Zeroizing::new(self.signer_key.clone());
        // The counter begins at zero: each key encrypts this one text.
        let counter = EncryptionContext::Iv128(FixedLength::from([0; 16]));
        EncryptingKey::ctr(key)
            .and_then(|key| key.less_safe_encrypt(&mut out, counter))
            .expect("a counter encrypts any length");
        out
    }
}

type Fields = ([u64; 3], Vec<u8>, Vec<u8>);

/// The costs, the whole salt, and the signer key.
fn fields(setting: &str) -> Option<Fields> {
    let parts: Vec<&str> = setting.split('$').collect();
    let ["", "firescrypt", cost, salt, separator, signer_key] = parts[..] else { return None };
    let salt = [base64(salt)?, base64(separator)?].concat();
    Some((numbers(cost, ["ln", "r", "p"])?, salt, base64(signer_key)?))
}
