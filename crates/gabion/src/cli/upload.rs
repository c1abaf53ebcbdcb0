//! `gabion upload`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigArg;

/// `gabion upload`.
#[derive(Debug, Subcommand)]
pub(crate) enum UploadCommand {
    /// List what is known of the files that were stopped last. Gabion must be running.
    List(ConfigArg),
    /// Decrypt a stopped file into a new one. Open it with care. Gabion must be running.
    Release(Release),
    /// Delete a stopped file for good. Gabion must be running.
    Delete(Delete),
}

/// `gabion upload release`.
#[derive(Debug, Args)]
pub(crate) struct Release {
    /// The file's id, as `gabion upload list` names it.
    pub(crate) id: String,
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// `gabion upload delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The file's id, as `gabion upload list` names it.
    pub(crate) id: String,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}
