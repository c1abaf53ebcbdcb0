//! `gabion upload`: stopped files from the command line, asked of the running product.

use std::fmt::Write;

use gabion_core::Actor;

use super::desk::{Desk, DeskError};
use super::{Kept, UploadId};
use crate::admin::{self, AdminError, Answer, Ask};
use crate::cli::upload::UploadCommand;
use crate::config::Config;
use crate::exit::{Failure, UNAVAILABLE, USAGE};
use crate::out::say;

/// Files that a list shows.
const LIST_MAX: usize = 100;

/// Runs a command.
///
/// # Errors
/// When Gabion does not run, there is no such file, or it cannot be written.
pub(crate) async fn run(command: &UploadCommand) -> Result<(), Failure> {
    let (config, ask) = match command {
        UploadCommand::List(config) => (config, Ask::ListUploads),
        UploadCommand::Release(args) => {
            let (id, path) = (id(&args.id)?, std::path::absolute(&args.to)?);
            (&args.config, Ask::ReleaseUpload { id: id.to_string(), path })
        }
        UploadCommand::Delete(args) => (&args.config, Ask::DeleteUpload { id: id(&args.id)?.to_string() }),
    };
    let folder = Config::load(&config.config)?.data_folder();
    match admin::ask(&folder, &ask).await.map_err(|error: AdminError| Failure::new(UNAVAILABLE, error))? {
        Answer::Done(text) => Ok(say(text)?),
        Answer::Failed(error) => Err(Failure::new(UNAVAILABLE, error)),
    }
}

fn id(text: &str) -> Result<UploadId, Failure> {
    text.parse().map_err(|error| Failure::new(USAGE, format!("{text}: {error}")))
}

/// Answers `gabion upload list`.
///
/// # Errors
/// As [`Desk::page`].
pub(crate) async fn list(desk: &Desk) -> Result<String, Failure> {
    let kept = desk.page(None, LIST_MAX).await.map_err(failed)?;
    if kept.is_empty() {
        return Ok("No stopped files are kept.".to_owned());
    }
    let lines: Vec<_> = kept.iter().map(line).collect();
    Ok(lines.join("\n"))
}

/// Answers `gabion upload release`.
///
/// # Errors
/// As [`Desk::release`].
pub(crate) async fn release(desk: &Desk, id: &str, path: std::path::PathBuf) -> Result<String, Failure> {
    let shown = path.display().to_string();
    let kept = desk.release(Actor::Shell, self::id(id)?, path).await.map_err(failed)?;
    Ok(format!("{shown}: {}", line(&kept)))
}

/// Answers `gabion upload delete`.
///
/// # Errors
/// As [`Desk::remove`].
pub(crate) async fn delete(desk: &Desk, id: &str) -> Result<String, Failure> {
    let kept = desk.remove(Actor::Shell, self::id(id)?).await.map_err(failed)?;
    Ok(format!("Deleted: {}", line(&kept)))
}

fn failed(error: DeskError) -> Failure {
    Failure::new(UNAVAILABLE, error)
}

/// `upl_… 2026-11-23T08:00:00Z "a.jpg" 1,204 bytes, from 192.0.2.7, req_…: why`.
fn line(kept: &Kept) -> String {
    let Kept { id, at, facts } = kept;
    let mut line = format!(
        "{id} {at} {:?} {} bytes, from {}, {}, SHA-256 {}",
        facts.name, facts.bytes, facts.client, facts.request, facts.sha256
    );
    for reason in &facts.reasons {
        write!(line, "\n  {}: {}", reason.code, reason.what).expect("writing to a string cannot fail");
    }
    line
}
