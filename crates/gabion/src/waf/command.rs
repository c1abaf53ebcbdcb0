//! `gabion waf`: the rules from the command line.

use gabion_edge::config::{BoughtPages, WafConfig, WafSection};
use gabion_waf::RuleSet;
use toml::Spanned;

use super::{explain, install, list, replay, test};
use crate::cli::waf::{RulesArg, WafCommand};
use crate::config::Config;
use crate::exit::{Failure, USAGE};
use crate::run::End;

/// Runs a command.
///
/// # Errors
/// What kept it from being done.
pub(crate) async fn run(command: &WafCommand) -> Result<End, Failure> {
    match command {
        WafCommand::List(args) => list::run(args),
        WafCommand::Explain(args) => explain::run(args),
        WafCommand::Test(args) => test::run(args),
        WafCommand::InstallCrs(args) => install::run(args).await,
        WafCommand::Replay(args) => replay::run(args),
    }
}

/// The rules that a command is about, and what they are loaded with.
///
/// # Errors
/// What is wrong with the configuration or the rules.
pub(super) fn rules(args: &RulesArg) -> Result<(WafConfig, RuleSet), Failure> {
    let wrong = |message: String| Failure::new(USAGE, message);
    let waf = if args.rules.is_empty() {
        let waf = Config::load(&args.config.config)?.edge().waf;
        WafConfig { paranoia_level: args.paranoia.unwrap_or(waf.paranoia_level), ..waf }
    } else {
        let unplaced = |text: &String| Spanned::new(0..0, text.clone());
        let section = WafSection {
            rules: Spanned::new(0..0, args.rules.iter().map(unplaced).collect()),
            paranoia_level: Spanned::new(0..0, args.paranoia.unwrap_or(1)),
            ..WafSection::default()
        };
        section.check().map_err(|invalid| wrong(format!("--rules, --paranoia: {}", invalid.message)))?
    };
    let rules = super::load(&waf).map_err(|error| wrong(error.to_string()))?;
    Ok((waf, rules))
}

/// The pages that thank for a purchase: those of the configuration, the usual ones where rules are named without one.
///
/// # Errors
/// What is wrong with the configuration.
pub(super) fn bought(args: &RulesArg) -> Result<BoughtPages, Failure> {
    if args.rules.is_empty() {
        return Ok(Config::load(&args.config.config)?.edge().bought);
    }
    Ok(BoughtPages::default())
}
