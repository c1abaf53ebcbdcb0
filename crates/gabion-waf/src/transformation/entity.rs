//! Entities of HTML, as far as ModSecurity reads them.

/// Decodes numbers of any length to their low byte, and the names quot, amp, lt, gt and nbsp. The semicolon may be
/// missing.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = input;
    let mut changed = false;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        match entity(rest) {
            Some((byte, length)) => {
                changed = true;
                out.push(byte);
                rest = &rest[length..];
                rest = rest.strip_prefix(b";").unwrap_or(rest);
            }
            None => {
                out.push(b'&');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    changed
}

/// The byte that an entity stands for, and its length without the semicolon.
fn entity(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'&', b'#', b'x' | b'X', digits @ ..] => number(digits, 16).map(|(byte, length)| (byte, length + 3)),
        [b'&', b'#', digits @ ..] => number(digits, 10).map(|(byte, length)| (byte, length + 2)),
        [b'&', name @ ..] => {
            let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let byte = match name[..length].to_ascii_lowercase().as_slice() {
                b"quot" => b'"',
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"nbsp" => 0xa0,
                _ => return None,
            };
            Some((byte, length + 1))
        }
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<(u8, usize)> {
    let values = digits.iter().map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, length) = values.fold((0_u32, 0), |(value, length), digit| {
        (value.wrapping_mul(radix).wrapping_add(digit) & 0xff_ffff, length + 1)
    });
    (length > 0).then_some(((value & 0xff) as u8, length))
}
