//! The words of SQL and the fingerprints of attacks.

use std::sync::LazyLock;

use super::token::Kind;

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::parse(include_str!("words.txt")));
static FINGERPRINTS: LazyLock<Fingerprints> =
    LazyLock::new(|| Fingerprints::parse(include_str!("fingerprints.txt")));

/// What kind of word this is, in whatever case.
pub(super) fn word(text: &[u8]) -> Option<Kind> {
    WORDS.find(text)
}

/// Whether these kinds of tokens are an attack.
pub(super) fn is_attack(fingerprint: &[u8]) -> bool {
    FINGERPRINTS.contains(fingerprint)
}

fn lines(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

/// A hash table with open addressing, a quarter full.
struct Words {
    slots: Vec<Option<(&'static [u8], Kind)>>,
}

impl Words {
    const SLOTS: usize = 4_096;
    const BYTES_MAX: usize = 31;

    fn parse(table: &'static str) -> Self {
        let mut words = Self { slots: vec![None; Self::SLOTS] };
        for (kind, list) in lines(table) {
            let kind = Kind::of_word(kind.as_bytes()[0]).expect("every line of the table has a kind");
            for word in list.split(", ") {
                let slot = words.slot(word.as_bytes());
                words.slots[slot] = Some((word.as_bytes(), kind));
            }
        }
        words
    }

    fn find(&self, text: &[u8]) -> Option<Kind> {
        if text.len() > Self::BYTES_MAX {
            return None;
        }
        self.slots[self.slot(text)].map(|(_, kind)| kind)
    }

    /// Where a word is, or would be.
    fn slot(&self, text: &[u8]) -> usize {
        // FNV-1a. The table is fixed, so no input can make it slow.
        let hash = text.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte.to_ascii_uppercase())).wrapping_mul(0x0100_0193)
        });
        let mut slot = (hash ^ hash >> 15) as usize % Self::SLOTS;
        while self.slots[slot].is_some_and(|(word, _)| !word.eq_ignore_ascii_case(text)) {
            slot = (slot + 1) % Self::SLOTS;
        }
        slot
    }
}

/// Which kinds complete a beginning of up to four kinds, sorted by beginning.
struct Fingerprints {
    beginnings: Vec<(u32, u32)>,
}

impl Fingerprints {
    fn parse(table: &'static str) -> Self {
        let mut beginnings = Vec::new();
        for (ends, list) in lines(table) {
            let ends = ends.bytes().fold(0, |set, kind| set | 1 << code(kind));
            beginnings
                .extend(list.split(' ').map(|kinds| (packed(kinds.trim_matches('-').as_bytes()), ends)));
        }
        beginnings.sort_unstable();
        Self { beginnings }
    }

    fn contains(&self, fingerprint: &[u8]) -> bool {
        let Some((last, beginning)) = fingerprint.split_last() else { return false };
        let found = self.beginnings.binary_search_by_key(&packed(beginning), |(beginning, _)| *beginning);
        found.is_ok_and(|at| self.beginnings[at].1 & 1 << code(*last) != 0)
    }
}

fn packed(kinds: &[u8]) -> u32 {
    kinds.iter().fold(0, |packed, kind| packed << 5 | code(*kind))
}

/// A kind in five bits, never 0, the same for both cases.
fn code(kind: u8) -> u32 {
    /// Those that are in fingerprints; the others are alike.
    const KINDS: &[u8] = b"&(),1:;ABCEFKNOSTUVX";
    let kind = kind.to_ascii_uppercase();
    (1..).zip(KINDS).find(|(_, known)| **known == kind).map_or(31, |(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_whatever_case() {
        assert_eq!(word(b"select"), Some(Kind::Expression));
        assert_eq!(word(b"Union All"), Some(Kind::Union));
        assert_eq!(word(b"||"), Some(Kind::Logic));
        assert_eq!(word(b"selec"), None);
        assert_eq!(word(b"sel\0ect"), None);
        assert_eq!(word(&[b'a'; 99]), None);
    }

    #[test]
    fn tables_are_whole() {
        assert_eq!(WORDS.slots.iter().flatten().count(), 985);
        assert_eq!(FINGERPRINTS.beginnings.len(), 2_236);
        let fingerprints: u32 = FINGERPRINTS.beginnings.iter().map(|(_, ends)| ends.count_ones()).sum();
        assert_eq!(fingerprints, 8_367);
    }

    #[test]
    fn fingerprints_are_found() {
        assert!(is_attack(b"X") && is_attack(b"s&1c") && is_attack(b"1UE") && is_attack(b"sUEnk"));
        assert!(!is_attack(b"") && !is_attack(b"n") && !is_attack(b"?") && !is_attack(b"nnnnn"));
    }
}
