//! One look at a value that tells which patterns cannot match it.
//!
//! From each pattern, conditions are derived that every matching value meets: it contains one of some literals, or one
//! of some bytes. All literals of all rules are searched for at once, so that most patterns are never run. What is
//! derived may be too weak, never too strong: the conditions change what a rule costs, not what it matches.

mod derive;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::operator::Operator;
use crate::operator::byte_set::ByteSet;

/// Bytes of one literal; longer ones are cut. Long enough to be rare, short enough for a small automaton.
const LITERAL_BYTES_MAX: usize = 6;
/// Conditions of one pattern: the most selective are kept.
const CONDITIONS_MAX: usize = 3;

/// States of an automaton that is a table, which is the fastest; one for more literals takes less memory. CRS 4 has
/// a third of that.
const TABLE_STATES_MAX: usize = 30_000;

/// What a value must meet for an operator to match: all of these. Small, because every rule is asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Need {
    bytes_min: u32,
    conditions: [Condition; CONDITIONS_MAX],
}

/// Something that occurs in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Condition {
    #[default]
    Nothing,
    /// A byte of the set with that number.
    Byte(u16),
    /// A literal of the clause with that number.
    Literal(u16),
}

/// Collects literals while rules are compiled.
#[derive(Default)]
pub(crate) struct Builder {
    /// The literals of each clause, sorted.
    clauses: Vec<Vec<Box<[u8]>>>,
    sets: Vec<ByteSet>,
}

/// Searches for all literals of a program.
#[derive(Debug)]
pub(crate) struct Scanner {
    automaton: Option<AhoCorasick>,
    /// The clauses that each literal belongs to.
    clauses_of: Vec<Box<[usize]>>,
    sets: Vec<ByteSet>,
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
            Operator::Rx(pattern) => derive::conditions(pattern.superset().as_str())?,
            Operator::Pm(phrases) => derive::of_phrases(phrases.all()),
            _ => return None,
        };
        let mut need =
            Need { bytes_min: u32::try_from(conditions.bytes_min).unwrap_or(u32::MAX), ..Need::default() };
        let literals = conditions.literals.into_iter().map(|mut literals| {
            literals.sort();
            literals.dedup();
            number(&mut self.clauses, literals).map(Condition::Literal)
        });
        let literals: Vec<_> = literals.collect();
        let bytes = conditions.bytes.into_iter().map(|set| number(&mut self.sets, set).map(Condition::Byte));
        for (place, condition) in need.conditions.iter_mut().zip(literals.into_iter().chain(bytes).flatten())
        {
            *place = condition;
        }
        (need != Need::default()).then_some(need)
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
        let states: usize = literals.iter().map(|literal| literal.len()).sum();
        let kind =
            if states <= TABLE_STATES_MAX { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let automaton = (!literals.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(kind))
                .build(&literals)
                .expect("literals of a bounded number of rules fit an automaton")
        });
        Scanner {
            automaton,
            clauses_of: clauses_of.into_iter().map(Into::into).collect(),
            sets: self.sets,
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
        let hits = &self.hits[number * scanner.words..];
        length >= need.bytes_min as usize
            && need.conditions.iter().all(|condition| match *condition {
                Condition::Nothing => true,
                Condition::Byte(set) => scanner.sets[usize::from(set)].intersects(&self.found[number]),
                Condition::Literal(clause) => hits[usize::from(clause / 64)] & 1 << (clause % 64) != 0,
            })
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

/// The number of an item in a list, at whose end it is put if it was not there; none if the list is full.
fn number<T: PartialEq>(list: &mut Vec<T>, item: T) -> Option<u16> {
    let place = list.iter().position(|known| *known == item).unwrap_or(list.len());
    let number = u16::try_from(place).ok()?;
    if place == list.len() {
        list.push(item);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operator::pattern::Pattern;

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
        r"(?i)\b([a-h]+)[ \n]?(?!foo)(?:bar|cd)\1?",
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
