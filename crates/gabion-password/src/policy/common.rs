//! What everybody tries first.

use zeroize::Zeroizing;

use super::core;

/// Common passwords and phrases, lower case, letters and digits only, one per line. Beside it stands the estimator's list
/// of 30,000, see [`crate::strength`]; this one has what is long.
const COMMON: &str = include_str!("../../common-passwords.txt");

/// Whether `plain` is a common password, perhaps with digits around it.
pub(super) fn is_listed(plain: &str) -> bool {
    let core = core(plain);
    COMMON.lines().any(|common| common == plain || common == core)
}

/// Whether the whole text is one piece of at most half its length, repeated (the last time perhaps cut).
pub(super) fn repeats(text: &str) -> bool {
    let chars = Zeroizing::new(text.chars().map(u32::from).collect::<Vec<u32>>());
    (1..=chars.len() / 2).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// Whether the text is cut from the alphabet, the digits or rows of a keyboard, forwards or backwards.
pub(super) fn is_sequence(plain: &str) -> bool {
    const ROWS: [&str; 4] = [
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "0123456789012345678901234567890123456789",
        "1234567890qwertyuiopasdfghjklzxcvbnm1234567890qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnmqwertzuiopasdfghjklyxcvbnm",
    ];
    let backwards = Zeroizing::new(plain.chars().rev().collect::<String>());
    !plain.is_empty() && ROWS.iter().any(|row| row.contains(plain) || row.contains(&**backwards))
}
