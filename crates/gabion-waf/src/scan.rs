//! One look at a value that tells which patterns cannot match it.
//!
//! From each pattern, conditions are derived that every matching value meets: it contains one of some literals, or one
//! of some bytes. All literals of all rules are searched for at once, so that most patterns are never run. What is
//! derived may be too weak, never too strong: the conditions change what a rule costs, not what it matches.

mod derive;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::operator::Operator;
use crate::operator::byte_set::ByteSet;
use crate::operator::pattern::Pattern;

/// Bytes of one literal; longer ones are cut. Long enough to be rare, short enough for a small automaton.
const LITERAL_BYTES_MAX: usize = 6;
/// Conditions of one pattern: the most selective are kept.
const CONDITIONS_MAX: usize = 3;

/// What a value must meet for an operator to match: all of these.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Need {
    bytes_min: usize,
    /// One byte of each set occurs.
    bytes: Box<[ByteSet]>,
    /// A literal of each of these clauses occurs.
    clauses: Box<[usize]>,
}

/// Collects literals while rules are compiled.
#[derive(Default)]
pub(crate) struct Builder {
    /// The literals of each clause, sorted.
    clauses: Vec<Vec<Box<[u8]>>>,
}

/// Searches for all literals of a program.
#[derive(Debug)]
pub(crate) struct Scanner {
    automaton: Option<AhoCorasick>,
    /// The clauses that each literal belongs to.
    clauses_of: Vec<Box<[usize]>>,
    /// Words of 64 bits that hold one bit for each clause.
    words: usize,
}

/// What was found in the values of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    found: Vec<ByteSet>,
    /// `words` for each.
    hits: Vec<u64>,
}

impl Builder {
    /// What an operator needs, if anything is known.
    pub(crate) fn need(&mut self, operator: &Operator) -> Option<Need> {
        let conditions = match operator {
            Operator::Rx(Pattern::Linear(regex)) => derive::conditions(regex.as_str())?,
            Operator::Pm(phrases) => derive::of_phrases(phrases.all()),
            _ => return None,
        };
        let need = Need {
            bytes_min: conditions.bytes_min,
            bytes: conditions.bytes.into(),
            clauses: conditions.literals.into_iter().map(|literals| self.clause(literals)).collect(),
        };
        (need != Need::default()).then_some(need)
    }

    fn clause(&mut self, mut literals: Vec<Box<[u8]>>) -> usize {
        literals.sort();
        literals.dedup();
        self.clauses.iter().position(|known| *known == literals).unwrap_or_else(|| {
            self.clauses.push(literals);
            self.clauses.len() - 1
        })
    }

    pub(crate) fn build(self) -> Scanner {
        let mut literals: Vec<Box<[u8]>> = self.clauses.iter().flatten().cloned().collect();
        literals.sort();
        literals.dedup();
        let mut clauses_of = vec![Vec::new(); literals.len()];
        for (clause, members) in self.clauses.iter().enumerate() {
            for literal in members {
                if let Ok(place) = literals.binary_search(literal) {
                    clauses_of[place].push(clause);
                }
            }
        }
        let automaton = (!literals.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .build(&literals)
                .expect("literals of a bounded number of rules fit an automaton")
        });
        Scanner {
            automaton,
            clauses_of: clauses_of.into_iter().map(Into::into).collect(),
            words: self.clauses.len().div_ceil(64),
        }
    }
}

impl Scanner {
    /// Looks at a value and keeps what was found; the number is for [`Scans::meets`].
    pub(crate) fn scan(&self, value: &[u8], scans: &mut Scans) -> usize {
        let number = scans.found.len();
        scans.found.push(ByteSet::of(value));
        let start = scans.hits.len();
        scans.hits.resize(start + self.words, 0);
        if let Some(automaton) = &self.automaton {
            for found in automaton.find_overlapping_iter(value) {
                for clause in &self.clauses_of[found.pattern().as_usize()] {
                    scans.hits[start + clause / 64] |= 1 << (clause % 64);
                }
            }
        }
        number
    }
}

impl Scans {
    /// Whether the value of that scan can match. `length` is its length in bytes.
    pub(crate) fn meets(&self, number: usize, length: usize, need: &Need, scanner: &Scanner) -> bool {
        if length < need.bytes_min {
            return false;
        }
        let hits = &self.hits[number * scanner.words..];
        need.bytes.iter().all(|set| set.intersects(&self.found[number]))
            && need.clauses.iter().all(|clause| hits[clause / 64] & 1 << (clause % 64) != 0)
    }

    /// Makes one scan of several: it has what any of them has.
    pub(crate) fn unite(&mut self, numbers: &[usize], scanner: &Scanner) -> usize {
        let united = self.found.len();
        let mut bytes = ByteSet::default();
        let start = self.hits.len();
        self.hits.resize(start + scanner.words, 0);
        for number in numbers {
            bytes = bytes.union(self.found[*number]);
            for word in 0..scanner.words {
                self.hits[start + word] |= self.hits[number * scanner.words + word];
            }
        }
        self.found.push(bytes);
        united
    }

    pub(crate) fn clear(&mut self) {
        self.found.clear();
        self.hits.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a value meets what a pattern needs.
    fn meets(pattern: &str, value: &[u8]) -> bool {
        let mut builder = Builder::default();
        let operator = Operator::Rx(Pattern::compile(pattern.as_bytes()).expect(pattern));
        let Some(need) = builder.need(&operator) else { return true };
        let scanner = builder.build();
        let mut scans = Scans::default();
        let number = scanner.scan(value, &mut scans);
        scans.meets(number, value.len(), &need, &scanner)
    }

    #[test]
    fn values_without_the_literals_of_a_pattern_are_ruled_out() {
        for (pattern, value, expected) in [
            (r"(?i)union\s+select", "a UNION Select", true),
            (r"(?i)union\s+select", "reunion selected by", true),
            (r"(?i)union\s+select", "a trade union", false),
            (r"(?i)union\s+select", "us", false),
            (r"foo|ba[rz]", "a bar", true),
            (r"foo|ba[rz]", "a bag", false),
            (r"^(?:a+)?b", "b", true),
            (r"[<>]", "a", false),
            (r"x*", "", true),
            (r"\bexec\b.*\(", "exec (", true),
            (r"\bexec\b.*\(", "exec", false),
        ] {
            assert_eq!(meets(pattern, value.as_bytes()), expected, "{pattern} {value}");
        }
    }

    const PATTERNS: &[&str] = &[
        r"(?i)(?:a|bb|c{2,3})d+[ef]\b",
        r"^\s*(?:ab?c|[xyz]{2}q)(?:foo|bar)?$",
        r"(?i)k[^a-z]l.*(?:mn|o)",
        r"(?:ab|cd)*e|f(?:gh)+",
        r"[a-c]{2}[d-f]|(?i)Gh",
        r"\x00|a\nb",
    ];

    proptest! {
        #[test]
        fn no_value_that_matches_is_ruled_out(value in r"(?s)[a-hk-oxyzqA-H \x00\n]{0,12}(foo|bar|cd|gh|ab){0,2}") {
            for pattern in PATTERNS {
                let compiled = Pattern::compile(pattern.as_bytes()).expect(pattern);
                if compiled.is_match(value.as_bytes()) == crate::operator::pattern::Outcome::Yes {
                    prop_assert!(meets(pattern, value.as_bytes()), "{}", pattern);
                }
            }
        }
    }
}
