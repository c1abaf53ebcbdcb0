//! What the fuzzer holds against the detectors. The seeds in `fuzz/seeds` run as tests.

/// A fingerprint has one to five kinds, and an unreadable input has but one.
pub fn sqli(bytes: &[u8]) {
    if let Some(found) = super::sqli(bytes) {
        let kinds = found.as_bytes();
        assert!((1..=5).contains(&kinds.len()), "{found:?}");
        assert!(kinds.iter().all(u8::is_ascii_graphic), "{found:?}");
        assert!(kinds.len() == 1 || !kinds.contains(&b'X'), "{found:?}");
    }
}

/// Script needs a tag or the value of an attribute.
pub fn xss(bytes: &[u8]) {
    assert!(!super::xss(bytes) || bytes.iter().any(|byte| matches!(byte, b'<' | b'=')));
}
