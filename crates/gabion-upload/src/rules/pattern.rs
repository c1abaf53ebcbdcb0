//! Strings of rules, compiled.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

use super::RuleFault;

/// Bytes of one text.
pub(super) const TEXT_BYTES_MAX: usize = 1_024;
/// Bytes of a text at least: a single byte is in every file.
const TEXT_BYTES_MIN: usize = 2;
/// Bytes that a jump may skip.
const JUMP_BYTES_MAX: usize = 1_024;
/// Memory of one compiled expression, and of what it remembers while it runs.
const EXPRESSION_BYTES_MAX: usize = 1024 * 1024;
/// Literals that stand for one expression in the common search, and their shortest useful length.
const GATES_MAX: usize = 64;
const GATE_BYTES_MIN: usize = 3;

/// A string of a rule.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) matchers: Vec<Matcher>,
    pub(super) fullword: bool,
}

#[derive(Debug)]
pub(super) enum Matcher {
    /// These bytes.
    Literal { bytes: Vec<u8>, nocase: bool },
    /// An expression, to be run where one of its literals was seen; always, where it has none.
    Expression { expression: Regex, gates: Vec<Vec<u8>> },
}

/// What stands behind a string.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Modifiers {
    pub(super) nocase: bool,
    pub(super) wide: bool,
    pub(super) ascii: bool,
    pub(super) fullword: bool,
}

impl Pattern {
    pub(super) fn text(text: &[u8], modifiers: Modifiers) -> Result<Self, RuleFault> {
        if text.len() < TEXT_BYTES_MIN {
            return Err(RuleFault::Pattern(format!("shorter than {TEXT_BYTES_MIN} bytes")));
        }
        let nocase = modifiers.nocase;
        let mut matchers = Vec::new();
        if modifiers.ascii || !modifiers.wide {
            matchers.push(Matcher::Literal { bytes: text.to_vec(), nocase });
        }
        if modifiers.wide {
            let bytes = text.iter().flat_map(|byte| [*byte, 0]).collect();
            matchers.push(Matcher::Literal { bytes, nocase });
        }
        Ok(Self { matchers, fullword: modifiers.fullword })
    }

    pub(super) fn hex(hex: &str) -> Result<Self, RuleFault> {
        let expression = translate(hex)?;
        Self::compile(&expression, false, true, false)
    }

    pub(super) fn expression(text: &str, flags: &str, modifiers: Modifiers) -> Result<Self, RuleFault> {
        if let Some(flag) = flags.chars().find(|flag| !matches!(flag, 'i' | 's')) {
            return Err(RuleFault::Unsupported(format!("the flag {flag} of an expression")));
        }
        if modifiers.wide {
            return Err(RuleFault::Unsupported("wide behind an expression".into()));
        }
        let nocase = modifiers.nocase || flags.contains('i');
        Self::compile(text, nocase, flags.contains('s'), modifiers.fullword)
    }

    fn compile(text: &str, nocase: bool, dot_is_any: bool, fullword: bool) -> Result<Self, RuleFault> {
        let expression = RegexBuilder::new(text)
            .unicode(false)
            .case_insensitive(nocase)
            .dot_matches_new_line(dot_is_any)
            .size_limit(EXPRESSION_BYTES_MAX)
            .dfa_size_limit(EXPRESSION_BYTES_MAX)
            .build()
            .map_err(|error| RuleFault::Pattern(one_line(&error.to_string())))?;
        if expression.is_match(b"") {
            return Err(RuleFault::Pattern("it matches nothing at all, so it is everywhere".into()));
        }
        let gates = gates(text, nocase, dot_is_any);
        Ok(Self { matchers: vec![Matcher::Expression { expression, gates }], fullword })
    }
}

/// Literals of which every match has one at its beginning or end; empty where there are none of use.
fn gates(text: &str, nocase: bool, dot_is_any: bool) -> Vec<Vec<u8>> {
    let mut parser = ParserBuilder::new();
    parser.unicode(false).utf8(false).case_insensitive(nocase).dot_matches_new_line(dot_is_any);
    let Ok(parsed) = parser.build().parse(text) else { return Vec::new() };
    let extract = |kind: ExtractKind| {
        let literals = Extractor::new().kind(kind).extract(&parsed);
        let mut gates: Vec<Vec<u8>> =
            literals.literals()?.iter().map(|literal| literal.as_bytes().to_ascii_lowercase()).collect();
        gates.sort();
        gates.dedup();
        let useful = gates.iter().all(|gate| gate.len() >= GATE_BYTES_MIN);
        (useful && (1..=GATES_MAX).contains(&gates.len())).then_some(gates)
    };
    extract(ExtractKind::Prefix).or_else(|| extract(ExtractKind::Suffix)).unwrap_or_default()
}

/// Hexadecimal bytes as a regular expression.
fn translate(hex: &str) -> Result<String, RuleFault> {
    let wrong = |what: String| RuleFault::Pattern(what);
    let mut out = String::new();
    let mut rest = hex;
    while let Some(first) = rest.chars().next() {
        match first {
            '(' => out.push_str("(?:"),
            '|' | ')' => out.push(first),
            '[' => {
                let end = rest.find(']').ok_or_else(|| wrong("a jump without ]".into()))?;
                out.push_str(&jump(&rest[1..end])?);
                rest = &rest[end + 1..];
                continue;
            }
            _ => {
                let pair = rest.get(..2).ok_or_else(|| wrong(format!("half a byte: {rest}")))?;
                out.push_str(&byte(pair)?);
                rest = &rest[2..];
                continue;
            }
        }
        rest = &rest[1..];
    }
    if out.len() > 16 * TEXT_BYTES_MAX {
        return Err(RuleFault::Limit { what: "bytes in one string", limit: TEXT_BYTES_MAX });
    }
    Ok(out)
}

fn byte(pair: &str) -> Result<String, RuleFault> {
    let digit = |digit: &str| u8::from_str_radix(digit, 16).ok();
    let (high, low) = (&pair[..1], &pair[1..]);
    match (high, low, digit(high), digit(low)) {
        ("?", "?", ..) => Ok(".".into()),
        (.., Some(high), Some(low)) => Ok(format!("\\x{:02x}", high << 4 | low)),
        (_, "?", Some(high), _) => Ok(format!("[\\x{high:x}0-\\x{high:x}f]")),
        ("?", _, _, Some(low)) => {
            let bytes: String = (0..16).map(|high| format!("\\x{high:x}{low:x}")).collect();
            Ok(format!("[{bytes}]"))
        }
        _ => Err(RuleFault::Pattern(format!("{pair} is no byte"))),
    }
}

fn jump(range: &str) -> Result<String, RuleFault> {
    let (low, high) = range.split_once('-').unwrap_or((range, range));
    if high.is_empty() {
        return Err(RuleFault::Unsupported("a jump without an end".into()));
    }
    let number = |text: &str| text.parse::<usize>().ok();
    match number(if low.is_empty() { "0" } else { low }).zip(number(high)) {
        Some((_, high)) if high > JUMP_BYTES_MAX => {
            Err(RuleFault::Limit { what: "bytes in one jump", limit: JUMP_BYTES_MAX })
        }
        Some((low, high)) if low <= high => Ok(format!(".{{{low},{high}}}")),
        _ => Err(RuleFault::Pattern(format!("[{range}] is no jump such as [4] or [2-6]"))),
    }
}

/// The sentence of a message that draws arrows under a pattern.
fn one_line(message: &str) -> String {
    message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message).trim().to_owned()
}
