//! Takes out of addresses what a log must not keep: card numbers, and values whose names sound like secrets.

use std::borrow::Cow;

use gabion_core::card;
use percent_encoding::percent_decode;

/// What stands in place of a value.
const MASKED: &str = "[masked]";
/// Words at the end of a name that say its value is a secret: `token`, `access_token`, `apiKey`, `user[password]`.
const SECRET_ENDINGS: [&str; 18] = [
    "token",
    "key",
    "secret",
    "password",
    "passwd",
    "pwd",
    "pass",
    "auth",
    "authorization",
    "signature",
    "session",
    "sessionid",
    "jwt",
    "otp",
    "cvc",
    "cvv",
    "card",
    "iban",
];
/// Names that say so only when they stand alone.
const SECRET_NAMES: [&str; 5] = ["code", "sid", "sig", "pin", "pan"];

/// A text with card numbers masked, also those written with escapes or plus signs.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let plain = mask(String::from_utf8_lossy(bytes));
    if !bytes.iter().any(|b| matches!(b, b'%' | b'+')) {
        return plain;
    }
    let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let decoded = percent_decode(&spaced).decode_utf8_lossy();
    match card::mask(&decoded) {
        Cow::Owned(masked) => Cow::Owned(masked),
        Cow::Borrowed(_) => plain,
    }
}

fn mask(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => card::mask(text),
        Cow::Owned(text) => Cow::Owned(card::mask(&text).into_owned()),
    }
}

/// Hands the pieces of a query, without its secrets, to `put`.
pub(crate) fn query(bytes: &[u8], put: &mut dyn FnMut(&str)) {
    for (i, pair) in bytes.split(|b| matches!(b, b'&' | b';')).enumerate() {
        if i > 0 {
            put("&");
        }
        match pair.iter().position(|b| *b == b'=') {
            Some(at) if is_secret(&pair[..at]) => {
                put(&text(&pair[..at]));
                put("=");
                put(MASKED);
            }
            _ => put(&text(pair)),
        }
    }
}

/// Hands the pieces of an address with a query, such as a referrer, to `put`. Fragments are left out.
pub(super) fn address(bytes: &[u8], put: &mut dyn FnMut(&str)) {
    let bytes = bytes.split(|b| *b == b'#').next().unwrap_or_default();
    match bytes.iter().position(|b| *b == b'?') {
        Some(at) => {
            put(&text(&bytes[..at]));
            put("?");
            query(&bytes[at + 1..], put);
        }
        None => put(&text(bytes)),
    }
}

/// An address with a query as the access log tells it: without card numbers, values of secret names and fragments.
pub fn redacted_address(bytes: &[u8]) -> String {
    let mut out = String::new();
    address(bytes, &mut |piece| out.push_str(piece));
    out
}

/// Whether the name of a value says that it is a secret.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    let name = percent_decode(name).decode_utf8_lossy().to_ascii_lowercase();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    SECRET_NAMES.contains(&name) || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        let mut out = String::new();
        query(raw.as_bytes(), &mut |piece| out.push_str(piece));
        assert_eq!(out, expected, "{raw}");
    }

    #[test]
    fn values_of_secret_names_are_masked() {
        check("token=abc&q=tea", "token=[masked]&q=tea");
        check("user%5Bpassword%5D=x", "user%5Bpassword%5D=[masked]");
        check("apiKey=1;access_token=2", "apiKey=[masked]&access_token=[masked]");
        check("code=4711&postcode=10115", "code=[masked]&postcode=10115");
        check("password", "password");
        check("keyword=tea&page=2", "keyword=tea&page=2");
        check("", "");
    }

    #[test]
    fn card_numbers_are_masked_however_they_are_written() {
        check("n=4242424242424242", "n=[card …4242]");
        check("n=4242+4242+4242+4242", "n=[card …4242]");
        check("n=4242%204242%204242%204242", "n=[card …4242]");
        check("n=%34242424242424242&a=%20", "n=[card …4242]&a=%20");
    }

    #[test]
    fn addresses_lose_secrets_and_fragments() {
        let out = redacted_address(b"https://shop.example/reset/4242424242424242?token=a&x=1#access_token=b");
        assert_eq!(out, "https://shop.example/reset/[card …4242]?token=[masked]&x=1");
    }
}
