//! Operators as rule files write them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::byte_set::ByteSet;
use super::compare::{Comparison, TextTest};
use super::network::Networks;
use super::pattern::{DynamicPattern, Pattern};
use super::phrase::Phrases;
use super::{Operator, Test, verify};
use crate::error::Fault;
use crate::seclang::template::Template;
use crate::source::Files;

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
