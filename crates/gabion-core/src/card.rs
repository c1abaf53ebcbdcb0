//! Finds payment card numbers in foreign text, so that logs and events never keep one.
//!
//! PCI DSS 4.0.1 requirement 3.4.1 allows at most the first six and last four digits to be shown; Gabion keeps
//! only the last four, and only where [`mask`] found a number.

use std::borrow::Cow;

/// Digits of a card number: ISO/IEC 7812-1 allows up to 19; the shortest in use has 13.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Replaces every card number in `text` (13 to 19 digits that pass the Luhn check, single spaces or hyphens
/// between digits allowed) by `[card …1234]`. Text without one is returned as it is.
pub fn mask(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let run = DigitRun::at(bytes, at);
        if let Some(last4) = run.card_last4() {
            let masked = out.get_or_insert_with(String::new);
            masked.push_str(&text[copied..at]);
            masked.push_str("[card …");
            masked.extend(last4.map(|digit| char::from(b'0' + digit)));
            masked.push(']');
            copied = run.end;
        }
        at = run.end;
    }
    match out {
        Some(mut masked) => {
            masked.push_str(&text[copied..]);
            Cow::Owned(masked)
        }
        None => Cow::Borrowed(text),
    }
}

/// Says whether `text` holds a card number as [`mask`] understands it.
pub fn contains(text: &str) -> bool {
    matches!(mask(text), Cow::Owned(_))
}

/// Digits with at most one space or hyphen between neighbours; a longer run than a card is no card.
struct DigitRun {
    digits: [u8; *DIGITS.end()],
    len: usize,
    end: usize,
}

impl DigitRun {
    fn at(bytes: &[u8], start: usize) -> Self {
        let mut run = Self { digits: [0; *DIGITS.end()], len: 0, end: start };
        let mut at = start;
        loop {
            match bytes.get(at) {
                Some(b) if b.is_ascii_digit() => {
                    if let Some(slot) = run.digits.get_mut(run.len) {
                        *slot = b - b'0';
                    }
                    run.len += 1;
                    at += 1;
                    run.end = at;
                }
                Some(b' ' | b'-') if at == run.end && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                    at += 1
                }
                _ => return run,
            }
        }
    }

    fn card_last4(&self) -> Option<[u8; 4]> {
        let digits = self.digits.get(..self.len).filter(|_| DIGITS.contains(&self.len))?;
        let varied = digits.iter().any(|digit| *digit != digits[0]);
        (varied && luhn(digits)).then(|| digits.last_chunk().copied())?
    }
}

/// The Luhn check of ISO/IEC 7812-1 annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &digit)| match (i % 2, u32::from(digit) * 2) {
            (0, doubled) => doubled / 2,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(mask(text), expected);
    }

    #[test]
    fn card_numbers_are_masked() {
        check("/pay?pan=4242424242424242&x=1", "/pay?pan=[card …4242]&x=1");
        check("4242 4242 4242 4242", "[card …4242]");
        check("5555-5555-5555-4444.", "[card …4444].");
        check("378282246310005 and 4111111111111111", "[card …0005] and [card …1111]");
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "4242424242424241",
            "0000000000000000",
            "order 123456789012",
            "12345678901234567890123",
            "4242  4242 4242 4242",
            "2023-11-14T22:13:20Z",
            "",
        ] {
            check(text, text);
        }
    }
}
