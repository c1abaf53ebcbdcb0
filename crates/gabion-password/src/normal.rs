//! One form of a password, however it was typed.

use gabion_core::Secret;
use unicode_normalization::UnicodeNormalization;

/// The form in which passwords are judged, hashed and checked: Unicode NFC, so that the same letters typed on another
/// machine are the same password. Source: NIST SP 800-63B-4 section 3.1.1.2.
pub fn normalize(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_letters_are_the_same_password() {
        let composed = Secret::new("fj\u{f6}rd plum kites".to_owned());
        let decomposed = Secret::new("fjo\u{308}rd plum kites".to_owned());
        assert_eq!(normalize(&composed).expose(), normalize(&decomposed).expose());
    }
}
