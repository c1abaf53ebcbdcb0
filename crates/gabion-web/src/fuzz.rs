//! What the fuzzer holds against this crate's parsers. The seeds in `fuzz/seeds` run as tests.

use crate::page::{LIMIT_MAX, Page};
use crate::{AllowedHosts, Cursor};

/// A query that parses asks for a page within its limits, and its cursor is written as one that parses again.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(page) = Page::parse(&text) {
        assert!((1..=LIMIT_MAX).contains(&page.limit));
        if let Some(cursor) = page.cursor {
            let again = Page::parse(&format!("cursor={cursor}")).expect("our own cursors parse");
            assert_eq!(again.cursor, Some(cursor));
        }
    }
}

/// Whatever a `Host` says, only listed names are allowed.
pub fn host(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let position = Cursor::after(&text);
    assert_eq!(position.position(), text);
    let allowed = AllowedHosts::new(["localhost", "[::1]"]).allow(&text);
    let lower = text.to_ascii_lowercase();
    assert!(!allowed || lower.contains("localhost") || lower.contains("[::1]"), "{text}");
}

#[cfg(test)]
mod tests {
    use gabion_test::seeds;

    #[test]
    fn query_seeds_hold() {
        seeds::each("query", super::query);
    }

    #[test]
    fn host_seeds_hold() {
        seeds::each("host", super::host);
    }
}
