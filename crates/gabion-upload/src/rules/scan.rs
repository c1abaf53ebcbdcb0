//! All strings of all rules in one pass.

use std::cell::OnceCell;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::Regex;

use super::RuleFault;
use super::pattern::{Matcher, Pattern};
use crate::cursor::{index, starts_with_nocase};

/// Places of one string that are remembered. More are as good as so many.
pub(super) const HITS_MAX: usize = 1_000;
/// Bytes of all literals up to which the fastest automaton is built, which takes about a kilobyte for each.
const FAST_BYTES_MAX: usize = 16 * 1024;

/// Strings, ready to be sought together.
#[derive(Debug)]
pub(super) struct Scan {
    patterns: Vec<Pattern>,
    literals: AhoCorasick,
    /// For each literal of the automaton: the pattern and the matcher it stands for.
    owners: Vec<(usize, usize)>,
}

/// What one pass over bytes saw.
#[derive(Debug)]
pub(super) struct Seen<'s> {
    scan: &'s Scan,
    pub(super) bytes: &'s [u8],
    hits: Vec<Hits>,
}

/// Places of one string.
#[derive(Debug, Default)]
struct Hits {
    /// Of its literals, in order of their ends.
    literals: Vec<usize>,
    /// Whether a literal of its expression was seen.
    gate: bool,
    /// Of its expression, sought when somebody asks.
    expressions: OnceCell<Vec<usize>>,
}

impl Scan {
    pub(super) fn new(patterns: Vec<Pattern>) -> Result<Self, RuleFault> {
        let mut literals: Vec<&[u8]> = Vec::new();
        let mut owners = Vec::new();
        for (number, pattern) in patterns.iter().enumerate() {
            for (position, matcher) in pattern.matchers.iter().enumerate() {
                let own = match matcher {
                    Matcher::Literal { bytes, .. } => std::slice::from_ref(bytes),
                    Matcher::Expression { gates, .. } => gates,
                };
                literals.extend(own.iter().map(Vec::as_slice));
                owners.extend(own.iter().map(|_| (number, position)));
            }
        }
        let total: usize = literals.iter().map(|literal| literal.len()).sum();
        let kind = (total <= FAST_BYTES_MAX).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(kind)
            .build(&literals)
            .map_err(|error| RuleFault::Pattern(error.to_string()))?;
        Ok(Self { patterns, literals: automaton, owners })
    }

    /// Looks at every byte once.
    pub(super) fn run<'s>(&'s self, bytes: &'s [u8]) -> Seen<'s> {
        let mut hits: Vec<Hits> = self.patterns.iter().map(|_| Hits::default()).collect();
        for found in self.literals.find_overlapping_iter(bytes) {
            let (number, position) = self.owners[found.pattern().as_usize()];
            let (pattern, hits) = (&self.patterns[number], &mut hits[number]);
            match &pattern.matchers[position] {
                Matcher::Expression { .. } => hits.gate = true,
                matcher
                    if hits.literals.len() < HITS_MAX
                        && matcher.is_at(bytes, found.start(), pattern.fullword) =>
                {
                    hits.literals.push(found.start());
                }
                Matcher::Literal { .. } => {}
            }
        }
        Seen { scan: self, bytes, hits }
    }
}

impl Seen<'_> {
    pub(super) fn is_seen(&self, pattern: usize) -> bool {
        self.count(pattern) > 0
    }

    /// How often a string was seen, up to [`HITS_MAX`].
    pub(super) fn count(&self, pattern: usize) -> usize {
        let places = self.hits[pattern].literals.len() + self.expressions(pattern).len();
        places.min(HITS_MAX)
    }

    /// Whether a string begins between these places, both included.
    pub(super) fn is_seen_in(&self, pattern: usize, from: u64, to: u64) -> bool {
        let (from, to) = (index(from), index(to).min(self.bytes.len()));
        let literals = &self.hits[pattern].literals;
        if literals.iter().any(|at| (from..=to).contains(at)) {
            return true;
        }
        let Pattern { matchers, fullword } = &self.scan.patterns[pattern];
        // Where more was seen than is remembered, the place itself is looked at.
        let forgotten = literals.len() == HITS_MAX;
        matchers.iter().any(|matcher| match matcher {
            Matcher::Literal { .. } => {
                forgotten && (from..=to).any(|at| matcher.is_at(self.bytes, at, *fullword))
            }
            Matcher::Expression { expression, gates } => {
                (gates.is_empty() || self.hits[pattern].gate)
                    && from <= self.bytes.len()
                    && find_in(expression, self.bytes, from, to, *fullword)
            }
        })
    }

    fn expressions(&self, pattern: usize) -> &[usize] {
        self.hits[pattern].expressions.get_or_init(|| {
            let Pattern { matchers, fullword } = &self.scan.patterns[pattern];
            let mut places = Vec::new();
            for matcher in matchers {
                if let Matcher::Expression { expression, gates } = matcher
                    && (gates.is_empty() || self.hits[pattern].gate)
                {
                    let found = expression.find_iter(self.bytes);
                    let found = found
                        .filter(|found| !fullword || is_word_alone(self.bytes, found.start(), found.end()));
                    places.extend(found.map(|found| found.start()).take(HITS_MAX));
                }
            }
            places
        })
    }
}

fn find_in(expression: &Regex, bytes: &[u8], from: usize, to: usize, fullword: bool) -> bool {
    let mut at = from;
    while let Some(found) = expression.find_at(bytes, at).filter(|found| found.start() <= to) {
        if !fullword || is_word_alone(bytes, found.start(), found.end()) {
            return true;
        }
        at = found.end();
    }
    false
}

impl Matcher {
    /// Whether a literal stands there. Expressions are sought differently.
    fn is_at(&self, bytes: &[u8], at: usize, fullword: bool) -> bool {
        let Self::Literal { bytes: literal, nocase } = self else { return false };
        let Some(there) = bytes.get(at..) else { return false };
        let equal = if *nocase { starts_with_nocase(there, literal) } else { there.starts_with(literal) };
        equal && (!fullword || is_word_alone(bytes, at, at + literal.len()))
    }
}

fn is_word_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !part(start.checked_sub(1).and_then(|before| bytes.get(before))) && !part(bytes.get(end))
}
