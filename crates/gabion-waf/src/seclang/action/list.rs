//! Reads action lists.

use super::{Action, Allow, Disruption, Effect, Phase, SEVERITIES};
use crate::error::Fault;
use crate::seclang::ctl::Ctl;
use crate::seclang::setvar::{Entry, SetVar};
use crate::seclang::template::Template;
use crate::transformation::Transformation;
use crate::variable::Variable;

/// Reads an action list.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Action>, Fault> {
    pairs(text)?.into_iter().map(|(name, value)| action(&name, value.as_deref())).collect()
}

/// The name of an action and its value.
type Pair = (String, Option<Vec<u8>>);

/// Divides at commas outside of single quotes; takes the quotes off values.
fn pairs(text: &[u8]) -> Result<Vec<Pair>, Fault> {
    let mut found = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b',' | b':')).unwrap_or(rest.len());
        let name = String::from_utf8_lossy(rest[..end].trim_ascii()).into_owned();
        let mut value = None;
        let colon = rest.get(end) == Some(&b':');
        rest = rest.get(end + 1..).unwrap_or_default();
        if colon {
            let (text, after) = value_of(rest.trim_ascii_start())?;
            value = Some(text);
            rest = after;
        }
        found.push((name, value));
        rest = rest.trim_ascii_start();
    }
    Ok(found)
}

/// The value at the start and what follows its comma.
fn value_of(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Fault> {
    let mut value = Vec::new();
    let mut at = 0;
    let mut quoted = false;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if text.get(at + 1) == Some(&b'\'') => {
                value.push(b'\'');
                at += 1;
            }
            b'\'' => quoted = !quoted,
            b',' if !quoted => return Ok((value.trim_ascii_end().to_vec(), &text[at + 1..])),
            _ => value.push(byte),
        }
        at += 1;
    }
    if quoted {
        return Err(Fault::Syntax("a quote in the actions is not closed"));
    }
    Ok((value.trim_ascii_end().to_vec(), &[]))
}

fn action(name: &str, value: Option<&[u8]>) -> Result<Action, Fault> {
    let needed = || value.ok_or_else(|| Fault::value(name, "complete: the action needs a value"));
    let text = || Ok::<_, Fault>(String::from_utf8_lossy(needed()?).into_owned());
    let template = || Template::parse(needed()?);
    let effect = |effect| Ok(Action::Effect(effect));
    Ok(match name.to_ascii_lowercase().as_str() {
        "id" => Action::Id(number(&text()?)?),
        "phase" => Action::Phase(Phase::parse(&text()?)?),
        "msg" => Action::Msg(template()?),
        "logdata" => Action::LogData(template()?),
        "tag" => Action::Tag(text()?.into()),
        "severity" => Action::Severity(severity(&text()?)?),
        "rev" => Action::Rev(text()?.into()),
        "ver" => Action::Ver(text()?.into()),
        "maturity" => Action::Maturity(number(&text()?)?),
        "accuracy" => Action::Accuracy(number(&text()?)?),
        "pass" => Action::Disrupt(Disruption::Pass),
        "deny" => Action::Disrupt(Disruption::Deny),
        "drop" => Action::Disrupt(Disruption::Drop),
        "allow" => Action::Disrupt(Disruption::Allow(allow(value)?)),
        "redirect" => Action::Disrupt(Disruption::Redirect(template()?)),
        "block" => Action::Block,
        "status" => Action::Status(number(&text()?)?),
        "chain" => Action::Chain,
        "skip" => Action::Skip(number(&text()?)?),
        "skipafter" => Action::SkipAfter(needed()?.into()),
        "capture" => Action::Capture,
        "multimatch" => Action::MultiMatch,
        "log" => Action::Log(true),
        "nolog" => Action::Log(false),
        "auditlog" => Action::AuditLog(true),
        "noauditlog" => Action::AuditLog(false),
        "t" => Action::Transform(Transformation::find(&text()?)?),
        "setvar" => return effect(Effect::SetVar(SetVar::parse(needed()?)?)),
        "expirevar" => return effect(expire(needed()?)?),
        "initcol" => return effect(init(needed()?)?),
        "setuid" => return effect(Effect::SetUid(template()?)),
        "setsid" => return effect(Effect::SetSid(template()?)),
        "setrsc" => return effect(Effect::SetRsc(template()?)),
        "setenv" => return effect(environment(needed()?)?),
        "ctl" => return effect(Effect::Ctl(Ctl::parse(needed()?)?)),
        "exec" => return Err(Fault::refused(name, "the engine runs no programs")),
        "proxy" => return Err(Fault::refused(name, "where a request goes is not for rules to say")),
        "append" | "prepend" => return Err(Fault::refused(name, "rules do not rewrite responses")),
        "xmlns" => return Err(Fault::refused(name, "of XPath, only /* and //@* are read, in any namespace")),
        _ => return Err(Fault::unknown("action", name)),
    })
}

/// A plain number.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.trim().parse().map_err(|_| Fault::value(text, "a number in range"))
}

fn severity(text: &str) -> Result<u8, Fault> {
    let named = (0..).zip(SEVERITIES).find(|(_, name)| name.eq_ignore_ascii_case(text));
    match (named, text.parse()) {
        (Some((severity, _)), _) | (None, Ok(severity @ 0..=7)) => Ok(severity),
        _ => Err(Fault::value(text, "a severity: 0 to 7, or EMERGENCY to DEBUG")),
    }
}

fn allow(value: Option<&[u8]>) -> Result<Allow, Fault> {
    Ok(match value {
        None => Allow::All,
        Some(b"phase") => Allow::Phase,
        Some(b"request") => Allow::Request,
        Some(other) => return Err(Fault::value(String::from_utf8_lossy(other), "phase or request")),
    })
}

/// Divides at the first `=`.
fn assignment(text: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let at = text.iter().position(|byte| *byte == b'=').ok_or(Fault::Syntax("an assignment without ="))?;
    Ok((text[..at].trim_ascii(), text[at + 1..].trim_ascii()))
}

fn expire(text: &[u8]) -> Result<Effect, Fault> {
    let (entry, seconds) = assignment(text)?;
    Ok(Effect::ExpireVar { entry: Entry::parse(entry)?, seconds: Template::parse(seconds)? })
}

fn init(text: &[u8]) -> Result<Effect, Fault> {
    let (name, key) = assignment(text)?;
    let name = String::from_utf8_lossy(name);
    match Variable::find(&name) {
        Some(collection) if collection.shape() == crate::variable::Shape::Persistent => {
            Ok(Effect::InitCol { collection, key: Template::parse(key)? })
        }
        _ => Err(Fault::value(name, "a collection that persists: ip, global, session, user or resource")),
    }
}

fn environment(text: &[u8]) -> Result<Effect, Fault> {
    let (name, value) = assignment(text)?;
    Ok(Effect::SetEnv { name: Template::parse(name)?, value: Template::parse(value)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_commas_inside_of_quotes() {
        let actions = parse(
            br"id:1, phase:request, msg:'It\'s, well: %{tx.a}', t:none, tag:'a/b',severity:'CRITICAL',chain",
        )
        .expect("actions");
        assert_eq!(actions[0], Action::Id(1));
        assert_eq!(actions[1], Action::Phase(Phase::RequestBody));
        let Action::Msg(msg) = &actions[2] else { panic!("{actions:?}") };
        assert_eq!(msg.pieces.len(), 2);
        assert_eq!(
            actions[3..],
            [Action::Transform(None), Action::Tag("a/b".into()), Action::Severity(2), Action::Chain]
        );
    }

    #[test]
    fn mistakes_are_refused() {
        for (text, message) in [
            ("idd:1", "unknown action \"idd\""),
            ("id", "\"id\" is not complete: the action needs a value"),
            ("id:x", "\"x\" is not a number in range"),
            ("phase:6", "\"6\" is not a phase: 1 to 5, request, response or logging"),
            ("severity:8", "\"8\" is not a severity: 0 to 7, or EMERGENCY to DEBUG"),
            ("msg:'open", "a quote in the actions is not closed"),
            ("exec:/bin/sh", "exec is not supported: the engine runs no programs"),
            ("t:lower", "unknown transformation \"lower\""),
            (
                "initcol:tx=1",
                "\"tx\" is not a collection that persists: ip, global, session, user or resource",
            ),
            ("allow:all", "\"all\" is not phase or request"),
            ("ctl:ruleEngine=Maybe", "\"Maybe\" is not On, Off or DetectionOnly"),
        ] {
            assert_eq!(parse(text.as_bytes()).expect_err(text).to_string(), message);
        }
    }
}
