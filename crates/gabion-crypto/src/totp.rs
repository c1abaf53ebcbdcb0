//! Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of 30 seconds, which every app knows.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use gabion_core::entropy::draw;
use gabion_core::{Entropy, Secret, Timestamp};

use crate::constant_time_eq;

/// Bytes of a secret: as long as the digest (RFC 4226 section 4, R6).
pub const SECRET_BYTES: usize = 20;

/// Digits of a code.
pub const DIGITS: usize = 6;

/// Codes of that many digits.
const CODES: u32 = 1_000_000;

/// Seconds of one step (RFC 6238 section 5.2).
pub const STEP_SECONDS: i64 = 30;

/// Steps that a device's clock may be off in either direction (RFC 6238 section 5.2 advises one for delay).
pub const STEPS_OFF_MAX: u64 = 1;

/// A new secret. Keep it encrypted: whoever has it makes codes.
pub fn new_secret(entropy: &dyn Entropy) -> Secret<[u8; SECRET_BYTES]> {
    Secret::new(draw(entropy))
}

/// The secret as customers type it into an app: 32 characters of base32 (RFC 4648 section 6).
pub fn base32(secret: &Secret<[u8; SECRET_BYTES]>) -> Secret<String> {
    Secret::new(BASE32_NOPAD.encode(secret.expose()))
}

/// The `otpauth://` address that apps read from a picture. `issuer` is the shop's name, `account` the customer's.
pub fn address(secret: &Secret<[u8; SECRET_BYTES]>, issuer: &str, account: &str) -> Secret<String> {
    let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
    Secret::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        base32(secret).expose(),
    ))
}

/// The step whose code this is: the one of `now`, or a neighbor. Spaces in the code are ignored. Store the step with the
/// same transaction that acts on it, and give it again as `last_used_step`: a step at or before it is never taken, so
/// that nobody uses a code that they saw (RFC 6238 section 5.2).
pub fn verify(
    secret: &Secret<[u8; SECRET_BYTES]>,
    code: &str,
    now: Timestamp,
    last_used_step: Option<u64>,
) -> Option<u64> {
    let given: String = code.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let present = u64::try_from(now.seconds() / STEP_SECONDS).ok()?;
    let window = present.saturating_sub(STEPS_OFF_MAX)..=present + STEPS_OFF_MAX;
    // Every step is compared, so that the time tells nothing about which one it was.
    window.fold(None, |found, step| {
        let right = constant_time_eq(given.as_bytes(), code_of(secret, step).as_bytes());
        let unused = last_used_step.is_none_or(|last| step > last);
        if right && unused { Some(step) } else { found }
    })
}

/// What an app with this secret shows at a time; none before 1970. For drills and tests.
pub fn shown_at(secret: &Secret<[u8; SECRET_BYTES]>, now: Timestamp) -> Option<String> {
    u64::try_from(now.seconds() / STEP_SECONDS).ok().map(|step| code_of(secret, step))
}

/// RFC 4226 section 5.3.
fn code_of(secret: &Secret<[u8; SECRET_BYTES]>, step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0xf);
    let four = tag[offset..].first_chunk().expect("20 bytes have four behind the sixteenth");
    let number = u32::from_be_bytes(*four) & 0x7fff_ffff;
    format!("{:0DIGITS$}", number % CODES)
}

/// RFC 3986 section 2.3: everything but unreserved characters is encoded.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    /// The secret of RFC 6238 appendix B.
    fn secret() -> Secret<[u8; SECRET_BYTES]> {
        Secret::new(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// The table has eight digits; six of them are the last six.
    #[test]
    fn rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(verify(&secret(), code, at(seconds), None), Some(step), "{seconds}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step_and_not_by_two() {
        let code = code_of(&secret(), 100);
        for (step, expected) in [(98, None), (99, Some(100)), (100, Some(100)), (101, Some(100)), (102, None)]
        {
            assert_eq!(verify(&secret(), &code, at(step * 30 + 29), None), expected, "{step}");
        }
    }

    #[test]
    fn a_step_is_used_once_and_none_before_it() {
        let codes: Vec<_> = (99..=101).map(|step| code_of(&secret(), step)).collect();
        let verify = |code: &str, last| verify(&secret(), code, at(3000), last);
        assert_eq!(verify(&codes[1], Some(99)), Some(100));
        assert_eq!(verify(&codes[1], Some(100)), None);
        assert_eq!(verify(&codes[0], Some(100)), None);
        assert_eq!(verify(&codes[2], Some(100)), Some(101));
    }

    #[test]
    fn codes_may_have_spaces_and_nothing_else() {
        let verify = |code: &str| verify(&secret(), code, at(59), None);
        assert_eq!(verify(" 287 082"), Some(1));
        for wrong in ["", "287083", "28708", "2870820", "94287082", "287-082", "２８７０８２"] {
            assert_eq!(verify(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_step_and_times_before_it_do_no_harm() {
        assert_eq!(verify(&secret(), &code_of(&secret(), 0), at(0), None), Some(0));
        assert_eq!(verify(&secret(), "287082", at(-59), None), None);
    }

    #[test]
    fn the_address_names_shop_and_account() {
        let expected = "otpauth://totp/Tee%20%26%20Mehr:a%40b.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
            &issuer=Tee%20%26%20Mehr&algorithm=SHA1&digits=6&period=30";
        assert_eq!(address(&secret(), "Tee & Mehr", "a@b.example").expose(), expected);
        assert_eq!(base32(&secret()).expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn two_secrets_differ() {
        let entropy = SystemEntropy::new();
        assert_ne!(new_secret(&entropy).expose(), new_secret(&entropy).expose());
    }
}
