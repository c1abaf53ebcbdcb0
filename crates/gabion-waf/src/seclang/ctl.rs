//! `ctl`: changes the engine for one transaction.

use std::sync::Arc;

use crate::error::Fault;
use crate::seclang::action::number;
use crate::seclang::target::{Selection, Selector};
use crate::settings::{AuditEngine, AuditParts, BodyProcessor, Engine, on_off};

/// One `ctl`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ctl {
    RuleEngine(Engine),
    AuditEngine(AuditEngine),
    AuditLogParts(PartsChange),
    RequestBodyAccess(bool),
    RequestBodyLimit(usize),
    RequestBodyProcessor(BodyProcessor),
    ForceRequestBodyVariable(bool),
    ResponseBodyAccess(bool),
    ResponseBodyLimit(usize),
    ResponseBodyProcessor(BodyProcessor),
    ForceResponseBodyVariable(bool),
    RemoveRules(Rules, Box<[usize]>),
    RemoveTarget(Arc<Removal>),
}

/// What some rules lose sight of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removal {
    pub(crate) rules: Rules,
    pub(crate) selection: Selection,
    /// Where these rules stand, in order; given by [`Ctl::bind`].
    pub(crate) places: Box<[usize]>,
}

/// Some rules.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rules {
    /// From the first to the last id.
    Ids(u64, u64),
    Tag(Box<str>),
    Message(Box<[u8]>),
}

/// A change of the parts of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartsChange {
    Set(AuditParts),
    Add(AuditParts),
    Remove(AuditParts),
}

impl Rules {
    /// Reads `N` or `N-M`.
    pub(crate) fn ids(text: &str) -> Result<Self, Fault> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(Fault::value(text, "a range from the lower to the higher id"));
        }
        Ok(Self::Ids(first, last))
    }
}

impl Ctl {
    /// Reads `option=value`, for targets `option=rules;target`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let at = text.iter().position(|byte| *byte == b'=').ok_or(Fault::Syntax("ctl is option=value"))?;
        let name = String::from_utf8_lossy(text[..at].trim_ascii()).into_owned();
        let value = text[at + 1..].trim_ascii();
        let word = String::from_utf8_lossy(value).into_owned();
        Ok(match name.to_ascii_lowercase().as_str() {
            "ruleengine" => Self::RuleEngine(Engine::parse(&word)?),
            "auditengine" => Self::AuditEngine(AuditEngine::parse(&word)?),
            "auditlogparts" => Self::AuditLogParts(PartsChange::parse(&word)?),
            "requestbodyaccess" => Self::RequestBodyAccess(on_off(&word)?),
            "requestbodylimit" => Self::RequestBodyLimit(number(&word)?),
            "requestbodyprocessor" => Self::RequestBodyProcessor(BodyProcessor::parse(&word)?),
            "forcerequestbodyvariable" => Self::ForceRequestBodyVariable(on_off(&word)?),
            "responsebodyaccess" => Self::ResponseBodyAccess(on_off(&word)?),
            "responsebodylimit" => Self::ResponseBodyLimit(number(&word)?),
            "responsebodyprocessor" => Self::ResponseBodyProcessor(BodyProcessor::parse(&word)?),
            "forceresponsebodyvariable" => Self::ForceResponseBodyVariable(on_off(&word)?),
            "ruleremovebyid" => Self::RemoveRules(Rules::ids(&word)?, Box::default()),
            "ruleremovebytag" => Self::RemoveRules(Rules::Tag(word.into()), Box::default()),
            "ruleremovebymsg" => Self::RemoveRules(Rules::Message(value.into()), Box::default()),
            "ruleremovetargetbyid" => {
                let (rules, target) = target(value)?;
                Self::remove_target(Rules::ids(&String::from_utf8_lossy(rules))?, target)
            }
            "ruleremovetargetbytag" => {
                let (rules, target) = target(value)?;
                Self::remove_target(Rules::Tag(String::from_utf8_lossy(rules).into()), target)
            }
            "ruleremovetargetbymsg" => {
                let (rules, target) = target(value)?;
                Self::remove_target(Rules::Message(rules.into()), target)
            }
            "debugloglevel" | "hashengine" | "hashenforcement" => {
                return Err(Fault::refused(name, "it has no effect in this engine"));
            }
            _ => return Err(Fault::unknown("ctl option", name)),
        })
    }

    fn remove_target(rules: Rules, selection: Selection) -> Self {
        Self::RemoveTarget(Arc::new(Removal { rules, selection, places: Box::default() }))
    }

    /// The rules that it takes something from.
    pub(crate) fn rules(&self) -> Option<&Rules> {
        match self {
            Self::RemoveRules(rules, _) => Some(rules),
            Self::RemoveTarget(removal) => Some(&removal.rules),
            _ => None,
        }
    }

    /// Says where these rules stand, so that no transaction has to look for them.
    pub(crate) fn bind(&mut self, places: Vec<usize>) {
        match self {
            Self::RemoveRules(_, own) => *own = places.into(),
            Self::RemoveTarget(removal) => Arc::make_mut(removal).places = places.into(),
            _ => {}
        }
    }
}

/// Divides `rules;target`.
fn target(text: &[u8]) -> Result<(&[u8], Selection), Fault> {
    let at = text
        .iter()
        .position(|byte| *byte == b';')
        .ok_or(Fault::Syntax("this ctl option needs rules;target"))?;
    let mut selection = Selection::parse(text[at + 1..].trim_ascii())?;
    if selection.selector == Selector::Name([].into()) {
        selection.selector = Selector::All;
    }
    Ok((text[..at].trim_ascii(), selection))
}

impl PartsChange {
    fn parse(text: &str) -> Result<Self, Fault> {
        Ok(match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(parts), _) => Self::Add(AuditParts::parse(parts)?),
            (_, Some(parts)) => Self::Remove(AuditParts::parse(parts)?),
            _ => Self::Set(AuditParts::parse(text)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_rule_sets_are_read() {
        for text in [
            "ruleEngine=DetectionOnly",
            "auditEngine=Off",
            "auditLogParts=+E",
            "requestBodyProcessor=URLENCODED",
            "forceRequestBodyVariable=On",
            "ruleRemoveById=910000",
            "ruleRemoveById=1-999999",
            "ruleRemoveByTag=attack-sqli",
            "ruleRemoveTargetById=942100;ARGS:/^json\\.q/",
            "ruleRemoveTargetByTag=CRS;ARGS:pwd",
        ] {
            Ctl::parse(text.as_bytes()).expect(text);
        }
    }

    #[test]
    fn mistakes_are_refused() {
        for (text, message) in [
            ("ruleEngine", "ctl is option=value"),
            ("ruleEngin=On", "unknown ctl option \"ruleEngin\""),
            ("ruleRemoveTargetById=1", "this ctl option needs rules;target"),
            ("ruleRemoveById=5-1", "\"5-1\" is not a range from the lower to the higher id"),
            ("debugLogLevel=9", "debugLogLevel is not supported: it has no effect in this engine"),
        ] {
            assert_eq!(Ctl::parse(text.as_bytes()).expect_err(text).to_string(), message);
        }
    }
}
