//! Percent encoding.

use super::unicode::UnicodeMap;
use super::{hex_digit, hex_pair};

/// Decodes `%HH` and `+`; other percent signs stay.
pub(crate) fn decode(input: &[u8], out: &mut Vec<u8>) -> bool {
    decode_with(input, out, |_, _| None)
}

/// Decodes `%uHHHH` as well: by the map, or else to its low byte, where letters of full width become narrow ones.
pub(super) fn decode_unicode(input: &[u8], out: &mut Vec<u8>, map: Option<&UnicodeMap>) -> bool {
    decode_with(input, out, |rest, out| match rest {
        [b'%', b'u' | b'U', a, b, c, d, ..] => {
            let (high, low) = (hex_pair(*a, *b)?, hex_pair(*c, *d)?);
            let mapped = map.and_then(|map| map.byte(u16::from_be_bytes([high, low])));
            let wide = high == 0xff && (1..0x5f).contains(&low);
            out.push(mapped.unwrap_or(if wide { low + 0x20 } else { low }));
            Some(6)
        }
        _ => None,
    })
}

fn decode_with(
    input: &[u8],
    out: &mut Vec<u8>,
    special: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>,
) -> bool {
    let mut changed = false;
    let mut rest = input;
    while let Some(at) = memchr::memchr2(b'%', b'+', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let length = special(rest, out).or_else(|| {
            let (byte, length) = match rest {
                [b'+', ..] => (b' ', 1),
                [_, high, low, ..] => (hex_pair(*high, *low)?, 3),
                _ => return None,
            };
            out.push(byte);
            Some(length)
        });
        changed |= length.is_some();
        if length.is_none() {
            out.push(rest[0]);
        }
        rest = &rest[length.unwrap_or(1)..];
    }
    out.extend_from_slice(rest);
    changed
}

/// Writes everything but letters, digits and `*` as `%hh`, and a space as `+`.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in input {
        match byte {
            b' ' => out.push(b'+'),
            b'*' => out.push(byte),
            _ if byte.is_ascii_alphanumeric() => out.push(byte),
            _ => out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
    out != input
}

/// Whether a percent sign is not followed by two hexadecimal digits.
pub(crate) fn is_malformed(input: &[u8]) -> bool {
    memchr::memchr_iter(b'%', input).any(|at| {
        let digit = |at: usize| input.get(at).copied().and_then(hex_digit).is_some();
        !digit(at + 1) || !digit(at + 2)
    })
}
