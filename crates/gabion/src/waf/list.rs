//! `gabion waf list`: the rules in force.

use std::fmt::Write;

use gabion_waf::RuleView;
use serde::Serialize;

use super::{command, shown};
use crate::cli::waf::List;
use crate::exit::Failure;
use crate::out::say;
use crate::run::End;

/// A rule, for programs.
#[derive(Serialize)]
struct Listed<'a> {
    id: u64,
    phase: u8,
    severity: Option<&'static str>,
    paranoia_level: Option<u8>,
    message: String,
    tags: Vec<&'a str>,
    logs: bool,
    file: String,
    line: u32,
}

impl<'a> Listed<'a> {
    fn of(rule: RuleView<'a>) -> Self {
        Self {
            id: rule.id(),
            phase: rule.phase().number(),
            severity: rule.severity(),
            paranoia_level: rule.paranoia_level(),
            message: rule.message(),
            tags: rule.tags().collect(),
            logs: rule.logs(),
            file: rule.location().file.display().to_string(),
            line: rule.location().line,
        }
    }
}

/// Lists rules.
///
/// # Errors
/// When they cannot be loaded.
pub(super) fn run(args: &List) -> Result<End, Failure> {
    let (waf, rules) = command::rules(&args.rules)?;
    let in_force = |rule: &RuleView<'_>| {
        args.all || rule.logs() && rule.paranoia_level().is_none_or(|level| level <= waf.paranoia_level)
    };
    let listed: Vec<Listed<'_>> = rules.iter().filter(in_force).map(Listed::of).collect();
    if args.json {
        say(serde_json::to_string(&listed).expect("numbers and texts are JSON"))?;
        return Ok(End::Stopped);
    }
    say(table(&listed).trim_end())?;
    let others = rules.len() - listed.len();
    if others > 0 {
        say(format!(
            "\n{} rules at paranoia level {}. {others} more prepare, count, or are of higher levels: --all lists them, too.",
            listed.len(),
            waf.paranoia_level
        ))?;
    }
    Ok(End::Stopped)
}

/// Two lines for each rule: what it is, and its tags with its place.
fn table(rules: &[Listed<'_>]) -> String {
    let mut text = format!("{:<9} {:<5} {:<9} {:<8} MESSAGE\n", "ID", "PHASE", "SEVERITY", "PARANOIA");
    for rule in rules {
        let level = rule.paranoia_level.map_or("-".to_owned(), |level| level.to_string());
        let message = if rule.message.is_empty() { "-" } else { &rule.message };
        writeln!(
            text,
            "{:<9} {:<5} {:<9} {level:<8} {}\n          {}:{}  {}",
            rule.id,
            rule.phase,
            rule.severity.unwrap_or("-"),
            shown::text(message.as_bytes()),
            rule.file,
            rule.line,
            rule.tags.join(" ")
        )
        .expect("writing to a string cannot fail");
    }
    text
}
