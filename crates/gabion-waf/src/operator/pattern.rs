//! Regular expressions over bytes, as PCRE reads them.
//!
//! Rules are written for PCRE; they run in the `regex` crate, in time linear in the value. `.` matches line ends and
//! `$` only the very end, as in ModSecurity 2. The few patterns that need to look around or back run in
//! `fancy-regex` under a step limit; where it is reached, the pattern does not match and the transaction says so in
//! MSC_PCRE_LIMITS_EXCEEDED. Most values are ruled out before, by the same pattern without its looking.

mod translate;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use regex::bytes::{Regex, RegexBuilder};

use crate::error::Fault;
use translate::Dialect;

/// Steps back that a pattern with lookaround may take on one value. Enough for all of CRS on 64 KiB of text.
const BACKTRACK_STEPS_MAX: usize = 100_000;
/// Bytes of one compiled pattern. The largest of CRS takes a tenth.
const PATTERN_BYTES_MAX: usize = 10 << 20;
/// Bytes of a pattern that is put together while rules run; a longer one matches nothing. Lists of CRS take 200.
const DYNAMIC_BYTES_MAX: usize = 4 * 1024;
/// Groups of a match that rules can read: TX.0 to TX.9.
pub(crate) const GROUPS_MAX: usize = 10;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Linear(Regex),
    Backtracking(Box<Backtracking>),
}

/// A pattern that looks around or back.
#[derive(Clone, Debug)]
pub(crate) struct Backtracking {
    regex: fancy_regex::Regex,
    /// Matches every value that the pattern matches, and more, in linear time.
    superset: Regex,
}

/// A pattern with macros, compiled when it is asked; the last one is kept, because values seldom change.
#[derive(Debug)]
pub(crate) struct DynamicPattern(Mutex<Option<(Vec<u8>, Arc<Pattern>)>>);

impl DynamicPattern {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The pattern of an expanded text; `None` if that is no pattern, which then matches nothing.
    pub(crate) fn get(&self, text: &[u8]) -> Option<Arc<Pattern>> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, pattern)) = &*last
            && known == text
        {
            return Some(Arc::clone(pattern));
        }
        if text.len() > DYNAMIC_BYTES_MAX {
            return None;
        }
        let pattern = Arc::new(Pattern::compile(text).ok()?);
        *last = Some((text.to_vec(), Arc::clone(&pattern)));
        Some(pattern)
    }
}

/// What a pattern says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    No,
    Yes,
    /// The step limit was reached.
    GaveUp,
}

impl From<bool> for Outcome {
    fn from(matched: bool) -> Self {
        if matched { Self::Yes } else { Self::No }
    }
}

impl Pattern {
    /// Compiles a pattern of PCRE.
    pub(crate) fn compile(source: &[u8]) -> Result<Self, Fault> {
        let translated = translate::translate(source, Dialect::Bytes)?;
        if !translated.looks_around {
            return linear(&translated.text).map(Self::Linear);
        }
        let text = translate::translate(source, Dialect::Latin1)?.text;
        let regex = fancy_regex::RegexBuilder::new(&format!("(?s){text}"))
            .backtrack_limit(BACKTRACK_STEPS_MAX)
            .build()
            .map_err(|error| Fault::Pattern(error.to_string()))?;
        let superset = linear(&translate::translate(source, Dialect::Superset)?.text)?;
        Ok(Self::Backtracking(Box::new(Backtracking { regex, superset })))
    }

    /// A linear pattern that matches every value which this one matches.
    pub(crate) const fn superset(&self) -> &Regex {
        match self {
            Self::Linear(regex) => regex,
            Self::Backtracking(pattern) => &pattern.superset,
        }
    }

    pub(crate) fn is_match(&self, value: &[u8]) -> Outcome {
        match self {
            Self::Linear(regex) => regex.is_match(value).into(),
            Self::Backtracking(pattern) if !pattern.superset.is_match(value) => Outcome::No,
            Self::Backtracking(pattern) => match pattern.regex.is_match(latin1(value).as_str()) {
                Ok(matched) => matched.into(),
                Err(_) => Outcome::GaveUp,
            },
        }
    }

    /// Where the first match and its groups are, group 0 first; empty without a match.
    pub(crate) fn groups(&self, value: &[u8]) -> Vec<Option<Range<usize>>> {
        match self {
            Self::Linear(regex) => regex.captures(value).map_or_else(Vec::new, |found| {
                (0..found.len().min(GROUPS_MAX)).map(|group| Some(found.get(group)?.range())).collect()
            }),
            Self::Backtracking(pattern) => {
                let text = latin1(value);
                // Each character of the text is one byte of the value.
                let place = |at: usize| text[..at].chars().count();
                let Ok(Some(found)) = pattern.regex.captures(text.as_str()) else { return Vec::new() };
                (0..found.len().min(GROUPS_MAX))
                    .map(|group| Some(place(found.get(group)?.start())..place(found.get(group)?.end())))
                    .collect()
            }
        }
    }

    /// All matches, as many as there are groups.
    pub(crate) fn all(&self, value: &[u8]) -> Vec<Option<Range<usize>>> {
        match self {
            Self::Linear(regex) => {
                regex.find_iter(value).take(GROUPS_MAX).map(|found| Some(found.range())).collect()
            }
            Self::Backtracking(_) => self.groups(value).into_iter().take(1).collect(),
        }
    }
}

/// Compiles the pattern of a selector, which ignores case as names do.
pub(crate) fn selector(source: &[u8]) -> Result<Regex, Fault> {
    let translated = translate::translate(source, Dialect::Bytes)?;
    linear(&format!("(?i){}", translated.text))
}

fn linear(text: &str) -> Result<Regex, Fault> {
    RegexBuilder::new(text)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| Fault::Pattern(error.to_string()))
}

/// One character for each byte.
fn latin1(value: &[u8]) -> String {
    value.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, value: &[u8], expected: Outcome) {
        let compiled = Pattern::compile(pattern.as_bytes()).expect(pattern);
        assert_eq!(compiled.is_match(value), expected, "{pattern} on {}", value.escape_ascii());
    }

    #[test]
    fn dots_match_line_ends_and_dollars_only_the_end() {
        check("^a.b$", b"a\nb", Outcome::Yes);
        check("^a$", b"a\n", Outcome::No);
        check("(?i)^A", b"x\na", Outcome::No);
    }

    #[test]
    fn bytes_beyond_ascii_are_themselves() {
        check(r"\x{c2}\x{b4}", b"\xc2\xb4", Outcome::Yes);
        check(r"\x{c2}\x{b4}", b"\xc3\x82\xc2\xb4", Outcome::Yes);
        check(r"^[\x{bc}]$", b"\xbc", Outcome::Yes);
        check("^[´]+$", b"\xc2\xb4", Outcome::Yes);
        check("´", "´".as_bytes(), Outcome::Yes);
    }

    #[test]
    fn lookaround_works_on_bytes() {
        check("^(?:5|4(?!04))", b"403", Outcome::Yes);
        check("^(?:5|4(?!04))", b"404", Outcome::No);
        check(r"(\d)\1", b"\xff1\xfe22", Outcome::Yes);
        let groups = Pattern::compile(br"(?<=\xff)(b)").expect("pattern").groups(b"b\xffb");
        assert_eq!(groups, [Some(2..3), Some(2..3)]);
    }

    const LOOKING: &[&str] = &[
        r"\b(\w+)\b ?(?:=|(?!\1))[ab]+\1",
        r"(?i)^a(?!b|c)\n?d?(?<=[ad])",
        r"(a|b)(?=c+)(c)\2\1?",
        r"(?<!a)b(?:(?!c)|1)[^d]*2",
    ];

    proptest! {
        #[test]
        fn what_a_pattern_matches_its_superset_matches(value in r"(?s)[abcd12= \n]{0,10}") {
            for source in LOOKING {
                let pattern = Pattern::compile(source.as_bytes()).expect(source);
                let Pattern::Backtracking(pattern) = pattern else { panic!("{source} looks around") };
                if pattern.regex.is_match(&value).expect("short values take few steps") {
                    prop_assert!(pattern.superset.is_match(value.as_bytes()), "{} on {:?}", source, value);
                }
            }
        }
    }

    #[test]
    fn the_step_limit_ends_a_search_that_explodes() {
        let value = [b"a".repeat(64), b"!".to_vec()].concat();
        check(r"(?=(a+)+$)a", &value, Outcome::No);
        let pattern = Pattern::compile(br"^(?:(a|aa)+)\1$(?<=x)").expect("pattern");
        assert_eq!(pattern.is_match(&value), Outcome::GaveUp);
    }

    #[test]
    fn groups_that_matched_nothing_are_absent() {
        let groups = Pattern::compile(b"(a)|(b)").expect("pattern").groups(b"xb");
        assert_eq!(groups, [Some(1..2), None, Some(1..2)]);
    }
}
