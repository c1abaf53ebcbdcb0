//! Operators: what a rule asks of a value.

pub(crate) mod byte_set;
mod compare;
mod network;
mod parse;
pub(crate) mod pattern;
pub(crate) mod phrase;
mod verify;

use std::sync::Arc;

use crate::injection;
use crate::seclang::template::Template;
use crate::transformation::is_malformed;
use byte_set::ByteSet;
use compare::TextTest;
pub(crate) use compare::{Comparison, integer};
use network::Networks;
pub(crate) use parse::Context;
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

/// An operator as a rule names it.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) negated: bool,
    pub(crate) operator: Operator,
}

impl Operator {
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

#[cfg(test)]
mod tests;
