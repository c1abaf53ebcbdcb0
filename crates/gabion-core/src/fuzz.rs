//! What the fuzzer holds against this crate's parsers. The seeds in `fuzz/seeds` run as tests.

use crate::{EventId, SiteId, Timestamp, card};

/// Masking is stable, keeps nothing that looks like a card, and leaves other text alone.
pub fn card(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let masked = card::mask(&text);
    assert_eq!(card::contains(&text), masked != text);
    assert!(!card::contains(&masked), "{masked} still holds a card number");
}

/// Whatever parses is written as it was read, or the same when read again.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = text.parse::<EventId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(site) = text.parse::<SiteId>() {
        assert_eq!(site.as_str(), text);
    }
    if let Ok(site) = SiteId::from_name(&text) {
        assert_eq!(site.as_str().parse(), Ok(site));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        assert_eq!(at.to_string().parse(), Ok(at));
    }
}

#[cfg(test)]
mod tests {
    use gabion_test::seeds;

    #[test]
    fn card_seeds_hold() {
        seeds::each("card", super::card);
    }

    #[test]
    fn name_seeds_hold() {
        seeds::each("names", super::names);
    }
}
