//! Base64, RFC 4648.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Decodes up to the first byte outside of the alphabet; line ends are skipped.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = input.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).map_while(|byte| value(*byte));
    join(digits, out);
    true
}

/// Decodes all bytes of both alphabets up to the padding, and skips every other.
pub(super) fn decode_forgiving(input: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = input.iter().take_while(|byte| **byte != b'=').filter_map(|byte| match byte {
        b'-' => Some(62),
        b'_' => Some(63),
        byte => value(*byte),
    });
    join(digits, out);
    true
}

fn join(digits: impl Iterator<Item = u32>, out: &mut Vec<u8>) {
    let mut bits = 0;
    let mut held = 0;
    for digit in digits {
        bits = (bits << 6 | digit) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
}

/// Encodes with padding.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) -> bool {
    for group in input.chunks(3) {
        let bytes = [group[0], group.get(1).copied().unwrap_or(0), group.get(2).copied().unwrap_or(0)];
        let digits = [
            bytes[0] >> 2,
            (bytes[0] & 3) << 4 | bytes[1] >> 4,
            (bytes[1] & 15) << 2 | bytes[2] >> 6,
            bytes[2] & 63,
        ];
        for (place, digit) in digits.into_iter().enumerate() {
            out.push(if place <= group.len() { ALPHABET[usize::from(digit)] } else { b'=' });
        }
    }
    true
}
