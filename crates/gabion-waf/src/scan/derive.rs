//! Conditions that every value meets which a pattern matches.
//!
//! Literals are lower case and stand for any case of their ASCII letters. The method is that of RE2's prefilter, kept
//! to a conjunction of disjunctions.

use std::collections::BTreeSet;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{CONDITIONS_MAX, LITERAL_BYTES_MAX};
use crate::operator::byte_set::ByteSet;

/// Strings of an expression that matches only a few.
const EXACT_MAX: usize = 64;
/// Literals of one clause: above, it would be found too often to be worth it.
const CLAUSE_MAX: usize = 2_500;

/// What a value must contain.
pub(super) struct Conditions {
    pub(super) bytes_min: usize,
    /// One byte of each set.
    pub(super) bytes: Vec<ByteSet>,
    /// One literal of each list.
    pub(super) literals: Vec<Vec<Box<[u8]>>>,
}

type Set = BTreeSet<Vec<u8>>;

/// What is known of an expression.
#[derive(Clone)]
struct Known {
    /// All strings that its matches end in, if they are few.
    exact: Option<Set>,
    /// Whether those are its matches, whole.
    whole: bool,
    /// Sets of which each match contains one string; none is known of the others.
    required: Vec<Set>,
}

/// The conditions of a pattern; `None` if it cannot be read.
pub(super) fn conditions(pattern: &str) -> Option<Conditions> {
    let hir = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .build()
        .parse(pattern)
        .ok()?;
    let bytes_min = hir.properties().minimum_len().unwrap_or(0);
    let known = known(&hir);
    let mut required = known.required;
    required.extend(known.exact);
    Some(best(required, bytes_min))
}

/// The condition that one of the phrases occurs.
pub(super) fn of_phrases(phrases: &[Box<[u8]>]) -> Conditions {
    best(vec![phrases.iter().map(|phrase| phrase.to_vec()).collect()], 0)
}

/// Keeps the most selective sets.
fn best(mut required: Vec<Set>, bytes_min: usize) -> Conditions {
    let mut conditions = Conditions { bytes_min, bytes: Vec::new(), literals: Vec::new() };
    required.retain(|set| !set.iter().any(Vec::is_empty));
    required.sort_by_key(|set| std::cmp::Reverse(worth(set)));
    required.dedup();
    for set in required.into_iter().take(CONDITIONS_MAX) {
        if set.iter().any(|literal| literal.len() == 1) {
            // A set with single bytes in it is one of bytes: those, and a byte of each longer literal.
            let mut bytes = ByteSet::default();
            for literal in &set {
                let rarest = literal.iter().min_by_key(|byte| frequency(**byte)).copied().unwrap_or_default();
                bytes.insert(rarest);
                bytes.insert(rarest.to_ascii_uppercase());
            }
            if bytes.len() < 200 {
                conditions.bytes.push(bytes);
            }
        } else if set.len() <= CLAUSE_MAX {
            conditions.literals.push(set.iter().map(|literal| cut(literal).into()).collect());
        }
    }
    conditions
}

fn cut(literal: &[u8]) -> &[u8] {
    &literal[..literal.len().min(LITERAL_BYTES_MAX)]
}

/// How much a set tells: more for long and rare literals, less for many.
fn worth(set: &Set) -> u64 {
    let weakest = set.iter().map(|literal| {
        let rarity: u64 = cut(literal).iter().map(|byte| 10 - frequency(*byte).min(9)).sum();
        rarity * 8
    });
    weakest.min().unwrap_or(0).saturating_sub(u64::from(set.len().ilog2()) * 2)
}

/// Roughly how common a byte is in what shops receive, from 0 to 9.
fn frequency(byte: u8) -> u64 {
    match byte {
        b'e' | b'a' | b'i' | b'o' | b't' | b'n' | b'r' | b's' => 9,
        b'a'..=b'z' | b'0' | b'1' | b' ' | b'/' | b'.' => 8,
        b'2'..=b'9' | b'-' | b'_' | b'=' | b'&' | b':' | b';' | b',' => 7,
        b'(' | b')' | b'+' | b'%' | b'"' => 5,
        b'\'' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'*' | b'#' | b'!' | b'?' => 3,
        b'$' | b'`' | b'|' | b'\\' | b'^' | b'@' | b'~' => 2,
        0x80.. => 2,
        _ => 1,
    }
}

fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => exactly([Vec::new()].into()),
        HirKind::Literal(literal) => exactly([literal.0.to_ascii_lowercase()].into()),
        HirKind::Class(class) => of_class(class),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Repetition(repetition) => {
            let sub = known(&repetition.sub);
            match (repetition.min, repetition.max) {
                (0, Some(1)) => optional(sub),
                (0, _) => nothing(),
                (1, Some(1)) => sub,
                (least, most) => {
                    let mut all = sub.clone();
                    // What repeats occurs as often as it must; a few times are enough to tell.
                    for _ in 1..least.min(4) {
                        all = concatenate(all, sub.clone());
                    }
                    if most == Some(least) && least <= 4 { all } else { inexact(all) }
                }
            }
        }
        HirKind::Concat(parts) => concatenation(parts.iter().map(known)),
        HirKind::Alternation(parts) => parts.iter().map(known).reduce(alternate).unwrap_or_else(nothing),
    }
}

fn nothing() -> Known {
    Known { exact: None, whole: false, required: Vec::new() }
}

fn exactly(set: Set) -> Known {
    Known { exact: Some(set), whole: true, required: Vec::new() }
}

/// A class, with letters folded; a large one tells nothing.
fn of_class(class: &Class) -> Known {
    let Class::Bytes(class) = class else { return nothing() };
    let bytes: BTreeSet<u8> = class
        .ranges()
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    if bytes.len() > EXACT_MAX {
        return nothing();
    }
    exactly(bytes.into_iter().map(|byte| vec![byte]).collect())
}

fn optional(sub: Known) -> Known {
    match sub.exact {
        Some(mut set) if sub.whole && set.len() < EXACT_MAX => {
            set.insert(Vec::new());
            exactly(set)
        }
        _ => nothing(),
    }
}

/// Moves what is known exactly to what is required.
fn inexact(mut known: Known) -> Known {
    known.required.extend(known.exact.take());
    known.whole = false;
    known
}

fn concatenation(parts: impl Iterator<Item = Known>) -> Known {
    parts.reduce(concatenate).unwrap_or_else(|| exactly([Vec::new()].into()))
}

/// One after the other: strings join while they are few and the second is known from its beginning.
fn concatenate(a: Known, b: Known) -> Known {
    let mut required = a.required;
    required.extend(b.required);
    match (a.exact, b.exact) {
        (Some(one), Some(other)) if b.whole && one.len() * other.len() <= EXACT_MAX => {
            let joined =
                one.iter().flat_map(|a| other.iter().map(move |b| [a.as_slice(), b].concat())).collect();
            Known { exact: Some(joined), whole: a.whole, required }
        }
        (before, exact) => {
            required.extend(before);
            Known { exact, whole: false, required }
        }
    }
}

/// One or the other: a value meets a condition of the first or one of the second.
fn alternate(a: Known, b: Known) -> Known {
    if let (Some(one), Some(other)) = (&a.exact, &b.exact)
        && a.whole
        && b.whole
        && one.len() + other.len() <= CLAUSE_MAX
    {
        return exactly(one | other);
    }
    let strongest = |known: Known| {
        inexact(known).required.into_iter().filter(|set| !set.iter().any(Vec::is_empty)).max_by_key(worth)
    };
    match (strongest(a), strongest(b)) {
        (Some(a), Some(b)) => Known { exact: None, whole: false, required: vec![&a | &b] },
        _ => nothing(),
    }
}
