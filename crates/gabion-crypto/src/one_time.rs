//! Codes that work once: recovery codes that a customer keeps on paper, and codes sent by mail.
//!
//! Only a [`CodeDigest`] is stored: an HMAC under a key of the ring, over purpose, account and code. A row of the
//! database tells nothing about its code without the key ring, and a row copied to another account or purpose matches
//! nothing there.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use gabion_core::entropy::draw;
use gabion_core::{Entropy, Secret};

use crate::kdf;
use crate::mac::{MacKey, TAG_BYTES};
use crate::ring::{Key, KeyRing, KeyUse};

/// Letters and digits that are not taken for each other (Crockford's base 32): no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a recovery code: 80 bits, beyond guessing even where the digests and their key are known.
pub const RECOVERY_CODE_CHARS: usize = 16;

/// Characters of a group, between hyphens.
const GROUP_CHARS: usize = 4;

/// Digits of a code sent by mail: 26 bits. It needs a short life and few tries.
pub const MAIL_CODE_DIGITS: usize = 8;

const MAIL_CODES: u32 = 100_000_000;

/// Bytes of an entered code at most; more is refused unread.
const ENTERED_BYTES_MAX: usize = 64;

/// What a code is for. A code for one purpose does not work for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Stands for a lost second factor.
    Recovery,
    /// Confirms a sign-in or a sensitive step by mail.
    StepUp,
    /// Proves that an address of mail is the customer's.
    VerifyAddress,
    /// Begins the recovery of an account.
    RecoverAccount,
}

impl Purpose {
    /// The name that is bound into digests. Never renamed.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::StepUp => "step_up",
            Self::VerifyAddress => "verify_address",
            Self::RecoverAccount => "recover_account",
        }
    }
}

/// A code as the customer has it.
pub struct Code(Secret<String>);

impl Code {
    /// A new recovery code: `7k2m-q9xw-03ht-vbn5`.
    pub fn recovery(entropy: &dyn Entropy) -> Self {
        let bytes = Secret::new(draw::<RECOVERY_CODE_CHARS>(entropy));
        // 256 is a multiple of 32, so that each character is equally likely.
        let chars = bytes.expose().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Self(Secret::new(chars.collect()))
    }

    /// A new code to send by mail: eight digits, each of the hundred million equally likely.
    pub fn mail(entropy: &dyn Entropy) -> Self {
        // Numbers beyond the last multiple are drawn again: they would make some codes likelier than others.
        const FAIR: u32 = u32::MAX - u32::MAX % MAIL_CODES;
        loop {
            let number = u32::from_be_bytes(draw(entropy));
            if number < FAIR {
                return Self(Secret::new(format!("{:08}", number % MAIL_CODES)));
            }
        }
    }

    /// Reads what a customer typed: of either case, with spaces and hyphens anywhere, `o` for zero and `i` or `l` for one.
    /// None when it is neither a recovery code nor one from a mail.
    pub fn entered(text: &str) -> Option<Self> {
        if text.len() > ENTERED_BYTES_MAX {
            return None;
        }
        let meant =
            text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            });
        let code = Self(Secret::new(meant.collect()));
        let text = code.0.expose();
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.len() {
            MAIL_CODE_DIGITS if digits => Some(code),
            RECOVERY_CODE_CHARS if text.bytes().all(|b| ALPHABET.contains(&b)) => Some(code),
            _ => None,
        }
    }

    /// The code as it is shown to the customer, once: recovery codes in groups.
    pub fn shown(&self) -> Secret<String> {
        let code = self.0.expose();
        let grouped = code.len() == RECOVERY_CODE_CHARS;
        let shown = code.char_indices().fold(String::new(), |mut shown, (at, c)| {
            if grouped && at > 0 && at % GROUP_CHARS == 0 {
                shown.push('-');
            }
            shown.push(c);
            shown
        });
        Secret::new(shown)
    }

    /// What to store of the code. `account` is the id of whom it is for.
    pub fn digest(&self, purpose: Purpose, account: &[u8], ring: &KeyRing) -> CodeDigest {
        let key = ring.current(KeyUse::OneTimeCode);
        CodeDigest { epoch: key.epoch, tag: self.mac(purpose, account, key) }
    }

    /// Says whether `stored` is the digest of this code, for this purpose and account, in time that does not depend on
    /// how much of it is. Never when the ring has lost the key. That a code works once is the caller's: delete the row
    /// in the transaction that acts on it.
    pub fn is_of(&self, stored: &CodeDigest, purpose: Purpose, account: &[u8], ring: &KeyRing) -> bool {
        ring.by_epoch(KeyUse::OneTimeCode, stored.epoch)
            .is_some_and(|key| crate::constant_time_eq(&self.mac(purpose, account, key), &stored.tag))
    }

    fn mac(&self, purpose: Purpose, account: &[u8], key: &Key) -> [u8; TAG_BYTES] {
        let info: [&[u8]; 3] = [b"gabion one-time code", purpose.as_str().as_bytes(), account];
        MacKey::new(&kdf::derive(&key.secret, &info)).sign(self.0.expose().as_bytes())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// What is stored of a code: `<epoch>.<tag>` as text.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeDigest {
    epoch: u32,
    tag: [u8; TAG_BYTES],
}

impl fmt::Display for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, BASE64URL_NOPAD.encode(&self.tag))
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(..)")
    }
}

/// A stored text that is no digest of a code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the digest of a code")]
pub struct InvalidCodeDigest;

impl FromStr for CodeDigest {
    type Err = InvalidCodeDigest;

    fn from_str(text: &str) -> Result<Self, InvalidCodeDigest> {
        let (epoch, tag) = text.split_once('.').ok_or(InvalidCodeDigest)?;
        let epoch = epoch.parse().map_err(|_| InvalidCodeDigest)?;
        let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).map_err(|_| InvalidCodeDigest)?;
        Ok(Self { epoch, tag: tag.try_into().map_err(|_| InvalidCodeDigest)? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use gabion_core::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{Seal, SystemEntropy};

    fn ring() -> KeyRing {
        let mut ring = KeyRing::open(Seal::File(Secret::new([1; 32])), []).unwrap();
        for row in ring.new_rows_needed(Timestamp::default(), &SystemEntropy::new()) {
            ring.add(&row).unwrap();
        }
        ring
    }

    /// Gives these numbers, the last one first.
    struct Numbers(Mutex<Vec<u32>>);

    impl Entropy for Numbers {
        fn fill(&self, out: &mut [u8]) {
            let number = self.0.lock().unwrap().pop().expect("enough numbers");
            out.copy_from_slice(&number.to_be_bytes());
        }
    }

    #[test]
    fn recovery_codes_come_in_groups_and_differ() {
        let codes: BTreeSet<String> =
            (0..50).map(|_| Code::recovery(&SystemEntropy::new()).shown().expose().clone()).collect();
        assert_eq!(codes.len(), 50);
        for code in &codes {
            let groups: Vec<&str> = code.split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4; 4], "{code}");
            assert!(groups.concat().bytes().all(|b| ALPHABET.contains(&b)), "{code}");
        }
    }

    #[test]
    fn mail_codes_have_eight_digits_and_no_favorites() {
        let of =
            |numbers: &[u32]| Code::mail(&Numbers(Mutex::new(numbers.to_vec()))).shown().expose().clone();
        assert_eq!(of(&[7]), "00000007");
        assert_eq!(of(&[4_199_999_999]), "99999999");
        assert_eq!(of(&[12_345_678, 4_200_000_000, u32::MAX]), "12345678", "the unfair ones are drawn again");
    }

    #[test]
    fn a_code_may_be_typed_in_any_way() {
        let ring = ring();
        let code = Code::entered("7k2m-q9xw-03h1-vbn5").unwrap();
        let stored = code.digest(Purpose::Recovery, b"account", &ring);
        for typed in
            ["7k2mq9xw03h1vbn5", "7K2M-Q9XW-O3HI-VBN5", " 7k2m q9xw o3hl vbn5\n", "7-k2mq9xw0-3h1vbn5"]
        {
            let typed = Code::entered(typed).unwrap();
            assert!(typed.is_of(&stored, Purpose::Recovery, b"account", &ring));
        }
        assert_eq!(Code::entered("1234 5678").unwrap().shown().expose(), "12345678");
        for wrong in [
            "",
            "1234567",
            "123456789",
            "1234567a",
            "7k2m-q9xw-03h1-vbn",
            "7k2m-q9xw-03h1-vbnu",
            "ä".repeat(16).as_str(),
        ] {
            assert!(Code::entered(wrong).is_none(), "{wrong}");
        }
        assert!(Code::entered(&format!("{}12345678", " ".repeat(ENTERED_BYTES_MAX))).is_none());
    }

    #[test]
    fn a_digest_is_of_one_code_purpose_account_and_ring() {
        let ring = ring();
        let code = Code::mail(&SystemEntropy::new());
        let stored: CodeDigest = code.digest(Purpose::StepUp, b"a", &ring).to_string().parse().unwrap();
        assert!(code.is_of(&stored, Purpose::StepUp, b"a", &ring));
        assert!(!code.is_of(&stored, Purpose::StepUp, b"b", &ring));
        for purpose in [Purpose::Recovery, Purpose::VerifyAddress, Purpose::RecoverAccount] {
            assert!(!code.is_of(&stored, purpose, b"a", &ring), "{purpose:?}");
        }
        assert!(!code.is_of(&stored, Purpose::StepUp, b"a", &self::ring()));
        let other = if code.shown().expose() == "00000000" { "00000001" } else { "00000000" };
        assert!(!Code::entered(other).unwrap().is_of(&stored, Purpose::StepUp, b"a", &ring));
    }

    #[test]
    fn codes_go_on_working_after_the_key_was_rotated() {
        let mut ring = ring();
        let code = Code::recovery(&SystemEntropy::new());
        let stored = code.digest(Purpose::Recovery, b"a", &ring);
        let row = ring.rotate(KeyUse::OneTimeCode, Timestamp::default(), &SystemEntropy::new());
        ring.add(&row).unwrap();
        assert!(code.is_of(&stored, Purpose::Recovery, b"a", &ring));
        assert!(code.digest(Purpose::Recovery, b"a", &ring) != stored);
        let lost = CodeDigest { epoch: 9, ..stored };
        assert!(!code.is_of(&lost, Purpose::Recovery, b"a", &ring));
    }

    #[test]
    fn texts_that_are_no_digest_are_refused() {
        for text in ["", ".", "1", "1.", "1.AAAA", "-1.AAAA", "x.AAAA"] {
            assert_eq!(text.parse::<CodeDigest>(), Err(InvalidCodeDigest), "{text}");
        }
    }

    #[test]
    fn nothing_prints_a_code() {
        let code = Code::mail(&SystemEntropy::new());
        assert_eq!(format!("{code:?}"), "Code(..)");
        assert_eq!(format!("{:?}", code.digest(Purpose::StepUp, b"a", &ring())), "CodeDigest(..)");
    }

    proptest! {
        #[test]
        fn entering_never_panics_and_is_stable(text in "\\PC{0,80}|[0-9a-z -]{6,24}") {
            if let Some(code) = Code::entered(&text) {
                let again = Code::entered(code.shown().expose()).expect("what is shown can be entered");
                prop_assert_eq!(again.0.expose(), code.0.expose());
            }
        }
    }
}
