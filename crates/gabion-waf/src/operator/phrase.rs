//! Sets of phrases, found in any case and at any place.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::error::Fault;

/// Some phrases.
#[derive(Clone, Debug)]
pub(crate) struct Phrases {
    automaton: AhoCorasick,
    phrases: Box<[Box<[u8]>]>,
}

impl Phrases {
    pub(crate) fn new<'a>(phrases: impl Iterator<Item = &'a [u8]>) -> Result<Self, Fault> {
        let mut phrases: Vec<Box<[u8]>> = phrases
            .filter(|phrase| !phrase.is_empty())
            .map(|phrase| phrase.to_ascii_lowercase().into())
            .collect();
        phrases.sort();
        phrases.dedup();
        if phrases.is_empty() {
            return Err(Fault::Syntax("no phrases to look for"));
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&phrases)
            .map_err(|error| Fault::Pattern(error.to_string()))?;
        Ok(Self { automaton, phrases: phrases.into() })
    }

    /// The lines of a file, without comments and the white space around.
    pub(crate) fn of_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
        text.split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
    }

    /// Where the first of them ends first.
    pub(crate) fn find(&self, value: &[u8]) -> Option<Range<usize>> {
        self.automaton.find(value).map(|found| found.range())
    }

    /// All of them, lower case.
    pub(crate) fn all(&self) -> &[Box<[u8]>] {
        &self.phrases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_in_any_case() {
        let phrases =
            Phrases::new(Phrases::of_lines(b"# tools\nsqlmap \n\n/etc/passwd\r\n")).expect("phrases");
        assert_eq!(phrases.find(b"a SQLmap/1"), Some(2..8));
        assert_eq!(phrases.find(b"/etc/passw"), None);
        assert_eq!(phrases.all().len(), 2);
        assert!(Phrases::new(Phrases::of_lines(b"# nothing")).is_err());
    }
}
