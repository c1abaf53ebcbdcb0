//! Base64 as the most lenient readers take it.

/// What a text decodes to. PHP's `base64_decode` leaves out every character that is no digit; readers of the URL-safe
/// alphabet take `-` and `_` for digits. Where that makes a difference, both readings count.
pub(super) fn readings(text: &str) -> Vec<Vec<u8>> {
    let text = text.as_bytes();
    let mut readings = vec![decode(text, false)];
    if text.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        readings.push(decode(text, true));
    }
    // Addresses escape the signs of the alphabet.
    if text.contains(&b'%') {
        readings.push(decode(&unescaped(text), false));
    }
    readings
}

/// Whether a byte is a digit in any alphabet.
pub(super) fn is_digit(byte: u8) -> bool {
    digit(byte, true).is_some()
}

fn decode(text: &[u8], url_safe: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for value in text.iter().filter_map(|byte| digit(*byte, url_safe)) {
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    out
}

fn digit(byte: u8, url_safe: bool) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'-' if url_safe => Some(62),
        b'_' if url_safe => Some(63),
        _ => None,
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        let escaped =
            behind.get(..2).filter(|_| *byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                out.push(escaped);
                rest = &behind[2..];
            }
            None => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_in_every_way_somebody_reads_them() {
        assert_eq!(readings("PD9w aHA="), [b"<?php"]);
        assert_eq!(readings("P!D9w\\n=aHA="), [b"<?php"[..].to_vec()].map(|_| decode(b"PD9wnaHA", false)));
        assert_eq!(readings("-_-_"), [b"".to_vec(), b"\xfb\xff\xbf".to_vec()]);
        assert_eq!(readings("PD9%77aHA%3D").last().map(Vec::as_slice), Some(&b"<?php"[..]));
    }
}
