//! Commands that ask the running product, or work beside it.

use std::path::Path;
use std::time::Duration;

use gabion_core::{Clock, SystemClock};
use gabion_edge::Module;

use crate::admin::{self, AdminError, Answer, Ask};
use crate::bypass::BypassFile;
use crate::cli;
use crate::config::Config;
use crate::drill::Found;
use crate::exit::{Failure, UNAVAILABLE};
use crate::handover;
use crate::nginx;
use crate::out::say;
use crate::run::{self, End, Opened};

/// How long `gabion restart` waits for the new process: draining, closing the database, new tables.
const RESTART_TIMEOUT: Duration = Duration::from_secs(120);
/// Between two looks at whether it is there.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// `gabion bypass`: works whether or not anything else does.
///
/// # Errors
/// When the flag file cannot be written.
pub(crate) fn bypass(args: &cli::Bypass) -> Result<(), Failure> {
    let file = BypassFile::of(&Config::load(&args.config.config)?.data_folder());
    let failed = |error| Failure::new(UNAVAILABLE, error);
    if args.end {
        file.remove().map_err(failed)?;
        return Ok(say("Everything is on again, within a second.")?);
    }
    let modules =
        if args.module.is_empty() { Module::ALL.into() } else { args.module.iter().copied().collect() };
    let until = SystemClock.now().after(args.time);
    let bypass = gabion_console::control::Bypass { modules, until, by: "shell".into() };
    file.write(&bypass).map_err(failed)?;
    for module in &bypass.modules {
        say(format!("Off: {module}, {}", module.what()))?;
    }
    Ok(say(format!("Until {until}. `gabion bypass --end` ends it sooner."))?)
}

/// `gabion config export`.
///
/// # Errors
/// When neither the running product nor the database can be asked.
pub(crate) async fn export(config: &Config) -> Result<(), Failure> {
    ask_or(config, &Ask::Export, async |opened| Ok(opened.export())).await
}

/// `gabion export nginx`: of the configuration in force when a product runs, else of the file.
///
/// # Errors
/// When standard output is closed.
pub(crate) async fn export_nginx(file: Config) -> Result<(), Failure> {
    let in_force = match admin::ask(&file.data_folder(), &Ask::Export).await {
        Ok(Answer::Done(text)) => Config::parse(&file.path, text).ok(),
        // In an emergency the file alone has to do.
        _ => None,
    };
    Ok(say(nginx::render(&in_force.unwrap_or(file)).trim_end())?)
}

/// `gabion setup-link`.
///
/// # Errors
/// When neither the running product nor the database can be asked.
pub(crate) async fn setup_link(config: &Config) -> Result<(), Failure> {
    ask_or(config, &Ask::SetupLink, async |opened| opened.setup_link().await).await
}

/// `gabion backup`.
///
/// # Errors
/// When the file exists or cannot be written, or the database cannot be read.
pub(crate) async fn backup(config: &Config, to: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(to)?;
    let ask = Ask::Backup { path: path.clone() };
    ask_or(config, &ask, async |opened| opened.backup(&path).await).await
}

/// `gabion restore`.
///
/// # Errors
/// When Gabion runs, the backup is damaged, or the database holds data and `force` was not given.
pub(crate) async fn restore(config: &Config, from: &Path, force: bool) -> Result<(), Failure> {
    run::restore(config, from, force).await.and_then(|text| Ok(say(text)?))
}

/// `gabion drill skimmer`: answers no when it was not noticed.
///
/// # Errors
/// When no product runs, or there is no page to plant it in.
pub(crate) async fn drill_skimmer(args: cli::DrillSkimmer) -> Result<End, Failure> {
    let folder = match args.data {
        Some(folder) => folder,
        None => Config::load(&args.config.config)?.data_folder(),
    };
    let ask = Ask::DrillSkimmer { site: args.site, page: args.page };
    match admin::ask(&folder, &ask).await.map_err(|error| Failure::new(UNAVAILABLE, error))? {
        Answer::Failed(error) => Err(Failure::new(UNAVAILABLE, error)),
        Answer::Done(text) => {
            let found: Found =
                serde_json::from_str(&text).map_err(|_| Failure::new(UNAVAILABLE, AdminError::Strange))?;
            say(found.to_string().trim_end())?;
            Ok(if found.is_noticed() { End::Stopped } else { End::No })
        }
    }
}

/// `gabion restart`: returns when the new process answers.
///
/// # Errors
/// When none runs, the program on disk could not take its place, or the new process does not answer in time.
pub(crate) async fn restart(config: &Config) -> Result<(), Failure> {
    let folder = config.data_folder();
    let unavailable = |error: AdminError| Failure::new(UNAVAILABLE, error);
    let before = handover::standing(&folder).await.map_err(unavailable)?;
    match admin::ask(&folder, &Ask::Restart).await.map_err(unavailable)? {
        Answer::Done(text) => say(text)?,
        Answer::Failed(error) => return Err(Failure::new(UNAVAILABLE, error)),
    }
    let after = tokio::time::timeout(RESTART_TIMEOUT, async {
        loop {
            match handover::standing(&folder).await {
                Ok(now) if now.started != before.started => return,
                // The old process is on its way out, or the new one not there yet.
                _ => tokio::time::sleep(RESTART_PAUSE).await,
            }
        }
    });
    after.await.map_err(|_| Failure::new(UNAVAILABLE, "the new process does not answer: see its log"))?;
    Ok(say("Restarted.")?)
}

/// Asks the running product; when none runs, opens the database itself.
async fn ask_or(
    config: &Config,
    ask: &Ask,
    alone: impl AsyncFnOnce(&Opened) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let text = match admin::ask(&config.data_folder(), ask).await {
        Ok(Answer::Done(text)) => text,
        Ok(Answer::Failed(error)) => return Err(Failure::new(UNAVAILABLE, error)),
        Err(AdminError::NotRunning { .. }) => {
            let opened = Opened::open(config).await?;
            let result = alone(&opened).await;
            opened.close().await;
            result?
        }
        Err(error) => return Err(Failure::new(UNAVAILABLE, error)),
    };
    Ok(say(text.trim_end())?)
}
