//! Card numbers in bytes that pass: digits with a valid check digit and the beginning of an issuer in use.

use std::ops::Range;

/// Digits of card numbers in use.
const DIGITS_MIN: usize = 14;
const DIGITS_MAX: usize = 19;
/// Digits that stay when a number is masked.
const LAST_DIGITS_SHOWN: usize = 4;

/// Card numbers that begin in `window[from..until]`.
pub(super) fn numbers(window: &[u8], from: usize, until: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = from;
    std::iter::from_fn(move || {
        while at < until {
            if !window[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let start = at;
            let end = run_end(window, at);
            at = end.max(at + 1);
            if !continues(window, start) && is_card(&window[start..end], window.get(end)) {
                return Some(start..end);
            }
        }
        None
    })
}

/// Leaves the last four digits of a card number, and as many bytes as it had (PCI DSS 4.0.1 requirement 3.4.1 allows more).
/// A number in JSON stays one.
pub(super) fn mask(window: &mut [u8], number: Range<usize>) {
    let before = window[..number.start].iter().rev().find(|byte| !byte.is_ascii_whitespace());
    let is_bare =
        matches!(before, Some(b':' | b'[' | b',')) && window[number.clone()].iter().all(u8::is_ascii_digit);
    let hidden = if is_bare { b'0' } else { b'*' };
    let digits: Vec<_> = number.filter(|at| window[*at].is_ascii_digit()).collect();
    let shown = digits.len().saturating_sub(LAST_DIGITS_SHOWN);
    for at in digits.into_iter().take(shown).skip(usize::from(is_bare)) {
        window[at] = hidden;
    }
}

/// The end of a run of digits with at most one space or hyphen between neighbors. A longer run than any card ends as
/// soon as that is plain.
fn run_end(window: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < window.len() {
        let is_gap = matches!(window[at], b' ' | b'-')
            && at > start
            && window[at - 1].is_ascii_digit()
            && window.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !window[at].is_ascii_digit() && !is_gap {
            break;
        }
        at += 1;
        if at - start > 2 * DIGITS_MAX {
            break;
        }
    }
    at
}

/// Whether the number goes on before `start`: in a word, a fraction, a longer number.
fn continues(window: &[u8], start: usize) -> bool {
    let Some(before) = start.checked_sub(1).map(|at| window[at]) else { return false };
    let digit_before = || start.checked_sub(2).is_some_and(|at| window[at].is_ascii_digit());
    before.is_ascii_alphanumeric()
        || matches!(before, b'_' | b'%')
        || (matches!(before, b'.' | b' ' | b'-') && digit_before())
}

fn is_card(text: &[u8], next: Option<&u8>) -> bool {
    if next.is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_') {
        return false;
    }
    let mut digits = [b'0'; DIGITS_MAX];
    let mut count = 0;
    for digit in text.iter().filter(|byte| byte.is_ascii_digit()) {
        match digits.get_mut(count) {
            Some(slot) => *slot = *digit,
            None => return false,
        }
        count += 1;
    }
    let digits = &digits[..count];
    let is_card = |digits: &[u8]| std::str::from_utf8(digits).is_ok_and(gabion_core::card::contains);
    count >= DIGITS_MIN && has_issuer(digits) && is_card(digits)
}

/// Beginnings and lengths of issuers in use. Source: ISO/IEC 7812-1 and what the card networks publish.
fn has_issuer(digits: &[u8]) -> bool {
    let first =
        |count: usize| digits[..count].iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    match digits.len() {
        14 => matches!(first(2), 30 | 36 | 38 | 39),
        15 => matches!(first(2), 34 | 37),
        16 => {
            first(1) == 4
                || (51..=55).contains(&first(2))
                || (2221..=2720).contains(&first(4))
                || matches!(first(2), 35 | 62 | 65)
                || first(4) == 6011
                || (644..=649).contains(&first(3))
        }
        19 => first(1) == 4 || matches!(first(2), 62 | 65),
        _ => false,
    }
}
