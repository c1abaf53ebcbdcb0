//! A script without what is different in every answer: tokens against forgery, numbers of orders, times.

use gabion_crypto::digest::Sha256;

use super::token::{Kind, Tokens};
use crate::hash::ContentHash;

/// Bytes of a script that has a skeleton. Longer ones are files that somebody put into a page, and do not change.
pub const SKELETON_BYTES_MAX: usize = 32 * 1024;

/// Bytes from which a string without a digit looks like a token: words that name something are shorter.
const TOKEN_BYTES_MIN: usize = 16;

/// Words that make code or hide places: in a script that has one, every letter counts.
const TELLING: [&str; 11] = [
    "eval",
    "Function",
    "atob",
    "btoa",
    "fromCharCode",
    "fromCodePoint",
    "decodeURIComponent",
    "unescape",
    "setTimeout",
    "setInterval",
    "import",
];

/// The hash of `script` without its numbers and without strings that look like tokens: only letters, digits, `-`, `_`, `=`
/// and `+`, and either a digit among them or 16 bytes and more. What could be a place, a selector or the name of something
/// stays, so that two scripts with one skeleton send to the same places and read the same fields. `None` when the script makes code or decodes text, or is longer than
/// [`SKELETON_BYTES_MAX`]: then only word for word is the same.
pub fn skeleton(script: &str) -> Option<ContentHash> {
    if script.len() > SKELETON_BYTES_MAX {
        return None;
    }
    let mut hash = Sha256::new();
    for token in Tokens::of(script).filter(super::token::Token::is_code) {
        match token.kind {
            Kind::Number => hash.update(b"0"),
            Kind::Text if is_token_like(token.text) => hash.update(b"''"),
            Kind::Word if TELLING.contains(&token.text) => return None,
            _ => hash.update(token.text.as_bytes()),
        }
        hash.update(b"\n");
    }
    Some(ContentHash::finish(hash))
}

fn is_token_like(text: &str) -> bool {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'+');
    inner.bytes().all(plain)
        && (inner.len() >= TOKEN_BYTES_MIN || inner.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_plain_words_do_not_count_and_places_do() {
        let same = |a: &str, b: &str| skeleton(a) == skeleton(b);
        assert!(same("var t = 'k3J_s=';  send(t, 17)", "var t='zz9';send(t,4.5) // later"));
        assert!(!same("post('/a')", "post('/b')"));
        assert!(!same("post('https://a.example')", "post('https://b.example')"));
        assert!(!same("pick('#card')", "pick('#code')"));
        assert!(!same("pick('card')", "pick('code')"));
        assert!(same("t('abcdefghijklmnopq')", "t('qponmlkjihgfedcba')"));
        assert!(!same("a()", "b()"));
        assert!(!same("f(`a`)", "f(`b`)"));
    }

    #[test]
    fn a_script_that_decodes_has_none() {
        assert_eq!(skeleton("send(atob('aHR0cHM6'))"), None);
        assert_eq!(skeleton(&" ".repeat(SKELETON_BYTES_MAX + 1)), None);
    }
}
