//! `gabion breach`: filters of leaked passwords.

mod build;
mod file;
mod typed;

use std::path::Path;

use gabion_password::Exposure;
use gabion_password::breach::{Filter, FilterError, LeakDigest};

use crate::cli::breach::{BreachCommand, Check, Info};
use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::out::say;
use crate::progress::Progress;
use crate::run::End;
use file::FilterFile;

/// Runs a command.
///
/// # Errors
/// What kept it from being done.
pub(crate) fn run(command: &BreachCommand) -> Result<End, Failure> {
    match command {
        BreachCommand::Build(args) => build::run(args),
        BreachCommand::Check(args) => check(args),
        BreachCommand::Info(args) => info(args),
    }
}

fn check(args: &Check) -> Result<End, Failure> {
    let filter = open(&args.file)?;
    let digest = LeakDigest::of(&typed::password()?);
    match filter.look_up(&digest).map_err(|error| about(&args.file, error))? {
        Exposure::Listed => {
            say("listed: this password has leaked; use another one everywhere")?;
            Ok(End::No)
        }
        Exposure::NotListed | Exposure::Unknown => {
            say("not listed")?;
            Ok(End::Stopped)
        }
    }
}

fn info(args: &Info) -> Result<End, Failure> {
    let filter = open(&args.file)?;
    let made_of = filter.about();
    say(format!(
        "made of {}, {}, entries seen at least {} times",
        made_of.source(),
        made_of.date(),
        made_of.min_count()
    ))?;
    say(format!("{} entries in {} bytes", filter.entries(), filter.bytes()))?;
    let mut progress = Progress::new("checking", Some(filter.bytes()));
    filter.verify(|bytes| progress.tell(bytes)).map_err(|error| unusable(&args.file, error))?;
    drop(progress);
    say("every byte is as it was written")?;
    Ok(End::Stopped)
}

fn open(path: &Path) -> Result<Filter<FilterFile>, Failure> {
    let file = FilterFile::open(path).map_err(|error| about(path, error))?;
    Filter::open(file).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, error: FilterError) -> Failure {
    match error {
        FilterError::Read(error) => about(path, error),
        error => Failure::new(USAGE, format!("{}: {error}", path.display())),
    }
}

fn about(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(UNAVAILABLE, format!("{}: {error}", path.display()))
}
