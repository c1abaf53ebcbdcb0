//! `gabion breach`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `gabion breach`.
#[derive(Debug, Subcommand)]
pub(crate) enum BreachCommand {
    /// Make a filter of a downloaded list of leaked passwords.
    Build(Build),
    /// Say whether a password is listed. Reads it from standard input. Exit code 1 when it is.
    Check(Check),
    /// Say what a filter was made of, and check every byte of it.
    Info(Info),
}

/// `gabion breach build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The list of SHA-1 digests: a file of DIGEST:COUNT lines in order, or a folder with files such as 5BAA6.txt.
    pub(crate) source: PathBuf,
    /// The filter to write; one that exists is replaced when the new one is complete.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Leave out what was seen less often.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_count: u64,
    /// What to call the list; its file name when not given.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// The day of the list, such as 2026-01-31; when the file was last changed when not given.
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<String>,
}

/// `gabion breach check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The filter.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `gabion breach info`.
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The filter.
    pub(crate) file: PathBuf,
}
