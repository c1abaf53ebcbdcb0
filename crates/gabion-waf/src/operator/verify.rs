//! Numbers that carry a check.

/// Whether the digits pass the check of Luhn. ISO/IEC 7812-1 annex B.
pub(super) fn luhn(text: &[u8]) -> bool {
    let digits: Vec<u32> = digits(text).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Whether it is a Brazilian CPF: eleven digits, the last two from those before.
pub(super) fn cpf(text: &[u8]) -> bool {
    let digits: Vec<u32> = digits(text).collect();
    if digits.len() != 11 || digits.iter().all(|digit| *digit == digits[0]) {
        return false;
    }
    (9..11).all(|place| {
        let weights = (2..).take(place);
        let sum: u32 = digits[..place].iter().rev().zip(weights).map(|(digit, weight)| digit * weight).sum();
        digits[place] == sum * 10 % 11 % 10
    })
}

/// Whether it can be a social security number of the United States: none of its three parts is zero, the area is
/// not 666 or above 899, and the digits are neither all the same nor in sequence.
/// Areas above 739, which ModSecurity refuses, have been given out since 2011.
pub(super) fn ssn(text: &[u8]) -> bool {
    let digits: Vec<u32> = digits(text).collect();
    if digits.len() != 9 {
        return false;
    }
    let number = |part: &[u32]| part.iter().fold(0, |number, digit| number * 10 + digit);
    let (area, group, serial) = (number(&digits[..3]), number(&digits[3..5]), number(&digits[5..]));
    let same = digits.iter().all(|digit| *digit == digits[0]);
    let sequence = digits.windows(2).all(|pair| pair[1] == pair[0] + 1);
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !same && !sequence
}

/// Whether it is an Austrian social insurance number: ten digits, the fourth from the others.
pub(super) fn svnr(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 10] = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];
    let digits: Vec<u32> = digits(text).collect();
    if digits.len() != 10 || digits.iter().all(|digit| *digit == digits[0]) {
        return false;
    }
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    sum % 11 == digits[3]
}

/// Whether it is a Chilean RUT: up to eight digits and the check digit, which may be K.
pub(super) fn rut(text: &[u8]) -> bool {
    let text: Vec<u8> =
        text.iter().filter(|byte| byte.is_ascii_digit() || matches!(byte, b'k' | b'K')).copied().collect();
    let Some((check, number)) = text.split_last() else { return false };
    if !(7..=8).contains(&number.len()) || !number.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weights = (2..8).cycle();
    let sum: u32 =
        number.iter().rev().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    match 11 - sum % 11 {
        11 => *check == b'0',
        10 => check.eq_ignore_ascii_case(&b'k'),
        value => u32::from(check.wrapping_sub(b'0')) == value,
    }
}

fn digits(text: &[u8]) -> impl Iterator<Item = u32> {
    text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(verify: fn(&[u8]) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(verify(text.as_bytes()), "{text}");
        }
        for text in bad {
            assert!(!verify(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn checks_tell_real_numbers_from_others() {
        check(luhn, &["4111 1111 1111 1111", "378282246310005"], &["4111111111111112", "", "x"]);
        check(cpf, &["529.982.247-25", "11144477735"], &["52998224726", "11111111111", "1"]);
        check(ssn, &["078-05-1120", "899123456"], &["000-12-3456", "666123456", "123456789", "900123456"]);
        check(svnr, &["1237010180"], &["1238010180", "1111111111"]);
        check(rut, &["11.111.111-1", "12.345.678-5", "10.000.013-K"], &["12345678-4", "1", "k"]);
    }
}
