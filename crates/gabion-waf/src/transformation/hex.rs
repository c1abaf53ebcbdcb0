//! Hexadecimal numbers.

use super::{hex_digit, hex_pair};

/// Reads pairs of digits; a byte that is no digit counts as 0, an odd one at the end is dropped.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> bool {
    let digit = |byte: u8| hex_digit(byte).unwrap_or_default();
    out.extend(input.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
    !input.is_empty()
}

/// Writes two digits for each byte.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(
        input.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
    !input.is_empty()
}

/// Decodes `0x4142` where it stands, as MySQL reads it.
pub(super) fn decode_sql(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = input;
    let mut changed = false;
    while let Some((first, after)) = rest.split_first() {
        match rest {
            [b'0', b'x' | b'X', high, low, ..] if hex_pair(*high, *low).is_some() => {
                changed = true;
                rest = &rest[2..];
                while let [high, low, ..] = rest
                    && let Some(byte) = hex_pair(*high, *low)
                {
                    out.push(byte);
                    rest = &rest[2..];
                }
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    changed
}
