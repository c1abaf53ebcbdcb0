//! Escapes with a backslash: CSS, JavaScript, ANSI C.

use super::{hex_digit, hex_pair};

/// Decodes CSS escapes to their low byte; letters of full width become narrow ones.
/// Source: CSS 2 section 4.1.3, as ModSecurity reads it.
pub(super) fn css(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut changed = false;
    unescape(input, out, |rest, out| {
        let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
        match (digits, rest.first()) {
            (0, None) => {
                changed = true;
                0
            }
            (0, Some(b'\n')) => {
                changed = true;
                1
            }
            (0, Some(byte)) => {
                changed = true;
                out.push(*byte);
                1
            }
            _ => {
                changed = true;
                out.push(css_byte(&rest[..digits]));
                let space = rest.get(digits).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == 0x0b);
                digits + usize::from(space)
            }
        }
    });
    changed
}

/// The byte that 1 to 6 digits stand for: the low one, plus 0x20 in the block of full width letters.
fn css_byte(digits: &[u8]) -> u8 {
    let low = match digits {
        [.., high, low] => hex_pair(*high, *low),
        [low] => hex_digit(*low),
        [] => None,
    };
    let low = low.unwrap_or_default();
    let (zeros, rest) = digits.split_at(digits.len().saturating_sub(4));
    let wide = zeros.iter().all(|digit| *digit == b'0')
        && matches!(rest, [b'f' | b'F', b'f' | b'F', _, _])
        && (1..0x5f).contains(&low);
    if wide { low + 0x20 } else { low }
}

/// Decodes `\uHHHH` to its low byte (full width letters become narrow), `\xHH`, octal numbers up to 377 and the
/// one-letter escapes of JavaScript.
pub(super) fn javascript(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut changed = false;
    unescape(input, out, |rest, out| {
        let (byte, length) = match rest {
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => {
                (css_byte(&[*a, *b, *c, *d]), 5)
            }
            [b'x', high, low, ..] if hex_pair(*high, *low).is_some() => {
                (hex_pair(*high, *low).unwrap_or_default(), 3)
            }
            [first @ b'0'..=b'7', ..] => octal(rest, if *first > b'3' { 2 } else { 3 }),
            [letter, ..] => (control(*letter).unwrap_or(*letter), 1),
            [] => {
                out.push(b'\\');
                return 0;
            }
        };
        changed = true;
        out.push(byte);
        length
    });
    changed
}

/// Decodes the escapes of ANSI C; of an unknown one, only the backslash goes.
pub(super) fn ansi_c(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut changed = false;
    unescape(input, out, |rest, out| {
        let (byte, length) = match rest {
            [b'x' | b'X', high, low, ..] if hex_pair(*high, *low).is_some() => {
                (hex_pair(*high, *low).unwrap_or_default(), 3)
            }
            [b'0'..=b'7', ..] => octal(rest, 3),
            [letter, ..] => (control(*letter).unwrap_or(*letter), 1),
            [] => {
                out.push(b'\\');
                return 0;
            }
        };
        changed = true;
        out.push(byte);
        length
    });
    changed
}

/// Copies everything but backslashes; `escape` gets what follows one, writes, and says how much it read.
fn unescape(input: &[u8], out: &mut Vec<u8>, mut escape: impl FnMut(&[u8], &mut Vec<u8>) -> usize) {
    let mut rest = input;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let length = escape(rest, out);
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
}

/// The low byte of so many octal digits at most, and how many there were.
fn octal(digits: &[u8], most: usize) -> (u8, usize) {
    let digits = digits.iter().take(most).take_while(|digit| matches!(digit, b'0'..=b'7'));
    digits.fold((0, 0), |(value, length), digit| (value << 3 | (digit - b'0'), length + 1))
}

/// The control character of an escape's letter.
fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        _ => return None,
    })
}
