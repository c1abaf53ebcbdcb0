//! `gabion ca`: the local authority's root, printed, installed and taken back.

use std::path::PathBuf;

use gabion_core::SystemClock;
use gabion_core::blame::chain;
use gabion_edge::tls::local::Authority;
use gabion_edge::tls::local::install::facts::Facts;
use gabion_edge::tls::local::install::{Action, Root, plan, step};

use crate::certificates::CONTROL_NAMES;
use crate::cli::{CaArgs, CaCommand};
use crate::config::Config;
use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::out::say;

/// Prints, installs or uninstalls the root.
///
/// # Errors
/// When there is no root yet, or a step fails.
pub(crate) fn run(command: &CaCommand) -> Result<(), Failure> {
    let (CaCommand::Print(args) | CaCommand::Install(args) | CaCommand::Uninstall(args)) = command;
    let authority = authority(args)?;
    let action = if matches!(command, CaCommand::Uninstall(_)) { Action::Uninstall } else { Action::Install };
    let steps = plan(&Facts::read(), &Root::from(&authority), action);
    if matches!(command, CaCommand::Print(_)) {
        say(authority.root_pem().trim_end())?;
        say("\n# `gabion ca install` would run:")?;
        return Ok(steps.iter().try_for_each(say)?);
    }
    step::run(&steps, &mut std::io::stdout()).map_err(|error| Failure::new(UNAVAILABLE, chain(&error)))
}

/// Opens the authority that is there. It is made by `gabion demo` or `gabion run`, which know its names.
fn authority(args: &CaArgs) -> Result<Authority, Failure> {
    let config =
        args.data.as_ref().map_or_else(|| args.config.config.clone(), |data| data.join("gabion.toml"));
    let config = Config::load(&config)?;
    let folder: PathBuf = config.data_folder().join("ca");
    if !folder.join("root.crt").exists() {
        let message = format!("{}: no local authority yet; start Gabion once", folder.display());
        return Err(Failure::new(USAGE, message));
    }
    let control = CONTROL_NAMES.iter().map(|name| name.parse().expect("our own names are good"));
    let names: Vec<_> = config.names().expect("names were checked").into_iter().chain(control).collect();
    Authority::open_or_create(&folder, &names, &SystemClock)
        .map_err(|error| Failure::new(UNAVAILABLE, chain(&error)))
}
