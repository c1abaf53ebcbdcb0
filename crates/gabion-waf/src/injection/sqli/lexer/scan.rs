//! Searches over bytes.

use memchr::memmem;

/// White space to some database: NUL to Oracle, the no-break space of Latin-1.
pub(super) const fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0 | 0)
}

/// How many of the first bytes are so.
pub(super) fn count_while(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !is(*byte)).unwrap_or(text.len())
}

/// How many of the first bytes are in the set or NUL, which libinjection takes for one of any set.
pub(super) fn count_of(text: &[u8], set: &[u8]) -> usize {
    count_while(text, |byte| byte == 0 || set.contains(&byte))
}

/// A table of all bytes in which those of a set are true.
pub(super) const fn table_of(set: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < set.len() {
        table[set[at] as usize] = true;
        at += 1;
    }
    table
}

/// Where these two bytes are.
pub(super) fn find_pair(text: &[u8], pair: [u8; 2]) -> Option<usize> {
    memmem::find(text, &pair)
}
