//! Operators: what a rule asks of a value.

pub(crate) mod byte_set;
mod network;
pub(crate) mod pattern;
pub(crate) mod phrase;
mod verify;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Fault;
use crate::injection;
use crate::seclang::template::Template;
use crate::source::Files;
use crate::transformation::is_malformed;
use byte_set::ByteSet;
use network::Networks;
use pattern::{DynamicPattern, Outcome, Pattern};
use phrase::Phrases;

/// What a rule asks of a value. Where the argument can hold macros, it comes expanded when the question is asked.
#[derive(Clone, Debug)]
pub(crate) enum Operator {
    Unconditional,
    Never,
    Rx(Pattern),
    RxGlobal(Pattern),
    /// A pattern with macros.
    RxDynamic(Arc<DynamicPattern>, Template),
    Pm(Phrases),
    Text(TextTest, Template),
    Number(Comparison, Template),
    IpMatch(Networks),
    DetectSqli,
    DetectXss,
    ValidateByteRange(ByteSet),
    ValidateUrlEncoding,
    ValidateUtf8,
    Verify(fn(&[u8]) -> bool, Pattern),
    /// The pattern and the names of its groups.
    RestPath(Pattern, Vec<String>),
    GeoLookup,
    Rbl(Box<str>),
}

/// How a value relates to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Equals,
    Begins,
    Ends,
    Contains,
    ContainsWord,
    Within,
}

/// How the number of a value relates to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// An operator as a rule names it.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) negated: bool,
    pub(crate) operator: Operator,
}

/// What an operator's argument can refer to.
pub(crate) struct Context<'a> {
    /// The folder of the rule file.
    pub(crate) folder: &'a Path,
    pub(crate) files: &'a dyn Files,
    pub(crate) datasets: &'a HashMap<String, Vec<u8>>,
}

impl Test {
    /// Reads `@name argument`, `!@name argument`, or a bare pattern.
    pub(crate) fn parse(text: &[u8], context: &Context<'_>) -> Result<Self, Fault> {
        let trimmed = text.trim_ascii_start();
        let (negated, rest) = match trimmed.strip_prefix(b"!") {
            Some(rest) => (true, rest.trim_ascii_start()),
            None => (false, trimmed),
        };
        let operator = match rest.strip_prefix(b"@") {
            Some(named) => {
                let end = named.iter().position(u8::is_ascii_whitespace).unwrap_or(named.len());
                let argument = named.get(end + 1..).unwrap_or_default();
                Operator::parse(&String::from_utf8_lossy(&named[..end]), argument, context)?
            }
            None => Operator::rx(rest)?,
        };
        Ok(Self { negated, operator })
    }
}

/// Operators of other engines, and why they are refused.
const REFUSED: &[(&str, &str)] = &[
    ("fuzzyhash", "the engine keeps no library of fuzzy hashes"),
    ("gsblookup", "no such service exists any more"),
    ("inspectfile", "the engine runs no programs"),
    ("rsub", "rules do not rewrite bodies"),
    ("validatedtd", "documents are not validated"),
    ("validatehash", "responses are not rewritten"),
    ("validateschema", "documents are not validated"),
];

impl Operator {
    fn parse(name: &str, argument: &[u8], context: &Context<'_>) -> Result<Self, Fault> {
        let trimmed = argument.trim_ascii();
        let text = || String::from_utf8_lossy(trimmed).into_owned();
        let verify = |check| Ok::<_, Fault>(Self::Verify(check, Pattern::compile(trimmed)?));
        let compare = |comparison| Ok::<_, Fault>(Self::Number(comparison, Template::parse(trimmed)?));
        let relate = |test| Ok::<_, Fault>(Self::Text(test, Template::parse(argument)?));
        Ok(match name.to_ascii_lowercase().as_str() {
            "unconditionalmatch" => Self::Unconditional,
            "nomatch" => Self::Never,
            "rx" => Self::rx(argument)?,
            "rxglobal" => Self::RxGlobal(Pattern::compile(argument)?),
            "pm" => Self::Pm(Phrases::new(trimmed.split(u8::is_ascii_whitespace))?),
            "pmf" | "pmfromfile" => {
                let content = context.read(&text())?;
                Self::Pm(Phrases::new(Phrases::of_lines(&content))?)
            }
            "pmfromdataset" => Self::Pm(Phrases::new(Phrases::of_lines(context.dataset(&text())?))?),
            "ipmatch" => Self::IpMatch(Networks::parse(&text())?),
            "ipmatchf" | "ipmatchfromfile" => {
                Self::IpMatch(Networks::parse(&String::from_utf8_lossy(&context.read(&text())?))?)
            }
            "ipmatchfromdataset" => {
                Self::IpMatch(Networks::parse(&String::from_utf8_lossy(context.dataset(&text())?))?)
            }
            "streq" => relate(TextTest::Equals)?,
            "beginswith" => relate(TextTest::Begins)?,
            "endswith" => relate(TextTest::Ends)?,
            "contains" | "strmatch" => relate(TextTest::Contains)?,
            "containsword" => relate(TextTest::ContainsWord)?,
            "within" => relate(TextTest::Within)?,
            "eq" => compare(Comparison::Equal)?,
            "gt" => compare(Comparison::Greater)?,
            "ge" => compare(Comparison::GreaterOrEqual)?,
            "lt" => compare(Comparison::Less)?,
            "le" => compare(Comparison::LessOrEqual)?,
            "detectsqli" => Self::DetectSqli,
            "detectxss" => Self::DetectXss,
            "validatebyterange" => Self::ValidateByteRange(ByteSet::parse(&text())?),
            "validateurlencoding" => Self::ValidateUrlEncoding,
            "validateutf8encoding" => Self::ValidateUtf8,
            "verifycc" => verify(verify::luhn)?,
            "verifycpf" => verify(verify::cpf)?,
            "verifyssn" => verify(verify::ssn)?,
            "verifysvnr" => verify(verify::svnr)?,
            "validatenid" => national_id(trimmed)?,
            "restpath" => rest_path(&text())?,
            "geolookup" => Self::GeoLookup,
            "rbl" => Self::Rbl(text().into()),
            lower => {
                return Err(match REFUSED.iter().find(|(known, _)| *known == lower) {
                    Some((_, why)) => Fault::refused(format!("@{name}"), why),
                    None => Fault::unknown("operator", format!("@{name}")),
                });
            }
        })
    }

    /// A pattern. Where `%{...}` names no variable it is part of the pattern.
    fn rx(source: &[u8]) -> Result<Self, Fault> {
        match Template::parse(source) {
            Ok(template) if template.constant().is_none() => {
                Ok(Self::RxDynamic(Arc::new(DynamicPattern::new()), template))
            }
            _ => Pattern::compile(source).map(Self::Rx),
        }
    }

    /// The part of the argument that can hold macros.
    pub(crate) const fn argument(&self) -> Option<&Template> {
        match self {
            Self::Text(_, template) | Self::Number(_, template) | Self::RxDynamic(_, template) => {
                Some(template)
            }
            _ => None,
        }
    }

    pub(crate) const fn argument_mut(&mut self) -> Option<&mut Template> {
        match self {
            Self::Text(_, template) | Self::Number(_, template) | Self::RxDynamic(_, template) => {
                Some(template)
            }
            _ => None,
        }
    }

    /// Asks. `argument` is what [`Self::argument`] expanded to. `groups` gets what the rule captures, if it does.
    /// The operators that need to know the world, geoLookup and rbl, never match here.
    pub(crate) fn test(&self, value: &[u8], argument: &[u8], groups: Option<&mut Groups>) -> Outcome {
        match self {
            Self::Unconditional => Outcome::Yes,
            Self::Never | Self::GeoLookup | Self::Rbl(_) => Outcome::No,
            Self::Rx(pattern) | Self::RestPath(pattern, _) => {
                let outcome = pattern.is_match(value);
                if let (Outcome::Yes, Some(groups)) = (outcome, groups) {
                    groups.take(value, &pattern.groups(value));
                }
                outcome
            }
            Self::RxDynamic(pattern, _) => {
                let Some(pattern) = pattern.get(argument) else { return Outcome::No };
                let outcome = pattern.is_match(value);
                if let (Outcome::Yes, Some(groups)) = (outcome, groups) {
                    groups.take(value, &pattern.groups(value));
                }
                outcome
            }
            Self::RxGlobal(pattern) => {
                let outcome = pattern.is_match(value);
                if let (Outcome::Yes, Some(groups)) = (outcome, groups) {
                    groups.take(value, &pattern.all(value));
                }
                outcome
            }
            Self::Pm(phrases) => {
                let found = phrases.find(value);
                if let (Some(range), Some(groups)) = (&found, groups) {
                    groups.take(value, &[Some(range.clone())]);
                }
                found.is_some().into()
            }
            Self::Text(test, _) => test.holds(value, argument).into(),
            Self::Number(comparison, _) => comparison.holds(integer(value), integer(argument)).into(),
            Self::IpMatch(networks) => networks.contain(value).into(),
            Self::DetectSqli => {
                let found = injection::sqli(value);
                if let (Some(fingerprint), Some(groups)) = (&found, groups) {
                    groups.set(fingerprint.as_bytes());
                }
                found.is_some().into()
            }
            Self::DetectXss => {
                let found = injection::xss(value);
                if let (true, Some(groups)) = (found, groups) {
                    groups.set(value);
                }
                found.into()
            }
            Self::ValidateByteRange(allowed) => value.iter().any(|byte| !allowed.contains(*byte)).into(),
            Self::ValidateUrlEncoding => is_malformed(value).into(),
            Self::ValidateUtf8 => str::from_utf8(value).is_err().into(),
            Self::Verify(check, pattern) => {
                let found =
                    pattern.all(value).into_iter().flatten().find(|range| check(&value[range.clone()]));
                if let (Some(range), Some(groups)) = (&found, groups) {
                    groups.take(value, &[Some(range.clone())]);
                }
                found.is_some().into()
            }
        }
    }
}

/// What a rule captured, for TX.0 to TX.9.
#[derive(Debug, Default)]
pub(crate) struct Groups(pub(crate) Vec<Option<Vec<u8>>>);

impl Groups {
    fn take(&mut self, value: &[u8], ranges: &[Option<std::ops::Range<usize>>]) {
        self.0 = ranges.iter().map(|range| range.clone().map(|range| value[range].to_vec())).collect();
    }

    fn set(&mut self, text: &[u8]) {
        self.0 = vec![Some(text.to_vec())];
    }
}

impl TextTest {
    fn holds(self, value: &[u8], text: &[u8]) -> bool {
        let contains = |text: &[u8], wanted: &[u8]| memchr::memmem::find(text, wanted).is_some();
        match self {
            Self::Equals => value == text,
            Self::Begins => value.starts_with(text),
            Self::Ends => value.ends_with(text),
            Self::Contains => contains(value, text),
            Self::ContainsWord => {
                let letter = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphabetic);
                text.is_empty()
                    || memchr::memmem::find_iter(value, text).any(|at| {
                        !letter(at.checked_sub(1).and_then(|before| value.get(before)))
                            && !letter(value.get(at + text.len()))
                    })
            }
            Self::Within => contains(text, value),
        }
    }
}

impl Comparison {
    pub(crate) const fn holds(self, value: i64, other: i64) -> bool {
        match self {
            Self::Equal => value == other,
            Self::Greater => value > other,
            Self::GreaterOrEqual => value >= other,
            Self::Less => value < other,
            Self::LessOrEqual => value <= other,
        }
    }
}

/// The number at the start of a text, as C reads it: none is 0, too large is the largest.
pub(crate) fn integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value =
        digits.fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}

fn national_id(argument: &[u8]) -> Result<Operator, Fault> {
    let at = argument.iter().position(u8::is_ascii_whitespace).unwrap_or(argument.len());
    let check: fn(&[u8]) -> bool = match &argument[..at] {
        b"cl" => verify::rut,
        b"us" => verify::ssn,
        other => return Err(Fault::value(String::from_utf8_lossy(other), "cl or us")),
    };
    Ok(Operator::Verify(check, Pattern::compile(argument[at..].trim_ascii())?))
}

/// Reads a path with names in braces, such as `/shop/{item}`.
fn rest_path(text: &str) -> Result<Operator, Fault> {
    let mut source = String::from("^");
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').ok_or(Fault::Syntax("a brace in the path is not closed"))?;
        source += &regex::escape(plain);
        source += "([^/]+)";
        names.push(name.to_owned());
        rest = after;
    }
    source += &regex::escape(rest);
    Ok(Operator::RestPath(Pattern::compile(format!("{source}$").as_bytes())?, names))
}

impl Context<'_> {
    /// The content of one or several files, divided by white space.
    fn read(&self, names: &str) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        for name in names.split_whitespace() {
            if name.starts_with("http://") || name.starts_with("https://") {
                return Err(Fault::refused(name, "lists come from files only"));
            }
            let path = self.folder.join(PathBuf::from(name));
            all.extend(self.files.read(&path).map_err(|source| Fault::Read { path, source })?);
            all.push(b'\n');
        }
        Ok(all)
    }

    fn dataset(&self, name: &str) -> Result<&[u8], Fault> {
        self.datasets.get(name).map(Vec::as_slice).ok_or_else(|| Fault::unknown("dataset", name))
    }
}

#[cfg(test)]
mod tests;
